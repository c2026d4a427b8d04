//! A read-through cache: how a read is answered by its policy.

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
use super::entry::{Entry, Freshness, Lifetime, Loaded};
use super::failures::{Failures, is_outage};
use super::generations::{Generation, Generations, ReadStamp};
use super::loads::{LoadRequest, Loads, Lookup, Purpose};
use super::policy::{CachePolicy, Read, RequiredFields};
use super::response::{Cached, Served, Stale};
use super::stats::{CacheStats, Counted, Counters};
use super::sync::lock;

/// Refreshes that are tried between `refresh_at` and the expiry, at most.
const MAX_REFRESH_ATTEMPTS: u32 = 4;

/// A cache key.
pub(crate) trait Key: Copy + Eq + Hash + Send + Sync + 'static {}

impl<K: Copy + Eq + Hash + Send + Sync + 'static> Key for K {}

/// The cached results of one operation, and its loads under way.
pub(crate) struct ReadThrough<K, V: ?Sized> {
    pub(super) rules: Rules<K>,
    pub(super) entries: Entries<K, V>,
    pub(super) generations: Arc<Generations>,
    pub(super) context: Arc<CacheContext>,
    pub(super) loads: Mutex<Loads<K, V>>,
    pub(super) failures: Failures<K>,
    pub(super) counters: Counters,
}

/// The settings of one cache.
pub(super) struct Rules<K> {
    pub(super) operation: &'static str,
    pub(super) lifetime: Lifetime,
    /// The lifetime while webhooks come that report changes of these values.
    pub(super) webhook_lifetime: Option<Lifetime>,
    /// Whether a value may not show a write of this client yet: a list, or a group, which may be read with its list.
    pub(super) can_lag: bool,
    /// Returns the generation that an entry must have seen to be valid.
    pub(super) required: fn(&Generations, K) -> Generation,
}

impl<K> Rules<K> {
    /// Returns the age from which an entry may not be served, not even stale.
    pub(super) fn max_age(&self) -> Duration {
        self.webhook_lifetime.unwrap_or(self.lifetime).max_age
    }
}

/// What a caller asks for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<K> {
    pub(super) key: K,
    pub(super) fields: RequiredFields,
    /// For `CachePolicy::Refresh`: only a load that was sent at or after this generation serves.
    pub(super) refresh: Option<Generation>,
}

