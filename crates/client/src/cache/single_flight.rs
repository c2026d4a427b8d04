//! Single-flight loads: one call for all callers who ask for the same value at the same time.
//!
//! A load runs in its own task. If all its callers are cancelled before the load is sent, it is withdrawn.
//! Once sent, it runs to its end. A load is stamped when its permit is granted, not when it is requested. So
//! a change that happens while the load is queued needs no second load.

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tracing::{Instrument as _, debug};
use ultracart_transport::limiter::Priority;
use ultracart_transport::{EarlierAttempts, Error, ErrorKind};

use super::entries::Entries;
use super::entry::{Entry, Freshness, LoadedValue};
use super::loads::{
    Load, LoadError, LoadId, LoadProgress, LoadRequest, Loads, Lookup, Purpose, Role, SharedResult,
};
use super::logical_clock::{LIST_LAG, ReadStamp};
use super::read_through::{Key, ReadThrough, Requirement};
use super::response::{Cached, Served};
use super::stats::CountedEvent;
use super::sync::lock;

/// A guard that a caller holds while it waits for a load. Dropping the last guard withdraws a load for
/// [`Purpose::Read`] that was not sent.
struct WaitGuard<'a, K: Key, V: ?Sized + Send + Sync + 'static> {
    cache: &'a ReadThrough<K, V>,
    key: K,
    id: LoadId,
}

impl<K: Key, V: ?Sized + Send + Sync + 'static> Drop for WaitGuard<'_, K, V> {
    fn drop(&mut self) {
        let mut loads = lock(&self.cache.loads);
        let Some(load) = loads.get(self.key, self.id) else { return };
        load.callers -= 1;
        let is_sent = lock(&load.progress).sent().is_some();
        if load.callers == 0 && load.purpose == Purpose::Read && !is_sent {
            load.task.abort();
            loads.remove(self.key, self.id);
        }
    }
}

