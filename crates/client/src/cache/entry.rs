//! A cached value and how fresh it is.

use std::sync::Arc;
use std::time::Duration;

use ultracart_transport::Instant;

use super::generations::ReadStamp;
use super::policy::RequiredFields;
use super::response::{Cached, Served};
use super::sync::AtomicInstant;
use crate::config::CacheRule;

/// A value that was read, or returned by a write.
#[derive(Debug)]
pub(crate) struct Entry<V: ?Sized> {
    pub(super) value: Arc<V>,
    pub(super) stamp: ReadStamp,
    /// Until when the value is fresh if no webhooks come: the shortcut of a hit.
    pub(super) fresh_until: Instant,
    /// The entry expires at this instant even if its time to live is longer.
    pub(super) expires_by: Option<Instant>,
    /// Calls that the load made, retries included.
    pub(super) calls: u32,
    /// Calls that a load makes without retries: the pages of a list.
    pub(super) pages: u32,
    /// What the value lacks compared with the object when it is read by itself.
    pub(super) missing: MissingFields,
    next_refresh: AtomicInstant,
}

/// What a load returned.
#[derive(Debug)]
pub(crate) struct Loaded<V: ?Sized> {
    pub(crate) value: Arc<V>,
    /// Calls that the load made, retries included.
    pub(crate) calls: u32,
    /// Calls that a load makes without retries: the pages of a list.
    pub(crate) pages: u32,
}

/// How fresh an entry is by its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    Fresh,
    /// Fresh, and due for a refresh in the background.
    RefreshDue,
    /// Past its time to live, and still an answer if the server can't be reached.
    Expired,
    /// Past its time to live and `stale_if_error`: never an answer.
    TooOld,
}

/// Which fields a version of an object lacks, compared with the object when it is read by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MissingFields {
    #[default]
    None,
    /// Only fields that the server alone fills in.
    ReadOnly,
    Writable,
    /// The two have not been compared.
    Unknown,
}

impl MissingFields {
    pub(super) fn allow(self, fields: RequiredFields) -> bool {
        match self {
            Self::None => true,
            Self::ReadOnly => fields == RequiredFields::Writable,
            Self::Writable | Self::Unknown => false,
        }
    }
}

/// How long an entry is kept, by its age.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    pub(super) ttl: Duration,
    pub(super) refresh_due: Duration,
    max_age: Duration,
}

impl Lifetime {
    fn new(rule: &CacheRule, ttl: Duration) -> Self {
        let refresh_due = ttl.mul_f64(rule.refresh_at);
        Self { ttl, refresh_due, max_age: ttl.saturating_add(rule.stale_if_error) }
    }
}

/// How long entries are kept: usually, and while webhooks come that report changes of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub(super) usual: Lifetime,
    pub(super) with_webhooks: Option<Lifetime>,
}

impl Lifetimes {
    /// `webhook_ttl` is the time to live while webhooks come, if they report changes of these values. It counts where it is
    /// the longer one, and not where caching is switched off.
    pub(super) fn new(rule: &CacheRule, webhook_ttl: Option<Duration>) -> Self {
        let webhook_ttl = webhook_ttl.filter(|ttl| *ttl > rule.ttl && !rule.ttl.is_zero());
        let with_webhooks = webhook_ttl.map(|ttl| Lifetime::new(rule, ttl));
        Self { usual: Lifetime::new(rule, rule.ttl), with_webhooks }
    }

    /// The same lifetimes, without a refresh before the expiry.
    pub(super) fn without_refresh(self) -> Self {
        let without = |lifetime: Lifetime| Lifetime { refresh_due: lifetime.ttl, ..lifetime };
        Self { usual: without(self.usual), with_webhooks: self.with_webhooks.map(without) }
    }

    /// The age at which an entry is never an answer any more.
    pub(super) fn max_age(self) -> Duration {
        self.with_webhooks.unwrap_or(self.usual).max_age
    }
}

impl<V: ?Sized> Entry<V> {
    pub(super) fn new(loaded: Loaded<V>, stamp: ReadStamp, lifetime: Lifetime) -> Self {
        let Loaded { value, calls, pages } = loaded;
        let fresh_until = stamp.at + lifetime.refresh_due.min(lifetime.ttl);
        let missing = MissingFields::None;
        let next_refresh = AtomicInstant::default();
        Self { value, stamp, fresh_until, expires_by: None, calls, pages, missing, next_refresh }
    }

    /// Expires the entry at `instant`, if it doesn't expire before.
    pub(super) fn expire_by(mut self, instant: Instant) -> Self {
        self.expires_by = Some(instant);
        self.fresh_until = self.fresh_until.min(instant);
        self
    }

    /// Marks the entry as lacking these fields.
    pub(super) fn lacking(self, missing: MissingFields) -> Self {
        Self { missing, ..self }
    }

    pub(super) fn freshness(&self, now: Instant, lifetime: Lifetime) -> Freshness {
        let age = now.since(self.stamp.at);
        if age >= lifetime.max_age {
            Freshness::TooOld
        } else if age >= lifetime.ttl {
            Freshness::Expired
        } else if age >= lifetime.refresh_due {
            Freshness::RefreshDue
        } else {
            Freshness::Fresh
        }
    }

    /// Claims the next attempt to refresh the entry, so that one caller makes it. Further attempts wait for `pause`.
    pub(super) fn claim_refresh(&self, now: Instant, pause: Duration) -> bool {
        let next = self.next_refresh.load();
        now >= next && self.next_refresh.replace(next, now + pause)
    }

    #[inline]
    pub(super) fn serve(&self, served: Served, now: Instant, calls: u32) -> Cached<V> {
        let age = now.since(self.stamp.at);
        Cached::new(Arc::clone(&self.value), served, age, calls, self.stamp.generation)
    }
}

impl<V> Loaded<V> {
    /// A value that one page brought.
    pub(crate) fn one(value: V, calls: u32) -> Self {
        Self { value: Arc::new(value), calls, pages: 1 }
    }
}