impl<K: Key, V: ?Sized + Send + Sync + 'static> ReadThrough<K, V> {
    pub(super) fn new(
        rules: Rules<K>,
        entries: Entries<K, V>,
        generations: &Arc<Generations>,
        context: &Arc<CacheContext>,
    ) -> Arc<Self> {
        Arc::new(Self {
            counters: Counters::new(rules.operation),
            rules,
            entries,
            generations: Arc::clone(generations),
            context: Arc::clone(context),
            loads: Mutex::new(Loads::new()),
            failures: Failures::new(),
        })
    }

    /// Answers a read by its policy. `call` makes the call if one is needed. A call that was sent continues if the caller is
    /// cancelled, and its result is cached (except with `Bypass`).
    pub(crate) async fn get<F>(
        self: &Arc<Self>,
        key: K,
        read: Read,
        call: impl Fn(LoadRequest) -> F,
    ) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let Read { policy, fields } = read;
        let wanted = Wanted { key, fields, refresh: None };
        // Boxed to keep this future small: most reads are hits.
        match policy {
            CachePolicy::OnlyIfCached => {
                let entry = self.fresh(key, fields);
                return entry.map(|entry| self.hit(&entry)).ok_or_else(|| self.not_cached());
            }
            CachePolicy::Bypass => return Box::pin(self.bypass(call)).await,
            _ if self.is_off() => return Box::pin(self.bypass(call)).await,
            CachePolicy::Refresh => {
                let refresh = Some(self.generations.tick());
                return Box::pin(self.wait(Wanted { refresh, ..wanted }, call)).await;
            }
            CachePolicy::Default | CachePolicy::NeverStale | CachePolicy::StaleAllowed => {}
        }
        let expired = match self.find(key, fields, self.required(key)) {
            Some((Freshness::Fresh, entry)) => return Ok(self.hit(&entry)),
            Some((Freshness::RefreshDue, entry)) => {
                self.refresh_ahead(wanted, &entry, call);
                return Ok(self.hit(&entry));
            }
            Some((freshness, entry)) if policy == CachePolicy::StaleAllowed => {
                let is_invalidated = freshness == Freshness::Invalidated;
                let reason = if is_invalidated { Stale::Invalidated } else { Stale::Refreshing };
                return self.revalidate(wanted, &entry, reason, call);
            }
            Some((Freshness::Expired, entry)) if policy == CachePolicy::Default => Some(entry),
            _ => None,
        };
        let result = Box::pin(self.wait(wanted, call)).await;
        result.or_else(|error| match &expired {
            Some(entry) => self.stale_instead_of(error, entry, self.required(key)),
            None => Err(error),
        })
    }

    /// Returns a list if it is certainly fresh, without the exact time. All other reads are left to [`get`](Self::get).
    #[inline]
    pub(crate) fn try_hit(&self, policy: CachePolicy) -> Option<Cached<V>> {
        let Entries::List(list) = &self.entries else { return None };
        if !policy.reads_cache() {
            return None;
        }
        list.hit(self.generations.of_list(), self.context.coarse_now(), &self.counters)
    }

    /// Looks up an entry and judges it by age and generation. Returns none if it lacks a field, and removes it if it is too old.
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
            _ if entry.expires_at.is_some_and(|instant| now >= instant) => Freshness::Expired,
            freshness => freshness,
        };
        entry.missing.allow(fields).then_some((freshness, entry))
    }

    /// Returns the entry of a key, if it is fresh and has these fields.
    pub(super) fn fresh(&self, key: K, fields: RequiredFields) -> Option<Arc<Entry<V>>> {
        match self.find(key, fields, self.required(key))? {
            (Freshness::Fresh | Freshness::RefreshDue, entry) => Some(entry),
            _ => None,
        }
    }

    /// Judges an entry by its age alone, whatever has changed since.
    pub(super) fn freshness(&self, entry: &Entry<V>) -> Freshness {
        let now = self.context.now();
        entry.freshness(now, self.lifetime(entry, now))
    }

    /// Counts and serves a fresh entry.
    pub(super) fn hit(&self, entry: &Entry<V>) -> Cached<V> {
        self.counters.hit(entry.pages);
        entry.serve(Served::Fresh, self.context.now(), 0)
    }

    /// Serves an expired entry instead of an error, if the error is an outage and the entry neither invalidated nor too old.
    pub(super) fn stale_instead_of(
        &self,
        error: Error,
        entry: &Entry<V>,
        required: Generation,
    ) -> Result<Cached<V>, Error> {
        let is_invalidated = entry.stamp.generation < required || entry.expires_at.is_some();
        if !is_outage(&error) || is_invalidated || self.freshness(entry) == Freshness::TooOld {
            return Err(error);
        }
        Ok(self.serve_instead_of(&error, entry))
    }

    /// Serves an expired entry instead of an error.
    pub(super) fn serve_instead_of(&self, error: &Error, entry: &Entry<V>) -> Cached<V> {
        warn!(operation = self.rules.operation, %error, "the call failed: an expired value is served");
        self.counters.count(Counted::Stale);
        entry.serve(Served::Stale(Stale::Failed(error.kind())), self.context.now(), error.attempts())
    }

    pub(super) fn stats(&self) -> CacheStats {
        self.counters.stats(self.entries.stats())
    }

    pub(super) fn required(&self, key: K) -> Generation {
        (self.rules.required)(&self.generations, key)
    }

    pub(super) fn is_off(&self) -> bool {
        self.rules.lifetime.ttl.is_zero()
    }

    /// Returns the lifetime that applies to an entry now.
    fn lifetime(&self, entry: &Entry<V>, now: Instant) -> Lifetime {
        let webhook_lifetime = self.rules.webhook_lifetime;
        let webhook_lifetime = webhook_lifetime.filter(|_| self.context.webhooks_cover(entry.stamp.at, now));
        webhook_lifetime.unwrap_or(self.rules.lifetime)
    }

    /// Starts a refresh in the background, at most once in each quarter of the time that is left.
    fn refresh_ahead<F>(
        self: &Arc<Self>,
        wanted: Wanted<K>,
        entry: &Entry<V>,
        call: impl Fn(LoadRequest) -> F,
    ) where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let now = self.context.now();
        let lifetime = self.lifetime(entry, now);
        let pause = lifetime.ttl.saturating_sub(lifetime.refresh_due) / MAX_REFRESH_ATTEMPTS;
        if entry.claim_refresh(now, pause) {
            self.join_or_start(wanted, Purpose::RefreshAhead, call);
        }
    }

    /// Starts a load in the background and serves the stale entry. Returns an error instead if the server refused the last
    /// load, and a fresh entry if one has come.
    fn revalidate<F>(
        self: &Arc<Self>,
        wanted: Wanted<K>,
        entry: &Entry<V>,
        reason: Stale,
        call: impl Fn(LoadRequest) -> F,
    ) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let reason = match self.join_or_start(wanted, Purpose::Revalidate, call) {
            Lookup::Hit(entry) => return Ok(self.hit(&entry)),
            Lookup::Failed(error) if !is_outage(&error) => return Err(error),
            Lookup::Failed(error) if reason == Stale::Refreshing => Stale::Failed(error.kind()),
            Lookup::Failed(_) | Lookup::Wait { .. } => reason,
        };
        self.counters.count(Counted::Stale);
        Ok(entry.serve(Served::Stale(reason), self.context.now(), 0))
    }

    /// Makes a call that is neither shared nor cached.
    async fn bypass<F>(self: &Arc<Self>, call: impl Fn(LoadRequest) -> F) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<Loaded<V>, Error>>,
    {
        let stamp = Arc::new(Mutex::new(ReadStamp::default()));
        let (cache, its_stamp) = (Arc::clone(self), Arc::clone(&stamp));
        let hook = move |_: EarlierAttempts| {
            *lock(&its_stamp) = cache.generations.stamp(cache.context.now());
            ControlFlow::Continue(())
        };
        let (priority, hook) = (Priority::Foreground, Some(Arc::new(hook) as _));
        let loaded = call(LoadRequest { priority, label: "bypass", hook }).await?;
        let (calls, stamp) = (loaded.calls, *lock(&stamp));
        Ok(Entry::new(loaded, stamp, self.rules.lifetime).serve(Served::Fresh, self.context.now(), calls))
    }

    fn not_cached(&self) -> Error {
        Error::new(ErrorKind::NotCached, "not cached, and the policy `OnlyIfCached` forbids a call")
            .with_operation(self.rules.operation)
    }
}

impl<K, V: ?Sized> fmt::Debug for ReadThrough<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadThrough").field("operation", &self.rules.operation).finish_non_exhaustive()
    }
}
