//! A load in a task of its own.

use std::fmt;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;

use tokio::runtime::Handle;
use tracing::Instrument as _;
use ultracart_transport::{AttemptHook, EarlierAttempts, Error};

use super::table::{Load, LoadOutcome, Purpose};
use crate::cache::entry::Loaded;

/// How a load's task ended.
pub(in crate::cache) enum LoadEnd<V: ?Sized> {
    Finished(Result<Loaded<V>, Error>),
    /// Nothing was sent: all callers were cancelled, or the quota was too short for a refresh.
    NotSent,
    Panicked,
    /// The task was dropped with its runtime, or there was no runtime.
    Interrupted,
}

/// The cache that a load belongs to, as the load's task sees it.
pub(in crate::cache) trait LoadOwner: Send + Sync + 'static {
    type Key: Send + Sync + 'static;
    type Value: ?Sized + Send + Sync + 'static;

    /// The load has its permit and is sent next, unless it was superseded.
    fn before_attempt(&self, load: &Arc<Load<Self::Key, Self::Value>>) -> ControlFlow<()>;

    /// Withdraws a load that no caller waits for, unless it was sent. Returns whether it is withdrawn.
    fn withdraw(&self, load: &Arc<Load<Self::Key, Self::Value>>) -> bool;

    /// The load is over: the cache keeps what is of use, and says what the callers get.
    fn complete(
        &self,
        load: &Arc<Load<Self::Key, Self::Value>>,
        end: LoadEnd<Self::Value>,
    ) -> LoadOutcome<Self::Value>;
}

/// Tells the cache when an attempt at a load is sent.
pub(in crate::cache) struct LoadHook<O: LoadOwner> {
    pub(in crate::cache) owner: Arc<O>,
    pub(in crate::cache) load: Arc<Load<O::Key, O::Value>>,
}

impl<O: LoadOwner> AttemptHook for LoadHook<O> {
    fn before_attempt(&self, _: EarlierAttempts) -> ControlFlow<()> {
        self.owner.before_attempt(&self.load)
    }
}

impl<O: LoadOwner> fmt::Debug for LoadHook<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadHook").finish_non_exhaustive()
    }
}

/// Ends a load exactly once, also when its task panics or its runtime ends, so that no caller waits forever.
struct EndGuard<O: LoadOwner> {
    owner: Arc<O>,
    load: Arc<Load<O::Key, O::Value>>,
    is_over: bool,
}

impl<O: LoadOwner> EndGuard<O> {
    fn end(&mut self, end: LoadEnd<O::Value>) {
        self.is_over = true;
        let outcome = self.owner.complete(&self.load, end);
        self.load.outcome.send_replace(Some(outcome));
    }
}

impl<O: LoadOwner> Drop for EndGuard<O> {
    fn drop(&mut self) {
        if !self.is_over {
            self.end(if std::thread::panicking() { LoadEnd::Panicked } else { LoadEnd::Interrupted });
        }
    }
}

/// Runs `work` in a task of its own; without a runtime the load is interrupted at once. The caller must not hold the load
/// table.
pub(in crate::cache) fn spawn<O: LoadOwner>(
    owner: Arc<O>,
    load: Arc<Load<O::Key, O::Value>>,
    work: impl Future<Output = LoadEnd<O::Value>> + Send + 'static,
) {
    let mut guard = EndGuard { owner, load, is_over: false };
    let Ok(runtime) = Handle::try_current() else { return };
    let task = async move {
        let mut work = pin!(work);
        let mut can_be_withdrawn = guard.load.purpose == Purpose::Read;
        let end = loop {
            tokio::select! {
                biased;
                end = &mut work => break end,
                () = guard.load.outcome.closed(), if can_be_withdrawn => {
                    if guard.owner.withdraw(&guard.load) {
                        break LoadEnd::NotSent;
                    }
                    // Another caller has joined since, or the load was sent.
                    can_be_withdrawn = guard.load.stamp().is_none();
                }
            }
        };
        guard.end(end);
    };
    runtime.spawn(task.in_current_span());
}
