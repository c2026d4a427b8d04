//! What is remembered, and how good it still is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::cached::{Cached, Served};
use super::flights::Begun;
use super::load::Loaded;
use super::surroundings::nanos;
use crate::config::CacheRule;

/// A value that was read.
pub(super) struct Entry<K, V: ?Sized> {
    pub(super) key: K,
    pub(super) value: Arc<V>,
    /// The latest change that it can have seen.
    pub(super) generation: u64,
    /// When the server was asked.
    pub(super) loaded_at: Duration,
    /// It is not good for longer than this: the server had not caught up with a write.
    pub(super) good_until: Option<Duration>,
    /// Which departure of its cache brought it.
    pub(super) flight: u64,
    /// What it cost.
    pub(super) calls: u32,
    /// What it costs where nothing is sent again.
    pub(super) parts: u32,
    /// When it may be refreshed ahead of time again, in nanoseconds.
    next_refresh: AtomicU64,
}

/// How good an entry is by its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Fresh,
    /// Fresh, and to be refreshed.
    Due,
    /// Good enough where there is nothing better.
    TooOld,
    /// Good for nothing.
    Gone,
}

impl Age {
    pub(super) fn is_good(self) -> bool {
        matches!(self, Self::Fresh | Self::Due)
    }
}

/// How long a value is good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    pub(super) ttl: Duration,
    /// The age from which on it is refreshed.
    pub(super) due: Duration,
    /// The age up to which it is better than nothing.
    pub(super) stale: Duration,
}

impl Lifetime {
    pub(super) fn new(rule: &CacheRule, ttl: Duration) -> Self {
        Self { ttl, due: ttl.mul_f64(rule.refresh_at), stale: ttl.saturating_add(rule.stale_if_error) }
    }
}

impl<K, V: ?Sized> Entry<K, V> {
    pub(super) fn new(key: K, loaded: Loaded<V>, begun: Begun, flight: u64) -> Self {
        let Loaded { value, calls, parts, good_until } = loaded;
        let Begun { generation, at: loaded_at } = begun;
        let next_refresh = AtomicU64::new(0);
        Self { key, value, generation, loaded_at, good_until, flight, calls, parts, next_refresh }
    }

    /// When it is fresh no longer.
    pub(super) fn fresh_until(&self, lifetime: Lifetime) -> Duration {
        let due = self.loaded_at.saturating_add(lifetime.due.min(lifetime.ttl));
        self.good_until.map_or(due, |until| until.min(due))
    }

    #[inline]
    pub(super) fn age(&self, now: Duration, lifetime: Lifetime) -> Age {
        let age = now.saturating_sub(self.loaded_at);
        let is_provisional_no_more = self.good_until.is_some_and(|until| now >= until);
        if age < lifetime.ttl && !is_provisional_no_more {
            if age < lifetime.due { Age::Fresh } else { Age::Due }
        } else if age < lifetime.stale {
            Age::TooOld
        } else {
            Age::Gone
        }
    }

    /// Whether whoever asks is the one to refresh it. For `pause` nobody else is.
    pub(super) fn take_refresh(&self, now: Duration, pause: Duration) -> bool {
        let next = self.next_refresh.load(Ordering::Relaxed);
        let later = nanos(now.saturating_add(pause));
        nanos(now) >= next
            && self.next_refresh.compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    pub(super) fn served(&self, served: Served, now: Duration, calls: u32) -> Cached<V> {
        let age = now.saturating_sub(self.loaded_at);
        Cached::new(Arc::clone(&self.value), served, age, calls, self.generation)
    }
}