impl<K: Key, V: ?Sized + Send + Sync + 'static> ReadThrough<K, V> {
    /// Returns a cached entry, or waits for a load: a new one, or that of another caller.
    pub(super) async fn load_or_join<F>(
        self: &Arc<Self>,
        requirement: Requirement<K>,
        call: impl Fn(LoadRequest) -> F,
    ) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<LoadedValue<V>, Error>> + Send + 'static,
    {
        let key = requirement.key;
        // Calls of superseded loads which this caller started.
        let mut calls_before = 0;
        loop {
            let (id, outcome, role) = match self.join_or_start(requirement, Purpose::Read, &call) {
                Lookup::Hit(entry) => return Ok(self.serve_shared(&entry, calls_before)),
                Lookup::Failed(error) => return Err(error.with_attempts(calls_before)),
                Lookup::Wait { id, outcome, role } => (id, outcome, role),
            };
            let waiting = WaitGuard { cache: self, key, id };
            let result = outcome.await;
            drop(waiting);
            let error = match (result, role) {
                (Ok(entry), Role::Follower) => return Ok(self.serve_shared(&entry, calls_before)),
                (Ok(entry), Role::Leader) => {
                    let calls = calls_before + entry.calls;
                    return Ok(entry.serve(Served::Fresh, self.context.now(), calls));
                }
                (Err(LoadError::Failed(error)), _) => error,
                (Err(LoadError::Superseded { calls }), Role::Leader) => {
                    calls_before += calls;
                    continue;
                }
                // In the next round this caller joins a newer load, or starts one on its own runtime.
                (Err(LoadError::Superseded { .. } | LoadError::Interrupted), Role::Follower) => continue,
                (Err(LoadError::Interrupted), Role::Leader) => self.error("the runtime of the load ended"),
            };
            let calls = match role {
                Role::Leader => error.attempts(),
                Role::Follower => {
                    self.counters.join(0);
                    0
                }
            };
            return Err(error.with_attempts(calls_before + calls));
        }
    }

    /// Returns a fresh entry, otherwise a load in progress, otherwise a cached failure. If there is none of
    /// these, starts a load and returns it.
    pub(super) fn join_or_start<F>(
        self: &Arc<Self>,
        requirement: Requirement<K>,
        purpose: Purpose,
        call: impl Fn(LoadRequest) -> F,
    ) -> Lookup<V>
    where
        F: Future<Output = Result<LoadedValue<V>, Error>> + Send + 'static,
    {
        let Requirement { key, fields, sent_since } = requirement;
        let mut loads = lock(&self.loads);
        let required = self.required(key).max(sent_since.unwrap_or_default());
        match self.find(key, fields, required) {
            Some((Freshness::Fresh, entry)) => return Lookup::Hit(entry),
            Some((Freshness::RefreshDue, entry)) if purpose != Purpose::RefreshAhead => {
                return Lookup::Hit(entry);
            }
            _ => {}
        }
        if let Some(load) = loads.serving(key, required, purpose) {
            match purpose {
                Purpose::Read => load.callers += 1,
                // From now on the load is sent even if its callers are cancelled.
                Purpose::Revalidate => load.purpose = Purpose::Revalidate,
                Purpose::RefreshAhead => {}
            }
            return Lookup::Wait { id: load.id, outcome: load.outcome.clone(), role: Role::Follower };
        }
        // `CachePolicy::Refresh` ignores cached failures.
        if sent_since.is_none()
            && let Some(error) = self.failures.recent(key, required, &self.context)
        {
            self.counters.count(CountedEvent::FailureRepeated);
            return Lookup::Failed(error.with_attempts(0));
        }
        let Ok(runtime) = Handle::try_current() else {
            return Lookup::Failed(self.error("a load needs a tokio runtime"));
        };
        if purpose == Purpose::Read {
            self.counters.count(CountedEvent::Miss);
        }
        let (id, outcome) = self.start(&mut loads, &runtime, key, purpose, call);
        Lookup::Wait { id, outcome, role: Role::Leader }
    }

    /// Starts a load in its own task.
    fn start<F>(
        self: &Arc<Self>,
        loads: &mut Loads<K, V>,
        runtime: &Handle,
        key: K,
        purpose: Purpose,
        call: impl Fn(LoadRequest) -> F,
    ) -> (LoadId, SharedResult<V>)
    where
        F: Future<Output = Result<LoadedValue<V>, Error>> + Send + 'static,
    {
        let (id, progress) = (loads.new_id(), Arc::<Mutex<LoadProgress>>::default());
        let (priority, label) = match purpose {
            Purpose::RefreshAhead => (Priority::Background, "refresh"),
            Purpose::Read | Purpose::Revalidate => (Priority::Foreground, "miss"),
        };
        let (cache, its_progress) = (Arc::clone(self), Arc::clone(&progress));
        let hook = move |_: EarlierAttempts| cache.before_attempt(key, id, &its_progress);
        let call = call(LoadRequest { priority, label, hook: Some(Arc::new(hook)) });
        let (cache, its_progress) = (Arc::clone(self), Arc::clone(&progress));
        let task = async move {
            let result = AssertUnwindSafe(cache.run_load(key, purpose, call)).catch_unwind().await;
            let result = result.unwrap_or_else(|_| Some(Err(cache.error("the load panicked"))));
            let progress = *lock(&its_progress);
            let mut loads = lock(&cache.loads);
            let is_current = loads.remove(key, id);
            // The table stays locked until the entry is cached, so that callers find either the load or the
            // entry.
            cache.complete(key, purpose, is_current, progress, result)
        };
        let task = runtime.spawn(task.in_current_span());
        let abort = task.abort_handle();
        let outcome = task.map(|result| result.unwrap_or(Err(LoadError::Interrupted))).boxed().shared();
        let callers = usize::from(purpose == Purpose::Read);
        loads.insert(key, Load { id, purpose, progress, callers, task: abort, outcome: outcome.clone() });
        (id, outcome)
    }

    /// Waits for the end of the current burst of webhook events, and then makes the call of a load. Returns
    /// `None` if the load is a refresh-ahead for which the quota leaves too few calls.
    async fn run_load<F>(&self, key: K, purpose: Purpose, call: F) -> Option<Result<LoadedValue<V>, Error>>
    where
        F: Future<Output = Result<LoadedValue<V>, Error>>,
    {
        self.context.wait_for_end_of_burst().await;
        if purpose != Purpose::RefreshAhead {
            return Some(call.await);
        }
        let calls = self.entries.get(key).map_or(1, |entry| entry.pages);
        let Some(_permit) = self.context.reserve_refresh(calls).await else {
            self.counters.count(CountedEvent::RefreshSkipped);
            return None;
        };
        Some(call.await)
    }

    /// Stamps a load whose permit was just granted, or stops the load if it was superseded or withdrawn.
    fn before_attempt(&self, key: K, id: LoadId, progress: &Mutex<LoadProgress>) -> ControlFlow<()> {
        // Stamped under the lock, so that a caller who finds the load queued can rely on a later stamp.
        let mut loads = lock(&self.loads);
        if loads.get(key, id).is_none() {
            *lock(progress) = LoadProgress::Superseded;
            return ControlFlow::Break(());
        }
        *lock(progress) = LoadProgress::Sent(self.logical_clock.stamp(self.context.now()));
        ControlFlow::Continue(())
    }

    /// Caches the value or the failure of a load. The caller holds the lock on the loads.
    fn complete(
        &self,
        key: K,
        purpose: Purpose,
        is_current: bool,
        progress: LoadProgress,
        result: Option<Result<LoadedValue<V>, Error>>,
    ) -> Result<Arc<Entry<V>>, LoadError> {
        let Some(result) = result else { return Err(LoadError::Superseded { calls: 0 }) };
        let sent = progress.sent();
        if purpose == Purpose::RefreshAhead && sent.is_some() {
            self.counters.refresh(result.as_ref().map_or_else(Error::attempts, |loaded| loaded.calls));
        }
        match result {
            Ok(loaded) => Ok(self.cache_loaded(key, loaded, sent.unwrap_or_default())),
            Err(error) if progress == LoadProgress::Superseded => {
                Err(LoadError::Superseded { calls: error.attempts() })
            }
            Err(error) => {
                if is_current {
                    self.remember_failure(key, &error, sent);
                }
                Err(LoadError::Failed(error))
            }
        }
    }

    /// Caches a loaded value and removes the key's cached failure. Does not cache a value that changed during
    /// the load, or an object that may lag behind a write. A list that may lag behind a write is cached, but
    /// expires [`LIST_LAG`] after its call was sent.
    fn cache_loaded(&self, key: K, loaded: LoadedValue<V>, stamp: ReadStamp) -> Arc<Entry<V>> {
        self.failures.succeeded(key, stamp.generation);
        let entry = Entry::new(loaded, stamp, self.settings.lifetime);
        let entry = match self.entries {
            Entries::List(_) if self.lags(stamp) => entry.expiring_at(stamp.at + LIST_LAG),
            Entries::Objects(_) if self.lags(stamp) => return Arc::new(entry),
            _ => entry,
        };
        let entry = Arc::new(entry);
        if !self.insert_if_newer(key, &entry) {
            self.counters.count(CountedEvent::Discarded);
            debug!(operation = self.settings.operation, "not cached: something changed during the load");
        }
        entry
    }

    /// Returns whether a response with this stamp can lack a recent write of this client.
    fn lags(&self, stamp: ReadStamp) -> bool {
        self.settings.can_lag && stamp.at < self.logical_clock.lists_lag_until()
    }

    /// Caches a failure, so that further callers make no call for a while. After a "not found", removes an
    /// older entry.
    ///
    /// Two failures are not cached:
    ///
    /// - A timeout in the limiter's queue before anything was sent.
    /// - A "not found" if the response may lack a recent write: the object may exist.
    fn remember_failure(&self, key: K, error: &Error, sent: Option<ReadStamp>) {
        let timed_out_in_queue = matches!(error.kind(), ErrorKind::MaxWait | ErrorKind::Deadline);
        // After the first page of a list was sent, the failure is cached: a retry would repeat that page's
        // call.
        if sent.is_none() && timed_out_in_queue {
            return;
        }
        let now = self.context.now();
        let stamp = sent.unwrap_or_else(|| self.logical_clock.stamp(now));
        if error.is_not_found() && self.lags(stamp) {
            return;
        }
        self.failures.record(key, error.clone(), stamp.generation, now);
        let deleted = self.entries.get(key).filter(|entry| error.is_not_found() && entry.stamp <= stamp);
        if let Some(entry) = deleted {
            self.entries.remove(key, &entry);
        }
    }

    /// Stores the entry, unless a change has invalidated it or a newer entry is cached. Returns false if a
    /// change has invalidated the entry, and otherwise true, even if the entry is not stored. The caller
    /// holds the lock on the loads, so that [`clear`](Self::clear) misses no entry.
    fn insert_if_newer(&self, key: K, entry: &Arc<Entry<V>>) -> bool {
        let is_valid = entry.stamp.generation >= self.required(key);
        if is_valid && self.entries.get(key).is_none_or(|present| present.stamp <= entry.stamp) {
            self.entries.insert(key, Arc::clone(entry));
        }
        is_valid
    }

    /// Caches an object that a write returned, unless the cache is off.
    pub(super) fn put(&self, key: K, entry: Entry<V>) {
        let _loads = lock(&self.loads);
        if !self.is_off() {
            self.insert_if_newer(key, &Arc::new(entry));
        }
    }

    /// Drops all entries and failures. The caller must have recorded
    /// [`Change::Everything`](super::logical_clock::Change) before, so that the results of loads in progress
    /// are not cached afterwards.
    pub(super) fn clear(&self) {
        let _loads = lock(&self.loads);
        self.failures.clear();
        self.entries.clear();
    }

    /// Serves an entry from the load of another caller. `calls` is the number of calls that this caller made
    /// before.
    fn serve_shared(&self, entry: &Entry<V>, calls: u32) -> Cached<V> {
        self.counters.join(entry.pages);
        entry.serve(Served::Fresh, self.context.now(), calls)
    }

    fn error(&self, message: &str) -> Error {
        Error::new(ErrorKind::Internal, message).mark_sent().with_operation(self.settings.operation)
    }
}
