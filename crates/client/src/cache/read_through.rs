//! The read-through cache: how a read is served under its policy.

use std::fmt;
use std::hash::Hash;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::warn;
use ultracart_transport::limiter::Priority;
use ultracart_transport::{EarlierAttempts, Error, ErrorKind, Instant};

use super::context::CacheContext;
use super::entries::Entries;
use super::entry::{Entry, Freshness, Lifetime, LoadedValue};
use super::failures::{Failures, is_outage};
use super::loads::{LoadRequest, Loads, Lookup, Purpose};
use super::logical_clock::{Generation, LogicalClock, ReadStamp};
use super::policy::{CachePolicy, Read, RequiredFields};
use super::response::{Cached, Served, Stale};
use super::stats::{CacheStats, CountedEvent, Counters};
use super::sync::lock;

/// Maximum number of refresh-aheads that are started for one entry between `refresh_at` and its expiry.
const MAX_REFRESH_AHEADS: u32 = 4;

/// A cache key.
pub(crate) trait Key: Copy + Eq + Hash + Send + Sync + 'static {}

impl<K: Copy + Eq + Hash + Send + Sync + 'static> Key for K {}

/// The cache of one read operation, and its loads in progress.
pub(crate) struct ReadThrough<K, V: ?Sized> {
    pub(super) settings: CacheSettings<K>,
    pub(super) entries: Entries<K, V>,
    pub(super) logical_clock: Arc<LogicalClock>,
    pub(super) context: Arc<CacheContext>,
    pub(super) loads: Mutex<Loads<K, V>>,
    pub(super) failures: Failures<K>,
    pub(super) counters: Counters,
}

/// The settings of one cache.
pub(super) struct CacheSettings<K> {
    pub(super) operation: &'static str,
    pub(super) lifetime: Lifetime,
    /// The lifetime that applies while webhooks report changes of these values. `None` if `lifetime` always
    /// applies.
    pub(super) webhook_lifetime: Option<Lifetime>,
    /// Whether responses can lack a recent write of this client. True for lists. Also true for single groups,
    /// because reading a group may require a read of the server's list.
    pub(super) can_lag: bool,
    /// Returns the required generation of a key. An entry is valid if its load was sent at or after this
    /// generation.
    pub(super) required: fn(&LogicalClock, K) -> Generation,
}

impl<K> CacheSettings<K> {
    /// Returns the age at which an entry becomes too old to be served. If there is a webhook lifetime, it
    /// determines this age, even while no webhooks arrive.
    pub(super) fn max_age(&self) -> Duration {
        self.webhook_lifetime.unwrap_or(self.lifetime).max_age
    }
}

/// What a caller requires of an entry.
#[derive(Clone, Copy)]
pub(super) struct Requirement<K> {
    pub(super) key: K,
    pub(super) fields: RequiredFields,
    /// For `CachePolicy::Refresh`: the entry must come from a load that was sent at or after this generation.
    /// `None` for all other policies.
    pub(super) sent_since: Option<Generation>,
}

