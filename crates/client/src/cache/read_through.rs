//! A read-through cache: how a read is answered by its policy.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use tracing::{trace, warn};
use ultracart_transport::limiter::Priority;
use ultracart_transport::{AttemptHook, EarlierAttempts, Error, ErrorKind};

use super::context::CacheContext;
use super::entries::{Entries, Found};
use super::entry::{Entry, Freshness, Loaded};
use super::generations::{Generation, Generations, ReadStamp};
use super::load::failures::is_outage;
use super::load::request::LoadRequest;
use super::load::table::Purpose;
use super::policy::{CachePolicy, Read};
use super::response::{Cached, Served, Stale};
use super::single_flight::{Lookup, SingleFlight, Wanted};
use super::stats::CacheStats;
use super::store::EntryStore;
use super::sync::lock;

/// Attempts to refresh an entry between the moment it is due for one and its expiry.
const REFRESH_ATTEMPTS: u32 = 4;

/// The cache of one operation.
pub(crate) struct ReadThrough<S: EntryStore>(Arc<SingleFlight<S>>);

impl<S: EntryStore> ReadThrough<S> {
    pub(super) fn new(entries: Entries<S>) -> Self {
        Self(Arc::new(SingleFlight::new(entries)))
    }

    pub(super) fn entries(&self) -> &Entries<S> {
        &self.0.entries
    }

    /// Answers a read by its policy. `call` makes the call if one is needed. It goes on after the caller is cancelled, if it
    /// was sent.
    pub(crate) async fn get<F>(
        &self,
        key: S::Key,
        read: Read,
        call: impl Fn(LoadRequest) -> F,
    ) -> Result<Cached<S::Value>, Error>
    where
        F: Future<Output = Result<Loaded<S::Value>, Error>> + Send + 'static,
    {
        let Read { policy, fields } = read;
        let wanted = Wanted { key, fields, refresh: None };
        // Futures that wait are boxed, so that a hit needs no room for them.
        match policy {
            CachePolicy::OnlyIfCached => {
                let entry = self.entries().fresh(key, fields, self.entries().required(key));
                return entry.map(|entry| self.hit(&entry)).ok_or_else(|| self.not_cached());
            }
            CachePolicy::Refresh if !self.entries().is_off() => {
                let refresh = Some(self.entries().generations.tick());
                return Box::pin(self.0.wait(Wanted { refresh, ..wanted }, call)).await;
            }
            CachePolicy::Bypass => return Box::pin(self.bypass(call)).await,
            _ if self.entries().is_off() => return Box::pin(self.bypass(call)).await,
            _ => {}
        }
        let expired = match self.entries().find(key, fields, self.entries().required(key)) {
            Some(Found::Fresh(entry)) => return Ok(self.hit(&entry)),
            Some(Found::RefreshDue(entry)) => {
                self.refresh_ahead(wanted, &entry, call);
                return Ok(self.hit(&entry));
            }
            Some(Found::Expired(entry)) if policy == CachePolicy::StaleAllowed => {
                return self.revalidate(wanted, &entry, Stale::Refreshing, call);
            }
            Some(Found::Invalidated(entry)) if policy == CachePolicy::StaleAllowed => {
                return self.revalidate(wanted, &entry, Stale::Invalidated, call);
            }
            Some(Found::Expired(entry)) if policy == CachePolicy::Default => Some(entry),
            _ => None,
        };
        let result = Box::pin(self.0.wait(wanted, call)).await;
        result.or_else(|error| match &expired {
            Some(entry) => self.stale_instead_of(error, entry, self.entries().required(key)),
            None => Err(error),
        })
    }

    /// Counts and serves a fresh entry.
    pub(super) fn hit(&self, entry: &Entry<S::Value>) -> Cached<S::Value> {
        self.count_hit(entry.pages);
        entry.serve(Served::Fresh, self.entries().context.now(), 0)
    }

    #[inline]
    pub(super) fn count_hit(&self, calls_saved: u32) {
        self.0.counters.hit(calls_saved);
        trace!(operation = self.entries().settings.operation, cache = "hit");
    }

    /// Serves an expired entry instead of an error, if the error is an outage and the entry neither invalidated nor too old.
    pub(super) fn stale_instead_of(
        &self,
        error: Error,
        entry: &Entry<S::Value>,
        required: Generation,
    ) -> Result<Cached<S::Value>, Error> {
        let is_invalidated = entry.stamp.generation < required;
        if !is_outage(&error) || is_invalidated || self.entries().freshness(entry) == Freshness::TooOld {
            return Err(error);
        }
        let operation = self.entries().settings.operation;
        warn!(operation, %error, "the server can't be reached: an expired value is served");
        self.0.counters.stale();
        let served = Served::Stale(Stale::Failed(error.kind()));
        Ok(entry.serve(served, self.entries().context.now(), error.attempts()))
    }

