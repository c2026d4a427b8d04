//! Single-flight loads: one call for all callers who ask for the same at the same time.
//!
//! A load runs in a task of its own. Once sent, it goes on when its callers are cancelled; before, the last caller withdraws
//! it. It is stamped when its permit comes, not when it is requested: a change while it is queued needs no second load.

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tracing::{Instrument as _, debug};
use ultracart_transport::limiter::Priority;
use ultracart_transport::{EarlierAttempts, Error, ErrorKind};

use super::entries::Entries;
use super::entry::{Entry, Freshness, Loaded};
use super::generations::{LIST_LAG, ReadStamp};
use super::loads::{Load, LoadError, LoadId, LoadRequest, Loads, Lookup, Outcome, Progress, Purpose, Role};
use super::read_through::{Key, ReadThrough, Wanted};
use super::response::{Cached, Served};
use super::stats::Counted;
use super::sync::lock;

/// Held while a caller waits for a load. Dropping the last one withdraws a load that was not sent.
struct Waiting<'a, K: Key, V: ?Sized + Send + Sync + 'static> {
    cache: &'a ReadThrough<K, V>,
    key: K,
    id: LoadId,
}

impl<K: Key, V: ?Sized + Send + Sync + 'static> Drop for Waiting<'_, K, V> {
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
    /// Returns a cached entry, or waits for another caller's load or a new one.
    pub(super) async fn wait<F>(
        self: &Arc<Self>,
        wanted: Wanted<K>,
        call: impl Fn(LoadRequest) -> F,
    ) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let key = wanted.key;
        // Calls of superseded loads that this caller started.
        let mut calls_before = 0;
        loop {
            let (id, outcome, role) = match self.join_or_start(wanted, Purpose::Read, &call) {
                Lookup::Hit(entry) => return Ok(self.follow(&entry, calls_before)),
                Lookup::Failed(error) => return Err(error.with_attempts(calls_before)),
                Lookup::Wait { id, outcome, role } => (id, outcome, role),
            };
            let waiting = Waiting { cache: self, key, id };
            let result = outcome.await;
            drop(waiting);
            let error = match (result, role) {
                (Ok(entry), Role::Follower) => return Ok(self.follow(&entry, calls_before)),
                (Ok(entry), Role::Leader) => {
                    let calls = calls_before + entry.calls;
                    return Ok(entry.serve(Served::Fresh, self.context.now(), calls));
                }
                (Err(LoadError::Failed(error)), _) => error,
                (Err(LoadError::Superseded { calls }), Role::Leader) => {
                    calls_before += calls;
                    continue;
                }
                // The next round joins a newer load, or starts one on this caller's runtime.
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

    /// Finds an entry, a load to wait for or a remembered failure; otherwise starts a load.
    pub(super) fn join_or_start<F>(
        self: &Arc<Self>,
        wanted: Wanted<K>,
        purpose: Purpose,
        call: impl Fn(LoadRequest) -> F,
    ) -> Lookup<V>
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let Wanted { key, fields, refresh } = wanted;
        let mut loads = lock(&self.loads);
        let required = self.required(key).max(refresh.unwrap_or_default());
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
                // It is sent even if its callers are cancelled.
                Purpose::Revalidate => load.purpose = Purpose::Revalidate,
                Purpose::RefreshAhead => {}
            }
            return Lookup::Wait { id: load.id, outcome: load.outcome.clone(), role: Role::Follower };
        }
        // `CachePolicy::Refresh` ignores remembered failures.
        if refresh.is_none()
            && let Some(error) = self.failures.recent(key, required, &self.context)
        {
            self.counters.count(Counted::FailureRepeated);
            return Lookup::Failed(error.with_attempts(0));
        }
        let Ok(runtime) = Handle::try_current() else {
            return Lookup::Failed(self.error("a load needs a tokio runtime"));
        };
        if purpose == Purpose::Read {
            self.counters.count(Counted::Miss);
        }
        let (id, outcome) = self.start(&mut loads, &runtime, key, purpose, call);
        Lookup::Wait { id, outcome, role: Role::Leader }
    }

    /// Starts a load in a task of its own.
    fn start<F>(
        self: &Arc<Self>,
        loads: &mut Loads<K, V>,
        runtime: &Handle,
        key: K,
        purpose: Purpose,
        call: impl Fn(LoadRequest) -> F,
    ) -> (LoadId, Outcome<V>)
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let (id, progress) = (loads.new_id(), Arc::<Mutex<Progress>>::default());
        let (priority, label) = match purpose {
            Purpose::RefreshAhead => (Priority::Background, "refresh"),
            Purpose::Read | Purpose::Revalidate => (Priority::Foreground, "miss"),
        };
        let (cache, its_progress) = (Arc::clone(self), Arc::clone(&progress));
        let hook = move |_: EarlierAttempts| cache.before_attempt(key, id, &its_progress);
        let call = call(LoadRequest { priority, label, hook: Some(Arc::new(hook)) });
        let (cache, its_progress) = (Arc::clone(self), Arc::clone(&progress));
        let task = async move {
            let result = AssertUnwindSafe(cache.run(key, purpose, call)).catch_unwind().await;
            let result = result.unwrap_or_else(|_| Some(Err(cache.error("the load panicked"))));
            let progress = *lock(&its_progress);
            let mut loads = lock(&cache.loads);
            let is_current = loads.remove(key, id);
            // The table stays locked, so that callers find either the load or its entry.
            cache.complete(key, purpose, is_current, progress, result)
        };
        let task = runtime.spawn(task.in_current_span());
        let abort = task.abort_handle();
        let outcome = task.map(|result| result.unwrap_or(Err(LoadError::Interrupted))).boxed().shared();
        let callers = usize::from(purpose == Purpose::Read);
        loads.insert(key, Load { id, purpose, progress, callers, task: abort, outcome: outcome.clone() });
        (id, outcome)
    }

    /// Waits for a burst of webhook events to end, and makes the call. Returns none if the quota allows no refresh-ahead.
    async fn run<F>(&self, key: K, purpose: Purpose, call: F) -> Option<Result<Loaded<V>, Error>>
    where
        F: Future<Output = Result<Loaded<V>, Error>>,
    {
        self.context.wait_for_quiet().await;
        if purpose != Purpose::RefreshAhead {
            return Some(call.await);
        }
        let calls = self.entries.get(key).map_or(1, |entry| entry.pages);
        let Some(_permit) = self.context.reserve_refresh(calls).await else {
            self.counters.count(Counted::RefreshSkipped);
            return None;
        };
        Some(call.await)
    }

    /// Stamps a load whose permit has come. It is not sent if a newer load has taken its place or its callers withdrew it.
    fn before_attempt(&self, key: K, id: LoadId, progress: &Mutex<Progress>) -> ControlFlow<()> {
        // Stamped under the lock: a caller who finds the load queued knows that it is sent later.
        let mut loads = lock(&self.loads);
        if loads.get(key, id).is_none() {
            *lock(progress) = Progress::Superseded;
            return ControlFlow::Break(());
        }
        *lock(progress) = Progress::Sent(self.generations.stamp(self.context.now()));
        ControlFlow::Continue(())
    }

    /// Caches the result of a load or remembers its failure. The caller holds the lock on the loads.
    fn complete(
        &self,
        key: K,
        purpose: Purpose,
        is_current: bool,
        progress: Progress,
        result: Option<Result<Loaded<V>, Error>>,
    ) -> Result<Arc<Entry<V>>, LoadError> {
        let Some(result) = result else { return Err(LoadError::Superseded { calls: 0 }) };
        let sent = progress.sent();
        if purpose == Purpose::RefreshAhead && sent.is_some() {
            self.counters.refresh(result.as_ref().map_or_else(Error::attempts, |loaded| loaded.calls));
        }
        match result {
            Ok(loaded) => Ok(self.keep(key, loaded, sent.unwrap_or_default())),
            Err(error) if progress == Progress::Superseded => {
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

    /// Caches what a load brought, and forgets the key's failure. A value that changed during the load is not cached, nor an
    /// object that may lag behind a write. A list that may lag is cached and expires [`LIST_LAG`] after it was sent.
    fn keep(&self, key: K, loaded: Loaded<V>, stamp: ReadStamp) -> Arc<Entry<V>> {
        self.failures.succeeded(key, stamp.generation);
        let entry = Entry::new(loaded, stamp, self.rules.lifetime);
        let entry = match self.entries {
            Entries::List(_) if self.lags(stamp) => entry.expiring_at(stamp.at + LIST_LAG),
            Entries::Objects(_) if self.lags(stamp) => return Arc::new(entry),
            _ => entry,
        };
        let entry = Arc::new(entry);
        if !self.publish(key, &entry) {
            self.counters.count(Counted::Discarded);
            debug!(operation = self.rules.operation, "not cached: something changed during the load");
        }
        entry
    }

    /// Returns whether a value that was sent then may not show a write of this client yet.
    fn lags(&self, stamp: ReadStamp) -> bool {
        self.rules.can_lag && stamp.at < self.generations.lists_lag_until()
    }

    /// Remembers a failure, so that the next caller makes no call in vain. After a "not found" an older entry is removed.
    fn remember_failure(&self, key: K, error: &Error, sent: Option<ReadStamp>) {
        let timed_out_in_queue = matches!(error.kind(), ErrorKind::MaxWait | ErrorKind::Deadline);
        // If the first page of a list was sent, another attempt would spend its call again.
        if sent.is_none() && timed_out_in_queue {
            return;
        }
        let now = self.context.now();
        let stamp = sent.unwrap_or_else(|| self.generations.stamp(now));
        if error.is_not_found() && self.lags(stamp) {
            return;
        }
        self.failures.record(key, error.clone(), stamp.generation, now);
        let deleted = self.entries.get(key).filter(|entry| error.is_not_found() && entry.stamp <= stamp);
        if let Some(entry) = deleted {
            self.entries.remove(key, &entry);
        }
    }

    /// Stores an entry, unless it is invalid or older than the present one. Returns whether it is valid. The caller holds the
    /// lock on the loads, so that [`clear`](Self::clear) misses nothing.
    fn publish(&self, key: K, entry: &Arc<Entry<V>>) -> bool {
        let is_valid = entry.stamp.generation >= self.required(key);
        if is_valid && self.entries.get(key).is_none_or(|present| present.stamp <= entry.stamp) {
            self.entries.insert(key, Arc::clone(entry));
        }
        is_valid
    }

    /// Caches an object that a write returned, if caching is on.
    pub(super) fn put(&self, key: K, entry: Entry<V>) {
        let _loads = lock(&self.loads);
        if !self.is_off() {
            self.publish(key, &Arc::new(entry));
        }
    }

    /// Drops all entries and failures. Record [`Change::Everything`](super::generations::Change) first, so that loads under way
    /// are not cached afterwards.
    pub(super) fn clear(&self) {
        let _loads = lock(&self.loads);
        self.failures.clear();
        self.entries.clear();
    }

    /// Serves an entry that another caller's load brought.
    fn follow(&self, entry: &Entry<V>, calls: u32) -> Cached<V> {
        self.counters.join(entry.pages);
        entry.serve(Served::Fresh, self.context.now(), calls)
    }

    fn error(&self, message: &str) -> Error {
        Error::new(ErrorKind::Internal, message).after_sending().with_operation(self.rules.operation)
    }
}
