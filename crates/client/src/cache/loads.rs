//! The loads that are under way, and how the API makes their calls.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, Shared};
use tokio::task::AbortHandle;
use ultracart_transport::limiter::Priority;
use ultracart_transport::{AttemptHook, EarlierAttempts, Error, ErrorKind};

use super::entry::Entry;
use super::generations::{Generation, ReadStamp};
use super::sync::lock;

/// What a load passes to the code that makes its call.
#[derive(Clone, Debug)]
pub(crate) struct LoadRequest {
    pub(crate) priority: Priority,
    /// What the cache did, for the call's span: `miss`, `refresh` or `bypass`.
    pub(crate) label: &'static str,
    /// Called before each attempt, which it can cancel. None after the first page of a list.
    pub(crate) hook: Option<Arc<dyn AttemptHook>>,
}

impl LoadRequest {
    /// Stamps this load now. To be called before the list is requested that the object is taken from.
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
pub(super) type Outcome<V> = Shared<BoxFuture<'static, Result<Arc<Entry<V>>, LoadError>>>;

/// Why a load brought nothing.
#[derive(Clone, Debug)]
pub(super) enum LoadError {
    Failed(Error),
    /// A newer load took its place, after this many calls; or the quota allowed no refresh-ahead.
    Superseded {
        calls: u32,
    },
    /// The task was dropped with its runtime.
    Interrupted,
}

/// What a load is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Callers wait for it. Without them it is not sent.
    Read,
    /// A stale value was served. It is sent even if no caller waits.
    Revalidate,
    /// A value is due for a refresh. Calls that come up to a minute later go first.
    RefreshAhead,
}

/// The state of a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Progress {
    #[default]
    Queued,
    /// The latest attempt was sent then.
    Sent(ReadStamp),
    /// A newer load had taken its place when its permit came.
    Superseded,
}

impl Progress {
    pub(super) fn sent(self) -> Option<ReadStamp> {
        if let Self::Sent(stamp) = self { Some(stamp) } else { None }
    }
}

/// A load that is under way.
pub(super) struct Load<V: ?Sized> {
    pub(super) id: LoadId,
    pub(super) purpose: Purpose,
    pub(super) progress: Arc<Mutex<Progress>>,
    /// Callers who wait for it; those in the background are not counted.
    pub(super) callers: usize,
    pub(super) task: AbortHandle,
    pub(super) outcome: Outcome<V>,
}

impl<V: ?Sized> Load<V> {
    /// Returns whether the load serves a caller who requires this generation.
    fn serves(&self, required: Generation, purpose: Purpose) -> bool {
        // A load that was interrupted stays in the table until it is replaced.
        !self.task.is_finished()
            && match lock(&self.progress).sent() {
                Some(stamp) => stamp.generation >= required,
                // A queued refresh-ahead is of no use to a caller who waits: it lets other calls go first.
                None => self.purpose != Purpose::RefreshAhead || purpose == Purpose::RefreshAhead,
            }
    }
}

/// The result of looking for an entry or a load.
pub(super) enum Lookup<V: ?Sized> {
    Hit(Arc<Entry<V>>),
    /// A recent load failed, and its back-off is not over.
    Failed(Error),
    /// A load brings it.
    Wait {
        id: LoadId,
        outcome: Outcome<V>,
        role: Role,
    },
}

/// A caller's part in a load.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It started the load, whose calls are reported as its own.
    Leader,
    Follower,
}

/// Tells a load from other loads of the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LoadId(u64);

/// The current load of each key.
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

    /// Makes a load the current one. The one before it is superseded: it ends, but makes no further attempt.
    pub(super) fn insert(&mut self, key: K, load: Load<V>) {
        self.current.insert(key, load);
    }

    /// Returns a load that serves a caller who requires this generation.
    pub(super) fn serving(&mut self, key: K, required: Generation, purpose: Purpose) -> Option<&mut Load<V>> {
        self.current.get_mut(&key).filter(|load| load.serves(required, purpose))
    }

    /// Returns a load, if it is current.
    pub(super) fn get(&mut self, key: K, id: LoadId) -> Option<&mut Load<V>> {
        self.current.get_mut(&key).filter(|load| load.id == id)
    }

    /// Removes a load that is over, and returns whether it was current.
    pub(super) fn remove(&mut self, key: K, id: LoadId) -> bool {
        self.get(key, id).is_some() && self.current.remove(&key).is_some()
    }
}
