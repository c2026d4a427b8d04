//! Single-flight loads: one call for all callers who want the same at the same time.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use tracing::{debug, trace};
use ultracart_transport::limiter::Priority;
use ultracart_transport::{Error, ErrorKind};

use super::entries::{Entries, Found};
use super::entry::{Entry, Loaded};
use super::generations::{Generation, ReadStamp};
use super::load::failures::Failures;
use super::load::request::LoadRequest;
use super::load::table::{Load, LoadOutcome, LoadTable, OutcomeReceiver, Purpose};
use super::load::task::{self, LoadEnd, LoadHook, LoadOwner};
use super::policy::RequiredFields;
use super::response::{Cached, Served};
use super::stats::Counters;
use super::store::EntryStore;
use super::sync::lock;

/// Entries, and the loads that bring new ones.
pub(crate) struct SingleFlight<S: EntryStore> {
    pub(super) entries: Entries<S>,
    pub(super) counters: Counters,
    loads: Mutex<LoadTable<S::Key, S::Value>>,
    failures: Failures<S::Key>,
}

/// What a caller asks for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<K> {
    pub(super) key: K,
    pub(super) fields: RequiredFields,
    /// The generation of a refresh: no load that was sent before it will do.
    pub(super) refresh: Option<Generation>,
}

/// How a caller gets what it asks for.
pub(super) enum Lookup<K, V: ?Sized> {
    Hit(Arc<Entry<V>>),
    /// Another caller's load brings it.
    Join(OutcomeReceiver<V>),
    /// This caller starts the load.
    Lead(Arc<Load<K, V>>),
    /// A load failed a moment ago.
    Failed(Error),
}

/// A caller's part in a load.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Leader,
    Follower,
}

impl<S: EntryStore> SingleFlight<S> {
    pub(super) fn new(entries: Entries<S>) -> Self {
        let counters = Counters::new(entries.settings.operation);
        Self { entries, counters, loads: Mutex::new(LoadTable::new()), failures: Failures::new() }
    }

    /// Finds an entry or a load that brings what is wanted; otherwise makes a new load the current one, which the caller
    /// has to [`spawn`](Self::spawn).
    pub(super) fn join_or_start(&self, wanted: Wanted<S::Key>, purpose: Purpose) -> Lookup<S::Key, S::Value> {
        let Wanted { key, fields, refresh } = wanted;
        let mut loads = lock(&self.loads);
        let required = self.entries.required(key).max(refresh.unwrap_or(Generation::START));
        match self.entries.find(key, fields, required) {
            Some(Found::Fresh(entry)) => return Lookup::Hit(entry),
            Some(Found::RefreshDue(entry)) if purpose != Purpose::RefreshAhead => return Lookup::Hit(entry),
            _ => {}
        }
        if let Some(load) = loads.joinable(key, required, purpose) {
            return Lookup::Join(load.subscribe());
        }
        // A refresh tries again, whatever failed before.
        let failure = match refresh {
            None => self.failures.recent(key, required, &self.entries.context),
            Some(_) => None,
        };
        match failure {
            Some(error) => {
                self.counters.failure_repeated();
                Lookup::Failed(error.with_attempts(0))
            }
            None => Lookup::Lead(loads.start(key, purpose)),
        }
    }

