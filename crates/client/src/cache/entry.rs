//! A cached value and its freshness.

use std::sync::Arc;
use std::time::Duration;

use ultracart_transport::Instant;

use super::logical_clock::ReadStamp;
use super::policy::RequiredFields;
use super::response::{Cached, Served, SharedValue};
use super::sync::AtomicInstant;
use crate::config::CacheRule;

/// A cached value from a load or from the response to a write.
#[derive(Debug)]
pub(super) struct Entry<V: ?Sized> {
    pub(super) value: Arc<V>,
    pub(super) stamp: ReadStamp,
    /// Number of attempts that the load made, retries included. 0 for the response to a write.
    pub(super) calls: u32,
    /// Number of pages of a list; 1 for an object.
    pub(super) pages: u32,
    /// Which fields the object lacks, compared with the response to `getUser` or `getGroup`.
    pub(super) missing: MissingFields,
    /// Before this instant, the entry is neither expired nor due for a refresh. A change can still invalidate
    /// it. The instant is computed without regard to webhooks: while they arrive, the entry may stay fresh
    /// for longer.
    pub(super) fresh_until: Instant,
    /// The instant at which a list expires, even if its time to live is longer. Set only for a list that
    /// possibly lacks a recent write of this client. `None` for all other entries.
    pub(super) early_expiry: Option<Instant>,
    next_refresh: AtomicInstant,
}

/// The result of a successful load.
#[derive(Debug)]
pub(crate) struct LoadedValue<V: ?Sized> {
    pub(crate) value: Arc<V>,
    /// Number of attempts that the load made, retries included.
    pub(crate) calls: u32,
    /// Number of pages of a list; 1 for an object.
    pub(crate) pages: u32,
}

/// How fresh an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    Fresh,
    /// Fresh, and due for a refresh in the background.
    RefreshDue,
    /// Past its time to live. Served only in an outage, or if the caller allows stale values.
    Expired,
    /// Read before the latest change. Served only if the caller allows stale values.
    Invalidated,
    /// Past its time to live plus `stale_if_error`. Never served.
    TooOld,
}

/// Which fields a version of an object lacks, compared with the response to `getUser` or `getGroup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MissingFields {
    Nothing,
    /// Only read-only fields, which the server fills in.
    ReadOnly,
    /// At least one field that can be written.
    Writable,
    /// Not known: no two versions have been compared.
    Unknown,
}

impl MissingFields {
    /// Returns whether a caller who needs these fields may use an object that lacks the fields in `self`.
    pub(super) fn satisfies(self, fields: RequiredFields) -> bool {
        self == Self::Nothing || (self == Self::ReadOnly && fields == RequiredFields::Writable)
    }
}

/// The ages at which an entry is due for a refresh, at which it expires, and from which it is never served,
/// not even in an outage.
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

    /// Returns the lifetime while webhooks arrive. Returns `None` if `webhook_ttl` is `None` or not longer
    /// than the usual time to live, or if the cache is off.
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
    pub(super) fn new(loaded: LoadedValue<V>, stamp: ReadStamp, lifetime: Lifetime) -> Self {
        Self {
            value: loaded.value,
            stamp,
            calls: loaded.calls,
            pages: loaded.pages,
            missing: MissingFields::Nothing,
            fresh_until: stamp.at + lifetime.refresh_due.min(lifetime.ttl),
            early_expiry: None,
            next_refresh: AtomicInstant::default(),
        }
    }

    pub(super) fn missing(self, missing: MissingFields) -> Self {
        Self { missing, ..self }
    }

    pub(super) fn expiring_at(self, instant: Instant) -> Self {
        Self { early_expiry: Some(instant), fresh_until: self.fresh_until.min(instant), ..self }
    }

    /// Returns how fresh the entry is, judged only by its age: changes are ignored.
    pub(super) fn freshness(&self, now: Instant, lifetime: Lifetime) -> Freshness {
        match now.since(self.stamp.at) {
            age if age >= lifetime.max_age => Freshness::TooOld,
            age if age >= lifetime.ttl => Freshness::Expired,
            age if age >= lifetime.refresh_due => Freshness::RefreshDue,
            _ => Freshness::Fresh,
        }
    }

    /// Claims a refresh of the entry, and returns whether the claim succeeded. After a successful claim, all
    /// claims fail until `pause` has passed.
    pub(super) fn claim_refresh(&self, now: Instant, pause: Duration) -> bool {
        now >= self.next_refresh.load() && self.next_refresh.advance_to(now + pause) <= now
    }

    #[inline]
    pub(super) fn serve(&self, served: Served, now: Instant, calls: u32) -> Cached<V> {
        Cached::new(SharedValue::One(Arc::clone(&self.value)), self.stamp, now, served, calls)
    }
}

impl<V> LoadedValue<V> {
    /// Creates the result of a load of one object.
    pub(crate) fn one(value: V, calls: u32) -> Self {
        Self { value: Arc::new(value), calls, pages: 1 }
    }
}
