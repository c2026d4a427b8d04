//! The loads that are under way, by key.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use ultracart_transport::Error;

use crate::cache::entry::Entry;
use crate::cache::generations::{Generation, ReadStamp};
use crate::cache::sync::lock;

/// The result of a load, for all callers who share it.
pub(in crate::cache) enum LoadOutcome<V: ?Sized> {
    Loaded(Arc<Entry<V>>),
    Failed(Error),
    /// The load was not sent, or not sent again: a newer load took its place, or the quota was too short for a refresh.
    Superseded {
        calls: u32,
    },
    /// The load's task was dropped with its runtime.
    Interrupted,
}

impl<V: ?Sized> Clone for LoadOutcome<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Loaded(entry) => Self::Loaded(Arc::clone(entry)),
            Self::Failed(error) => Self::Failed(error.clone()),
            Self::Superseded { calls } => Self::Superseded { calls: *calls },
            Self::Interrupted => Self::Interrupted,
        }
    }
}

/// Receives the result of a load.
pub(in crate::cache) type OutcomeReceiver<V> = watch::Receiver<Option<LoadOutcome<V>>>;

/// What a load is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Purpose {
    /// Callers wait for it. Without them it is not sent.
    Read,
    /// A stale value was served, and the next caller gets a new one.
    Revalidate,
    /// A value is due for a refresh. Lets every other call go first.
    RefreshAhead,
}

/// How far a load is.
#[derive(Clone, Copy, Debug)]
enum Progress {
    Queued,
    /// Sent, or waiting to be sent again after an attempt that had no effect.
    Sent(ReadStamp),
    /// Cancelled when its permit came.
    Superseded,
}

/// One load.
pub(in crate::cache) struct Load<K, V: ?Sized> {
    pub(in crate::cache) key: K,
    pub(in crate::cache) purpose: Purpose,
    progress: Mutex<Progress>,
    pub(super) outcome: watch::Sender<Option<LoadOutcome<V>>>,
}

impl<K, V: ?Sized> Load<K, V> {
    fn new(key: K, purpose: Purpose) -> Arc<Self> {
        let progress = Mutex::new(Progress::Queued);
        Arc::new(Self { key, purpose, progress, outcome: watch::Sender::new(None) })
    }

    pub(in crate::cache) fn subscribe(&self) -> OutcomeReceiver<V> {
        self.outcome.subscribe()
    }

    /// Returns whether any caller waits for the load.
    pub(in crate::cache) fn has_callers(&self) -> bool {
        self.outcome.receiver_count() > 0
    }

    /// Returns when the latest attempt was sent.
    pub(in crate::cache) fn stamp(&self) -> Option<ReadStamp> {
        match *lock(&self.progress) {
            Progress::Sent(stamp) => Some(stamp),
            Progress::Queued | Progress::Superseded => None,
        }
    }

    pub(in crate::cache) fn is_superseded(&self) -> bool {
        matches!(*lock(&self.progress), Progress::Superseded)
    }

    /// Returns whether the result will be new enough for a caller who requires this generation.
    fn will_serve(&self, required: Generation) -> bool {
        match *lock(&self.progress) {
            Progress::Queued => true,
            Progress::Sent(stamp) => stamp.generation >= required,
            Progress::Superseded => false,
        }
    }

    /// Returns whether a caller should start a load of their own, which goes first.
    fn lets_others_go_first(&self) -> bool {
        self.purpose == Purpose::RefreshAhead && self.stamp().is_none()
    }
}

/// The current load of each key. A lock around it makes each step of a load visible to callers as a whole.
pub(in crate::cache) struct LoadTable<K, V: ?Sized>(HashMap<K, Arc<Load<K, V>>>);

impl<K: Copy + Eq + Hash, V: ?Sized> LoadTable<K, V> {
    pub(in crate::cache) fn new() -> Self {
        Self(HashMap::new())
    }

    /// Returns the current load of `key`, if a load for `purpose` need not be made beside it.
    pub(in crate::cache) fn joinable(
        &self,
        key: K,
        required: Generation,
        purpose: Purpose,
    ) -> Option<&Arc<Load<K, V>>> {
        let load = self.0.get(&key).filter(|load| load.will_serve(required))?;
        (purpose == Purpose::RefreshAhead || !load.lets_others_go_first()).then_some(load)
    }

    /// Makes a new load the current one of its key.
    pub(in crate::cache) fn start(&mut self, key: K, purpose: Purpose) -> Arc<Load<K, V>> {
        let load = Load::new(key, purpose);
        self.0.insert(key, Arc::clone(&load));
        load
    }

    /// Marks a load as sent, unless it is no longer current: then it is superseded, and must not be sent.
    pub(in crate::cache) fn send(&mut self, load: &Arc<Load<K, V>>, stamp: ReadStamp) -> bool {
        let is_current = self.is_current(load);
        *lock(&load.progress) = if is_current { Progress::Sent(stamp) } else { Progress::Superseded };
        is_current
    }

    /// Removes a load that is over, and returns whether it was the current one.
    pub(in crate::cache) fn remove(&mut self, load: &Arc<Load<K, V>>) -> bool {
        let is_current = self.is_current(load);
        if is_current {
            self.0.remove(&load.key);
        }
        is_current
    }

    fn is_current(&self, load: &Arc<Load<K, V>>) -> bool {
        self.0.get(&load.key).is_some_and(|current| Arc::ptr_eq(current, load))
    }
}

impl<K, V: ?Sized> fmt::Debug for LoadTable<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadTable").field("loads", &self.0.len()).finish()
    }
}