    /// Waits for a load that brings what is wanted, and starts one if there is none.
    pub(super) async fn wait<F>(
        self: &Arc<Self>,
        wanted: Wanted<S::Key>,
        call: impl Fn(LoadRequest) -> F,
    ) -> Result<Cached<S::Value>, Error>
    where
        F: Future<Output = Result<Loaded<S::Value>, Error>> + Send + 'static,
    {
        // Calls of loads that this caller led and a newer load superseded.
        let mut calls_before = 0;
        loop {
            let (mut outcome, role) = match self.join_or_start(wanted, Purpose::Read) {
                Lookup::Hit(entry) => return Ok(self.follow(&entry, calls_before)),
                Lookup::Failed(error) => return Err(error),
                Lookup::Join(outcome) => (outcome, Role::Follower),
                Lookup::Lead(load) => {
                    self.counters.miss();
                    let outcome = load.subscribe();
                    self.spawn(load, &call);
                    (outcome, Role::Leader)
                }
            };
            let outcome = outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
            match (outcome.unwrap_or(LoadOutcome::Interrupted), role) {
                (LoadOutcome::Loaded(entry), Role::Leader) => {
                    let calls = calls_before + entry.calls;
                    return Ok(entry.serve(Served::Fresh, self.entries.context.now(), calls));
                }
                (LoadOutcome::Loaded(entry), Role::Follower) => return Ok(self.follow(&entry, calls_before)),
                (LoadOutcome::Failed(error), Role::Leader) => {
                    let calls = calls_before + error.attempts();
                    return Err(error.with_attempts(calls));
                }
                (LoadOutcome::Failed(error), Role::Follower) => {
                    self.counters.join(0);
                    return Err(error.with_attempts(calls_before));
                }
                (LoadOutcome::Interrupted, Role::Leader) => return Err(self.interrupted()),
                (LoadOutcome::Superseded { calls }, Role::Leader) => calls_before += calls,
                // The next round joins a newer load, or starts one on this caller's runtime.
                (LoadOutcome::Superseded { .. } | LoadOutcome::Interrupted, Role::Follower) => {}
            }
        }
    }

    /// Runs a new load in a task of its own, which goes on when its callers are cancelled.
    pub(super) fn spawn<F>(
        self: &Arc<Self>,
        load: Arc<Load<S::Key, S::Value>>,
        call: impl Fn(LoadRequest) -> F,
    ) where
        F: Future<Output = Result<Loaded<S::Value>, Error>> + Send + 'static,
    {
        let (priority, label) = match load.purpose {
            Purpose::RefreshAhead => (Priority::Background, "refresh"),
            Purpose::Read | Purpose::Revalidate => (Priority::Foreground, "miss"),
        };
        let hook = LoadHook { owner: Arc::clone(self), load: Arc::clone(&load) };
        let call = call(LoadRequest { priority, label, hook: Some(Arc::new(hook)) });
        let (cache, key, purpose) = (Arc::clone(self), load.key, load.purpose);
        task::spawn(Arc::clone(self), load, async move {
            let context = &cache.entries.context;
            context.wait_for_quiet().await;
            if purpose != Purpose::RefreshAhead {
                return LoadEnd::Finished(call.await);
            }
            let calls = cache.entries.store.get(key).map_or(1, |entry| entry.pages);
            let Some(_permit) = context.refreshes.reserve(calls).await else {
                cache.counters.refresh_skipped();
                return LoadEnd::NotSent;
            };
            LoadEnd::Finished(call.await)
        });
    }

    /// Caches a value that a write returned, unless it was invalidated since.
    pub(super) fn put(&self, key: S::Key, entry: Entry<S::Value>) {
        let _loads = lock(&self.loads);
        if !self.entries.is_off() {
            self.publish(key, &Arc::new(entry));
        }
    }

    /// Drops all entries and failures. Loads that are under way are not cached, if everything was invalidated before.
    pub(super) fn clear(&self) {
        let _loads = lock(&self.loads);
        self.failures.clear();
        self.entries.store.clear();
    }

    /// Makes an entry the one that callers find, unless it was invalidated or the present one is newer. The caller holds the
    /// load table, so that [`clear`](Self::clear) leaves nothing behind. Returns whether the entry is valid.
    fn publish(&self, key: S::Key, entry: &Arc<Entry<S::Value>>) -> bool {
        let is_valid = entry.stamp.generation >= self.entries.required(key);
        let is_newest = self.entries.store.get(key).is_none_or(|present| present.stamp <= entry.stamp);
        if is_valid && is_newest {
            self.entries.store.insert(key, Arc::clone(entry));
        }
        is_valid
    }