impl<K: Key, V: ?Sized + Send + Sync + 'static> ReadThrough<K, V> {
    pub(super) fn new(
        settings: CacheSettings<K>,
        entries: Entries<K, V>,
        logical_clock: &Arc<LogicalClock>,
        context: &Arc<CacheContext>,
    ) -> Arc<Self> {
        Arc::new(Self {
            counters: Counters::new(settings.operation),
            settings,
            entries,
            logical_clock: Arc::clone(logical_clock),
            context: Arc::clone(context),
            loads: Mutex::new(Loads::new()),
            failures: Failures::new(),
        })
    }

    /// Serves a read under its policy. `call` makes the call if one is needed. If the caller is cancelled
    /// after the call was sent, the call continues and its result is cached (except with `Bypass`).
    pub(crate) async fn get<F>(
        self: &Arc<Self>,
        key: K,
        read: Read,
        call: impl Fn(LoadRequest) -> F,
    ) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<LoadedValue<V>, Error>> + Send + 'static,
    {
        let Read { policy, fields } = read;
        let requirement = Requirement { key, fields, sent_since: None };
        // The futures below are boxed to keep this one small: most reads are hits.
        match policy {
            CachePolicy::OnlyIfCached => {
                let entry = self.fresh(key, fields);
                return entry.map(|entry| self.hit(&entry)).ok_or_else(|| self.not_cached());
            }
            CachePolicy::Bypass => return Box::pin(self.bypass(call)).await,
            _ if self.is_off() => return Box::pin(self.bypass(call)).await,
            CachePolicy::Refresh => {
                let sent_since = Some(self.logical_clock.tick());
                return Box::pin(self.load_or_join(Requirement { sent_since, ..requirement }, call)).await;
            }
            CachePolicy::Default | CachePolicy::NeverStale | CachePolicy::StaleAllowed => {}
        }
        let expired = match self.find(key, fields, self.required(key)) {
            Some((Freshness::Fresh, entry)) => return Ok(self.hit(&entry)),
            Some((Freshness::RefreshDue, entry)) => {
                self.refresh_ahead(requirement, &entry, call);
                return Ok(self.hit(&entry));
            }
            Some((freshness, entry)) if policy == CachePolicy::StaleAllowed => {
                let is_invalidated = freshness == Freshness::Invalidated;
                let reason = if is_invalidated { Stale::Invalidated } else { Stale::Refreshing };
                return self.revalidate(requirement, &entry, reason, call);
            }
            Some((Freshness::Expired, entry)) if policy == CachePolicy::Default => Some(entry),
            _ => None,
        };
        let result = Box::pin(self.load_or_join(requirement, call)).await;
        result.or_else(|error| match &expired {
            Some(entry) => self.stale_instead_of(error, entry, self.required(key)),
            None => Err(error),
        })
    }

    /// Returns the cached list if it is fresh by the coarse clock. If this function returns `None`, call
    /// [`get`](Self::get).
    #[inline]
    pub(crate) fn try_hit(&self, policy: CachePolicy) -> Option<Cached<V>> {
        let Entries::List(list) = &self.entries else { return None };
        if !policy.reads_cache() {
            return None;
        }
        list.hit(self.logical_clock.latest_change_of_any(), self.context.coarse_now(), &self.counters)
    }

    /// Looks up an entry and its freshness. Returns `None` if there is no entry, or if the entry lacks a
    /// required field. Removes an entry that is too old, and returns `None`.
    pub(super) fn find(
        &self,
        key: K,
        fields: RequiredFields,
        required: Generation,
    ) -> Option<(Freshness, Arc<Entry<V>>)> {
        let entry = self.entries.get(key)?;
        let now = self.context.now();
        let freshness = match entry.freshness(now, self.lifetime(&entry, now)) {
            Freshness::TooOld => {
                // Personal data leaves memory at this age.
                self.entries.remove(key, &entry);
                return None;
            }
            _ if entry.stamp.generation < required => Freshness::Invalidated,
            _ if entry.early_expiry.is_some_and(|instant| now >= instant) => Freshness::Expired,
            freshness => freshness,
        };
        entry.missing.satisfies(fields).then_some((freshness, entry))
    }

    /// Returns the key's entry if it is fresh and has these fields.
    pub(super) fn fresh(&self, key: K, fields: RequiredFields) -> Option<Arc<Entry<V>>> {
        match self.find(key, fields, self.required(key))? {
            (Freshness::Fresh | Freshness::RefreshDue, entry) => Some(entry),
            _ => None,
        }
    }

    /// Returns the freshness of an entry by its age alone. Changes are ignored.
    pub(super) fn freshness(&self, entry: &Entry<V>) -> Freshness {
        let now = self.context.now();
        entry.freshness(now, self.lifetime(entry, now))
    }

    /// Counts and serves a fresh entry.
    pub(super) fn hit(&self, entry: &Entry<V>) -> Cached<V> {
        self.counters.hit(entry.pages);
        entry.serve(Served::Fresh, self.context.now(), 0)
    }

    /// Serves an expired entry instead of the error, if both conditions hold; otherwise returns the error:
    ///
    /// - The error is an outage.
    /// - The entry is not invalidated, not too old, and not a list that possibly lacks a recent write.
    pub(super) fn stale_instead_of(
        &self,
        error: Error,
        entry: &Entry<V>,
        required: Generation,
    ) -> Result<Cached<V>, Error> {
        let is_invalidated = entry.stamp.generation < required || entry.early_expiry.is_some();
        if !is_outage(&error) || is_invalidated || self.freshness(entry) == Freshness::TooOld {
            return Err(error);
        }
        Ok(self.serve_instead_of(&error, entry))
    }

    /// Serves an expired entry instead of an error. The failed attempts count as calls of the read.
    pub(super) fn serve_instead_of(&self, error: &Error, entry: &Entry<V>) -> Cached<V> {
        warn!(operation = self.settings.operation, %error, "the call failed: an expired value is served");
        self.counters.count(CountedEvent::Stale);
        entry.serve(Served::Stale(Stale::Failed(error.kind())), self.context.now(), error.attempts())
    }

    pub(super) fn stats(&self) -> CacheStats {
        self.counters.stats(self.entries.stats())
    }

    pub(super) fn required(&self, key: K) -> Generation {
        (self.settings.required)(&self.logical_clock, key)
    }

    pub(super) fn is_off(&self) -> bool {
        self.settings.lifetime.ttl.is_zero()
    }

    /// Returns the lifetime that applies to an entry at `now`.
    fn lifetime(&self, entry: &Entry<V>, now: Instant) -> Lifetime {
        let webhook_lifetime = self.settings.webhook_lifetime;
        let webhook_lifetime = webhook_lifetime.filter(|_| self.context.webhooks_cover(entry.stamp.at, now));
        webhook_lifetime.unwrap_or(self.settings.lifetime)
    }

    /// Starts a refresh in the background, at most once in each quarter of the time between `refresh_at` and
    /// expiry.
    fn refresh_ahead<F>(
        self: &Arc<Self>,
        requirement: Requirement<K>,
        entry: &Entry<V>,
        call: impl Fn(LoadRequest) -> F,
    ) where
        F: Future<Output = Result<LoadedValue<V>, Error>> + Send + 'static,
    {
        let now = self.context.now();
        let lifetime = self.lifetime(entry, now);
        let pause = lifetime.ttl.saturating_sub(lifetime.refresh_due) / MAX_REFRESH_AHEADS;
        if entry.claim_refresh(now, pause) {
            self.join_or_start(requirement, Purpose::RefreshAhead, call);
        }
    }

    /// Starts a load in the background and serves the stale entry. If another caller has loaded a fresh
    /// entry, serves that entry instead. If the key has a cached failure that is not an outage, returns this
    /// failure.
    fn revalidate<F>(
        self: &Arc<Self>,
        requirement: Requirement<K>,
        entry: &Entry<V>,
        reason: Stale,
        call: impl Fn(LoadRequest) -> F,
    ) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<LoadedValue<V>, Error>> + Send + 'static,
    {
        let reason = match self.join_or_start(requirement, Purpose::Revalidate, call) {
            Lookup::Hit(entry) => return Ok(self.hit(&entry)),
            Lookup::Failed(error) if !is_outage(&error) => return Err(error),
            Lookup::Failed(error) if reason == Stale::Refreshing => Stale::Failed(error.kind()),
            Lookup::Failed(_) | Lookup::Wait { .. } => reason,
        };
        self.counters.count(CountedEvent::Stale);
        Ok(entry.serve(Served::Stale(reason), self.context.now(), 0))
    }

    /// Makes a call whose result is neither shared nor cached.
    async fn bypass<F>(self: &Arc<Self>, call: impl Fn(LoadRequest) -> F) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<LoadedValue<V>, Error>>,
    {
        let stamp = Arc::new(Mutex::new(ReadStamp::default()));
        let (cache, its_stamp) = (Arc::clone(self), Arc::clone(&stamp));
        let hook = move |_: EarlierAttempts| {
            *lock(&its_stamp) = cache.logical_clock.stamp(cache.context.now());
            ControlFlow::Continue(())
        };
        let (priority, hook) = (Priority::Foreground, Some(Arc::new(hook) as _));
        let loaded = call(LoadRequest { priority, label: "bypass", hook }).await?;
        let (calls, stamp) = (loaded.calls, *lock(&stamp));
        Ok(Entry::new(loaded, stamp, self.settings.lifetime).serve(Served::Fresh, self.context.now(), calls))
    }

    fn not_cached(&self) -> Error {
        Error::new(ErrorKind::NotCached, "not cached, and the policy `OnlyIfCached` forbids a call")
            .with_operation(self.settings.operation)
    }
}

impl<K, V: ?Sized> fmt::Debug for ReadThrough<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadThrough").field("operation", &self.settings.operation).finish_non_exhaustive()
    }
}
