//! Writes, and how they invalidate cached values.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use ultracart_transport::{AttemptHook, EarlierAttempts, Instant};

use super::caches::{Caches, Kind};
use super::effect::Effect;
use super::logical_clock::{Generation, LIST_LAG, ReadStamp, RecordedChange};
use super::response::Cached;
use super::sync::lock;

/// How long lists may lag behind a write whose outcome is unknown. This is longer than [`LIST_LAG`], because
/// the server may still carry out the write.
const LIST_LAG_AFTER_UNKNOWN: Duration = Duration::from_secs(15);

/// A write. Whatever its outcome, the objects that it changes are invalidated before each attempt and when
/// the write ends.
///
/// The caller ends the write with [`end`](Self::end). If the caller is cancelled, the server may still work
/// on the request. In that case, the write ends when the transport drops this value.
#[derive(Debug)]
pub(crate) struct Write<L: Kind> {
    caches: Arc<Caches>,
    /// The object that is written. `None` for a new object.
    id: Option<L::Id>,
    effect: Effect,
    base: Option<Base>,
    state: Mutex<WriteState>,
}

/// The version of the object on which a change is based.
#[derive(Debug)]
struct Base {
    read_at: Instant,
    unless_changed_since: Option<Generation>,
    /// Held until the write ends, so that the next change of the object is based on the result of this write.
    _lock: OwnedMutexGuard<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteState {
    Queued,
    Overtaken,
    /// The latest attempt was sent at this generation and time.
    Sent(ReadStamp),
    Over,
}

/// How a write ended.
#[derive(Debug)]
pub(crate) enum WriteOutcome<T> {
    /// The server stored the object and returned it.
    Stored(Arc<T>),
    Deleted,
    /// The server refused the write and changed nothing.
    Refused,
    Unknown,
}

impl<L: Kind> Write<L> {
    pub(crate) fn new(caches: &Arc<Caches>, id: Option<L::Id>, effect: Effect) -> Self {
        let (caches, state) = (Arc::clone(caches), Mutex::new(WriteState::Queued));
        Self { caches, id, effect, base: None, state }
    }

    /// Bases the write on `read`, the version of the object to which the change was applied.
    ///
    /// If the object has changed since the generation `unless_changed_since`, the write is stopped before its
    /// next attempt. The write is not stopped if `unless_changed_since` is `None`, or if an earlier attempt
    /// may have had an effect. `lock` is held until the write ends.
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

    /// Returns whether the write was stopped before an attempt, because the object had changed.
    pub(crate) fn is_overtaken(&self) -> bool {
        *lock(&self.state) == WriteState::Overtaken
    }

    /// Ends the write: invalidates everything that the write changed, and caches the returned object. The
    /// object is not cached if another change that affects it was recorded after the latest attempt was sent.
    /// Does nothing if the write was not sent or has already ended.
    pub(crate) fn end(&self, outcome: WriteOutcome<L::Item>) {
        let mut state = lock(&self.state);
        let WriteState::Sent(sent) = *state else { return };
        *state = WriteState::Over;
        drop(state);

        let now = self.caches.context.now();
        let lists_lag_until = match outcome {
            WriteOutcome::Stored(_) | WriteOutcome::Deleted => now + LIST_LAG,
            WriteOutcome::Refused => Instant::START,
            WriteOutcome::Unknown => now + LIST_LAG_AFTER_UNKNOWN,
        };
        // The response contains the id of a new object.
        let id = match &outcome {
            WriteOutcome::Stored(item) => self.id.or_else(|| L::id(item)),
            _ => self.id,
        };
        let RecordedChange { generation, previous } = self.invalidate(id, lists_lag_until);
        if matches!(outcome, WriteOutcome::Stored(_) | WriteOutcome::Deleted) {
            self.caches.context.server_responded(now);
        }
        // If another change overlapped, the order in which the server made them is unknown.
        let is_latest = previous <= sent.generation;
        if let (WriteOutcome::Stored(item), Some(id)) = (outcome, id)
            && is_latest
            && L::id(&item) == Some(id)
        {
            L::resource(&self.caches).cache_written(id, item, ReadStamp { generation, at: sent.at });
        }
    }

    fn invalidate(&self, id: Option<L::Id>, lists_lag_until: Instant) -> RecordedChange {
        let (caches, mut effect) = (&self.caches, self.effect);
        if let Some(Base { read_at, .. }) = self.base {
            // The written object may be older than related objects that were read since.
            effect.on_related |= L::related(caches).has_read_since(read_at);
            effect.on_logins |= L::HAS_LOGINS && caches.logins.logical_clock.has_read_since(read_at);
        }
        caches.invalidate::<L>(id, effect, lists_lag_until)
    }

    /// Returns the generation of the latest change of the written object.
    fn latest_change(&self) -> Generation {
        let logical_clock = &L::resource(&self.caches).logical_clock;
        self.id.map(|id| logical_clock.latest_change_of(L::raw_id(id)).generation).unwrap_or_default()
    }
}

impl<L: Kind> AttemptHook for Write<L> {
    fn before_attempt(&self, earlier: EarlierAttempts) -> ControlFlow<()> {
        let mut state = lock(&self.state);
        if let Some(unless_changed_since) = self.base.as_ref().and_then(|base| base.unless_changed_since)
            && earlier == EarlierAttempts::HadNoEffect
        {
            // An earlier attempt of this write counts as a change, too.
            let latest_own =
                if let WriteState::Sent(sent) = *state { sent.generation } else { unless_changed_since };
            if self.latest_change() > latest_own {
                *state = WriteState::Overtaken;
                return ControlFlow::Break(());
            }
        }
        let RecordedChange { generation, .. } = self.invalidate(self.id, Instant::START);
        *state = WriteState::Sent(ReadStamp { generation, at: self.caches.context.now() });
        ControlFlow::Continue(())
    }
}

impl<L: Kind> Drop for Write<L> {
    fn drop(&mut self) {
        self.end(WriteOutcome::Unknown);
    }
}
