//! The table of loads in progress.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, Shared};
use tokio::task::AbortHandle;
use ultracart_transport::limiter::Priority;
use ultracart_transport::{AttemptHook, EarlierAttempts, Error, ErrorKind};

use super::entry::Entry;
use super::logical_clock::{Generation, ReadStamp};
use super::sync::lock;

/// The parameters with which a load makes its call.
#[derive(Clone, Debug)]
pub(crate) struct LoadRequest {
    pub(crate) priority: Priority,
    /// The call's `cache` field in traces: `miss`, `refresh` or `bypass`.
    pub(crate) label: &'static str,
    /// Called before each attempt, and can cancel the attempt. `None` for every page of a list after the
    /// first.
    pub(crate) hook: Option<Arc<dyn AttemptHook>>,
}

impl LoadRequest {
    /// Stamps this load as sent now. A load that takes its object from a list must call this before it
    /// requests the list. Fails if the load was superseded or withdrawn.
    pub(crate) fn mark_sent(&self) -> Result<(), Error> {
        match &self.hook {
            Some(hook) if hook.before_attempt(EarlierAttempts::HadNoEffect).is_break() => {
                Err(Error::new(ErrorKind::Internal, "a newer load has taken the place of this one"))
            }
            _ => Ok(()),
        }
    }
}

/// The result of a load, for all callers who share it.
pub(super) type SharedResult<V> = Shared<BoxFuture<'static, Result<Arc<Entry<V>>, LoadError>>>;

/// Why a load has no result.
#[derive(Clone, Debug)]
pub(super) enum LoadError {
    Failed(Error),
    /// The load was stopped after `calls` calls. Either a newer load replaced it, or it was a refresh-ahead
    /// for which too few calls of the quota were left.
    Superseded {
        calls: u32,
    },
    /// The load's task was dropped with its runtime.
    Interrupted,
}

/// Why a load was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Callers wait for the result. The load is withdrawn if all callers are cancelled before it is sent.
    Read,
    /// A stale value was served. The load is sent even if no caller waits for it.
    Revalidate,
    /// A value is due for a refresh. A call that joins the queue within a minute after this load is still
    /// sent before it.
    RefreshAhead,
}

/// The state of a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LoadProgress {
    #[default]
    Queued,
    /// The load was sent; the stamp is that of its latest attempt.
    Sent(ReadStamp),
    /// A newer load replaced this load, or this load was withdrawn. The load was stopped when its permit was
    /// granted.
    Superseded,
}

impl LoadProgress {
    pub(super) fn sent(self) -> Option<ReadStamp> {
        if let Self::Sent(stamp) = self { Some(stamp) } else { None }
    }
}

/// A load in progress.
pub(super) struct Load<V: ?Sized> {
    pub(super) id: LoadId,
    pub(super) purpose: Purpose,
    pub(super) progress: Arc<Mutex<LoadProgress>>,
    /// Number of callers that wait for the load. Background refreshes are not counted.
    pub(super) callers: usize,
    pub(super) task: AbortHandle,
    pub(super) outcome: SharedResult<V>,
}

impl<V: ?Sized> Load<V> {
    /// Returns whether this load can serve a caller. A load that was sent must have a generation of at least
    /// `required`. A load that is still queued must not be a refresh-ahead, unless `purpose` is one, too. A
    /// load that has ended serves no caller.
    fn serves(&self, required: Generation, purpose: Purpose) -> bool {
        // An interrupted load stays in the table until another one replaces it.
        !self.task.is_finished()
            && match lock(&self.progress).sent() {
                Some(stamp) => stamp.generation >= required,
                // A queued refresh-ahead does not serve a waiting caller, because it yields to other calls.
                None => self.purpose != Purpose::RefreshAhead || purpose == Purpose::RefreshAhead,
            }
    }
}

/// The result of looking for an entry or a load.
pub(super) enum Lookup<V: ?Sized> {
    Hit(Arc<Entry<V>>),
    /// A recent load failed, and its back-off is not over.
    Failed(Error),
    /// A load in progress will produce the value.
    Wait {
        id: LoadId,
        outcome: SharedResult<V>,
        role: Role,
    },
}

/// A caller's part in a load.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The caller started the load, and reports the load's calls as its own.
    Leader,
    Follower,
}

/// Identifies a load among all loads of one cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LoadId(u64);

/// The current load of each key. Older loads may still be running.
pub(super) struct Loads<K, V: ?Sized> {
    current: HashMap<K, Load<V>>,
    latest_id: LoadId,
}

impl<K: Copy + Eq + Hash, V: ?Sized> Loads<K, V> {
    pub(super) fn new() -> Self {
        Self { current: HashMap::new(), latest_id: LoadId::default() }
    }

    pub(super) fn new_id(&mut self) -> LoadId {
        self.latest_id.0 += 1;
        self.latest_id
    }

    /// Makes `load` the current load of its key. The key's previous load is superseded: it makes no further
    /// attempt.
    pub(super) fn insert(&mut self, key: K, load: Load<V>) {
        self.current.insert(key, load);
    }

    /// Returns the current load of the key. Returns `None` if there is none, or if it cannot
    /// [serve](Load::serves) the caller.
    pub(super) fn serving(&mut self, key: K, required: Generation, purpose: Purpose) -> Option<&mut Load<V>> {
        self.current.get_mut(&key).filter(|load| load.serves(required, purpose))
    }

    /// Returns the load with this id, or `None` if it is no longer the current load of its key.
    pub(super) fn get(&mut self, key: K, id: LoadId) -> Option<&mut Load<V>> {
        self.current.get_mut(&key).filter(|load| load.id == id)
    }

    /// Removes a completed or withdrawn load if it is the current load of its key. Returns whether the load
    /// was removed.
    pub(super) fn remove(&mut self, key: K, id: LoadId) -> bool {
        self.get(key, id).is_some() && self.current.remove(&key).is_some()
    }
}
