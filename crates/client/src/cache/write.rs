//! A write, from the moment it is sent until it is over.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use ultracart_transport::{AttemptHook, EarlierAttempts, Instant};

use super::caches::{Caches, Kind};
use super::effect::Effect;
use super::generations::{Generation, LIST_LAG, ReadStamp, Recorded};
use super::response::Cached;
use super::sync::lock;

/// How long lists may lag behind a write whose outcome is not known: the server may carry it out later.
const LIST_LAG_AFTER_UNKNOWN: Duration = Duration::from_secs(15);

/// A write. Each attempt and the end of the write invalidate what it changes, whatever the outcome.
///
/// The caller ends the write with [`end`](Self::end). If the caller is cancelled, the write ends when the transport drops it,
/// since the server may work on it until then.
#[derive(Debug)]
pub(crate) struct Write<L: Kind> {
    caches: Arc<Caches>,
    /// The object that is written; none for a new one.
    id: Option<L::Id>,
    effect: Effect,
    base: Option<Base>,
    state: Mutex<State>,
}

/// The version of an object that a change is based on.
#[derive(Debug)]
struct Base {
    read_at: Instant,
    unless_changed_since: Option<Generation>,
    /// Held until the write is over, so that the next change of the object is based on its result.
    _lock: OwnedMutexGuard<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Queued,
    Overtaken,
    /// The latest attempt was sent then.
    Sent(ReadStamp),
    Over,
}

/// How a write ended.
#[derive(Debug)]
pub(crate) enum WriteOutcome<T> {
    /// The server stored the object like this.
    Stored(Arc<T>),
    Deleted,
    /// The server did nothing.
    Refused,
    Unknown,
}

impl<L: Kind> Write<L> {
    pub(crate) fn new(caches: &Arc<Caches>, id: Option<L::Id>, effect: Effect) -> Self {
        let (caches, state) = (Arc::clone(caches), Mutex::new(State::Queued));
        Self { caches, id, effect, base: None, state }
    }

    /// Ties the write to the version of the object that was read and changed under `lock`. Until an attempt may have had an
    /// effect, no attempt is sent if the object has changed since `unless_changed_since`.
    pub(crate) fn based_on(
        mut self,
        read: &Cached<L::Item>,
        unless_changed_since: Option<Generation>,
        lock: OwnedMutexGuard<()>,
    ) -> Self {
        let read_at = read.stamp().at;
        self.base = Some(Base { read_at, unless_changed_since, _lock: lock });
        self
    }

    /// Returns whether the last attempt was withheld because the object had changed.
    pub(crate) fn is_overtaken(&self) -> bool {
        *lock(&self.state) == State::Overtaken
    }

    /// Invalidates what the write changed, and caches the reply if nothing else changed the object meanwhile. Does nothing if
    /// the write was not sent or has ended.
    pub(crate) fn end(&self, outcome: WriteOutcome<L::Item>) {
        let mut state = lock(&self.state);
        let State::Sent(sent) = *state else { return };
        *state = State::Over;
        drop(state);

        let now = self.caches.context.now();
        let lists_lag_until = match outcome {
            WriteOutcome::Stored(_) | WriteOutcome::Deleted => now + LIST_LAG,
            WriteOutcome::Refused => Instant::START,
            WriteOutcome::Unknown => now + LIST_LAG_AFTER_UNKNOWN,
        };
        // The id of a new object is known now.
        let id = match &outcome {
            WriteOutcome::Stored(item) => self.id.or_else(|| L::id(item)),
            _ => self.id,
        };
        let Recorded { generation, previous } = self.invalidate(id, lists_lag_until);
        if matches!(outcome, WriteOutcome::Stored(_) | WriteOutcome::Deleted) {
            self.caches.context.server_answered(now);
        }
        // After another change at the same time nobody knows which of them the server made last.
        let is_latest = previous <= sent.generation;
        if let (WriteOutcome::Stored(item), Some(id)) = (outcome, id)
            && is_latest
            && L::id(&item) == Some(id)
        {
            L::resource(&self.caches).put_written(id, item, ReadStamp { generation, at: sent.at });
        }
    }

    fn invalidate(&self, id: Option<L::Id>, lists_lag_until: Instant) -> Recorded {
        let (caches, mut effect) = (&self.caches, self.effect);
        if let Some(Base { read_at, .. }) = self.base {
            // What is written back may be older than a related object that was read since.
            effect.on_related |= L::related(caches).has_read_since(read_at);
            effect.on_logins |= L::HAS_LOGINS && caches.logins.generations.has_read_since(read_at);
        }
        caches.invalidate::<L>(id, effect, lists_lag_until)
    }

    /// Returns the latest change of the object that is written.
    fn latest_change(&self) -> Generation {
        let generations = &L::resource(&self.caches).generations;
        self.id.map(|id| generations.of_object(L::raw_id(id)).generation).unwrap_or_default()
    }
}

impl<L: Kind> AttemptHook for Write<L> {
    fn before_attempt(&self, earlier: EarlierAttempts) -> ControlFlow<()> {
        let mut state = lock(&self.state);
        if let Some(unless_changed_since) = self.base.as_ref().and_then(|base| base.unless_changed_since)
            && earlier == EarlierAttempts::HadNoEffect
        {
            // The write's own earlier attempt counts as a change, too.
            let latest_own =
                if let State::Sent(sent) = *state { sent.generation } else { unless_changed_since };
            if self.latest_change() > latest_own {
                *state = State::Overtaken;
                return ControlFlow::Break(());
            }
        }
        let Recorded { generation, .. } = self.invalidate(self.id, Instant::START);
        *state = State::Sent(ReadStamp { generation, at: self.caches.context.now() });
        ControlFlow::Continue(())
    }
}

impl<L: Kind> Drop for Write<L> {
    fn drop(&mut self) {
        self.end(WriteOutcome::Unknown);
    }
}
