//! A cached value, and how fresh it is by its age.

use std::sync::Arc;
use std::time::Duration;

use ultracart_transport::Instant;

use super::generations::ReadStamp;
use super::policy::RequiredFields;
use super::response::{Cached, Served, SharedValue};
use super::sync::AtomicInstant;
use crate::config::CacheRule;

/// A value that was read, or returned by a write.
#[derive(Debug)]
pub(super) struct Entry<V: ?Sized> {
    pub(super) value: Arc<V>,
    pub(super) stamp: ReadStamp,
    /// Calls that the load made, retries included.
    pub(super) calls: u32,
    /// Pages of a list; 1 for an object.
    pub(super) pages: u32,
    /// What an object lacks compared with the same object read by itself.
    pub(super) missing: MissingFields,
    /// Before this instant the entry is fresh and not due for a refresh, with or without webhooks.
    pub(super) fresh_until: Instant,
    /// For a list that may not show a write yet: it expires then, whatever its age.
    pub(super) expires_at: Option<Instant>,
    next_refresh: AtomicInstant,
}

/// What a load brought.
#[derive(Debug)]
pub(crate) struct Loaded<V: ?Sized> {
    pub(crate) value: Arc<V>,
    /// Calls that the load made, retries included.
    pub(crate) calls: u32,
    /// Pages of a list; 1 for an object.
    pub(crate) pages: u32,
}

/// How fresh an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    Fresh,
    /// Fresh, and due for a refresh in the background.
    RefreshDue,
    /// Past its time to live; an answer only if the server can't be reached, or if the caller allows it.
    Expired,
    /// Read before the latest change; an answer only if the caller allows it.
    Invalidated,
    /// Past `stale_if_error`, too: never an answer.
    TooOld,
}

/// What a version of an object lacks compared with the same object read by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MissingFields {
    None,
    /// Fields that only the server fills in.
    ReadOnly,
    /// Fields that can be written.
    Writable,
    /// The two have not been compared.
    Unknown,
}

impl MissingFields {
    pub(super) fn allow(self, fields: RequiredFields) -> bool {
        self == Self::None || (self == Self::ReadOnly && fields == RequiredFields::Writable)
    }
}

/// The ages at which an entry is due for a refresh, expired, and too old.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    pub(super) ttl: Duration,
    pub(super) refresh_due: Duration,
    pub(super) max_age: Duration,
}

impl Lifetime {
    pub(super) fn new(rule: &CacheRule) -> Self {
        Self::with_ttl(rule, rule.ttl)
    }

    /// Returns the lifetime while webhooks come, if they make values live longer.
    pub(super) fn with_webhooks(rule: &CacheRule, webhook_ttl: Option<Duration>) -> Option<Self> {
        let ttl = webhook_ttl.filter(|ttl| *ttl > rule.ttl && !rule.ttl.is_zero())?;
        Some(Self::with_ttl(rule, ttl))
    }

    fn with_ttl(rule: &CacheRule, ttl: Duration) -> Self {
        let refresh_due = ttl.mul_f64(rule.refresh_at);
        Self { ttl, refresh_due, max_age: ttl.saturating_add(rule.stale_if_error) }
    }
}

impl<V: ?Sized> Entry<V> {
    pub(super) fn new(loaded: Loaded<V>, stamp: ReadStamp, lifetime: Lifetime) -> Self {
        Self {
            value: loaded.value,
            stamp,
            calls: loaded.calls,
            pages: loaded.pages,
            missing: MissingFields::None,
            fresh_until: stamp.at + lifetime.refresh_due.min(lifetime.ttl),
            expires_at: None,
            next_refresh: AtomicInstant::default(),
        }
    }

    pub(super) fn missing(self, missing: MissingFields) -> Self {
        Self { missing, ..self }
    }

    pub(super) fn expiring_at(self, instant: Instant) -> Self {
        Self { expires_at: Some(instant), fresh_until: self.fresh_until.min(instant), ..self }
    }

    /// Returns how fresh the entry is by its age alone.
    pub(super) fn freshness(&self, now: Instant, lifetime: Lifetime) -> Freshness {
        match now.since(self.stamp.at) {
            age if age >= lifetime.max_age => Freshness::TooOld,
            age if age >= lifetime.ttl => Freshness::Expired,
            age if age >= lifetime.refresh_due => Freshness::RefreshDue,
            _ => Freshness::Fresh,
        }
    }

    /// Claims the next attempt to refresh the entry, for `pause`. Returns whether this caller has it.
    pub(super) fn claim_refresh(&self, now: Instant, pause: Duration) -> bool {
        now >= self.next_refresh.load() && self.next_refresh.advance_to(now + pause) <= now
    }

    #[inline]
    pub(super) fn serve(&self, served: Served, now: Instant, calls: u32) -> Cached<V> {
        Cached::new(SharedValue::One(Arc::clone(&self.value)), self.stamp, now, served, calls)
    }
}

impl<V> Loaded<V> {
    /// A value that one page brought.
    pub(crate) fn one(value: V, calls: u32) -> Self {
        Self { value: Arc::new(value), calls, pages: 1 }
    }
}