    /// Caches an object that a write returned, unless it was invalidated since.
    pub(super) fn put(&self, key: S::Key, entry: Entry<S::Value>) {
        self.0.put(key, entry);
    }

    /// Drops all entries and failures. Everything has to be invalidated first.
    pub(super) fn clear(&self) {
        self.0.clear();
    }

    pub(super) fn stats(&self) -> CacheStats {
        self.0.counters.stats()
    }

    /// Refreshes an entry in the background, if no other caller has begun to.
    fn refresh_ahead<F>(
        &self,
        wanted: Wanted<S::Key>,
        entry: &Entry<S::Value>,
        call: impl Fn(LoadRequest) -> F,
    ) where
        F: Future<Output = Result<Loaded<S::Value>, Error>> + Send + 'static,
    {
        let now = self.entries().context.now();
        let lifetime = self.entries().lifetime(entry, now);
        let pause = lifetime.ttl.saturating_sub(lifetime.refresh_due) / REFRESH_ATTEMPTS;
        if entry.claim_refresh(now, pause)
            && let Lookup::Lead(load) = self.0.join_or_start(wanted, Purpose::RefreshAhead)
        {
            self.0.spawn(load, call);
        }
    }

    /// Serves a stale entry at once and refreshes it in the background.
    fn revalidate<F>(
        &self,
        wanted: Wanted<S::Key>,
        entry: &Entry<S::Value>,
        reason: Stale,
        call: impl Fn(LoadRequest) -> F,
    ) -> Result<Cached<S::Value>, Error>
    where
        F: Future<Output = Result<Loaded<S::Value>, Error>> + Send + 'static,
    {
        let reason = match self.0.join_or_start(wanted, Purpose::Revalidate) {
            Lookup::Hit(entry) => return Ok(self.hit(&entry)),
            Lookup::Failed(error) if !is_outage(&error) => return Err(error),
            Lookup::Failed(error) if reason == Stale::Refreshing => Stale::Failed(error.kind()),
            Lookup::Failed(_) | Lookup::Join(_) => reason,
            Lookup::Lead(load) => {
                self.0.spawn(load, call);
                reason
            }
        };
        self.0.counters.stale();
        Ok(entry.serve(Served::Stale(reason), self.entries().context.now(), 0))
    }

    /// Makes a call of its own, which the cache doesn't see.
    async fn bypass<F>(&self, call: impl Fn(LoadRequest) -> F) -> Result<Cached<S::Value>, Error>
    where
        F: Future<Output = Result<Loaded<S::Value>, Error>>,
    {
        let Entries { generations, context, settings, .. } = self.entries();
        let (generations, context) = (Arc::clone(generations), Arc::clone(context));
        let hook = Arc::new(BypassHook { generations, context, stamp: Mutex::default() });
        let request = LoadRequest {
            priority: Priority::Foreground,
            label: "bypass",
            hook: Some(Arc::clone(&hook) as Arc<dyn AttemptHook>),
        };
        let loaded = call(request).await?;
        let (calls, stamp) = (loaded.calls, lock(&hook.stamp).unwrap_or_default());
        let entry = Entry::new(loaded, stamp, settings.lifetimes.usual);
        Ok(entry.serve(Served::Fresh, hook.context.now(), calls))
    }

    fn not_cached(&self) -> Error {
        Error::new(ErrorKind::NotCached, "not cached, and the policy `OnlyIfCached` forbids a call")
            .with_operation(self.entries().settings.operation)
    }
}

/// Stamps a call that bypasses the cache.
#[derive(Debug)]
struct BypassHook {
    generations: Arc<Generations>,
    context: Arc<CacheContext>,
    stamp: Mutex<Option<ReadStamp>>,
}

impl AttemptHook for BypassHook {
    fn before_attempt(&self, _: EarlierAttempts) -> ControlFlow<()> {
        *lock(&self.stamp) = Some(self.generations.stamp(self.context.now()));
        ControlFlow::Continue(())
    }
}

impl<S: EntryStore> fmt::Debug for ReadThrough<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadThrough")
            .field("operation", &self.entries().settings.operation)
            .finish_non_exhaustive()
    }
}