    /// Caches what a load brought, unless it was invalidated since the load was sent.
    fn keep(&self, key: S::Key, loaded: Loaded<S::Value>, stamp: ReadStamp) -> Arc<Entry<S::Value>> {
        self.failures.succeeded(key, stamp.generation);
        let entry = Arc::new(self.entries.entry(loaded, stamp));
        if !self.publish(key, &entry) {
            self.counters.discarded();
            debug!(operation = self.entries.settings.operation, "not cached: it changed while it was loaded");
        }
        entry
    }

    /// Remembers why a load failed, if the next caller would make the same call in vain.
    fn remember_failure(&self, key: S::Key, error: &Error, stamp: Option<ReadStamp>) {
        let waited_in_vain = matches!(error.kind(), ErrorKind::MaxWait | ErrorKind::Deadline);
        // A list can wait in vain for its second page: that has cost a call.
        if stamp.is_none() && waited_in_vain {
            return;
        }
        let now = self.entries.context.now();
        let stamp = stamp.unwrap_or_else(|| self.entries.generations.stamp(now));
        self.failures.record(key, error.clone(), stamp.generation, now);
        if error.is_not_found()
            && let Some(entry) = self.entries.store.get(key).filter(|entry| entry.stamp <= stamp)
        {
            self.entries.store.remove(key, &entry);
        }
    }

    /// Serves what another caller's load brought.
    fn follow(&self, entry: &Entry<S::Value>, calls: u32) -> Cached<S::Value> {
        self.counters.join(entry.pages);
        trace!(operation = self.entries.settings.operation, cache = "join");
        entry.serve(Served::Fresh, self.entries.context.now(), calls)
    }

    fn interrupted(&self) -> Error {
        let message = "the load was interrupted: it panicked, or its tokio runtime ended";
        Error::new(ErrorKind::Internal, message)
            .after_sending()
            .with_operation(self.entries.settings.operation)
    }
}

impl<S: EntryStore> LoadOwner for SingleFlight<S> {
    type Key = S::Key;
    type Value = S::Value;

    fn before_attempt(&self, load: &Arc<Load<S::Key, S::Value>>) -> ControlFlow<()> {
        // Stamped while the table is locked: a caller who finds the load queued knows that it is sent later.
        let mut loads = lock(&self.loads);
        let stamp = self.entries.generations.stamp(self.entries.context.now());
        if loads.send(load, stamp) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn withdraw(&self, load: &Arc<Load<S::Key, S::Value>>) -> bool {
        // Callers join while they hold the table, so none joins between the check and the removal.
        let mut loads = lock(&self.loads);
        let is_unwanted = load.stamp().is_none() && !load.has_callers();
        if is_unwanted {
            loads.remove(load);
        }
        is_unwanted
    }

    fn complete(&self, load: &Arc<Load<S::Key, S::Value>>, end: LoadEnd<S::Value>) -> LoadOutcome<S::Value> {
        let mut loads = lock(&self.loads);
        let is_current = loads.remove(load);
        let stamp = load.stamp();
        let result = match end {
            LoadEnd::Finished(result) => result,
            LoadEnd::Panicked => Err(self.interrupted()),
            LoadEnd::Interrupted => return LoadOutcome::Interrupted,
            LoadEnd::NotSent => return LoadOutcome::Superseded { calls: 0 },
        };
        if load.purpose == Purpose::RefreshAhead && stamp.is_some() {
            self.counters.refresh(result.as_ref().map_or_else(Error::attempts, |loaded| loaded.calls));
        }
        match result {
            Ok(loaded) => LoadOutcome::Loaded(self.keep(load.key, loaded, stamp.unwrap_or_default())),
            Err(error) if load.is_superseded() => LoadOutcome::Superseded { calls: error.attempts() },
            Err(error) => {
                if is_current {
                    self.remember_failure(load.key, &error, stamp);
                }
                LoadOutcome::Failed(error)
            }
        }
    }
}
