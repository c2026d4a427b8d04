//! State that the dispatcher and all permits share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::request::ApplicationKey;
use super::reservation::{Outcome, Reservation};
use super::store::{Pending, Store};
use super::wakeup::Wakeup;
use crate::clock::Clock;
use crate::error::Error;

/// A limiter's store, clock and wakeup.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Box<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) wakeup: Wakeup,
}

impl Shared {
    /// Releases a reservation. If the store is slow, the caller does not wait for it: a new task does.
    #[inline]
    fn release(self: &Arc<Self>, application: &ApplicationKey, reservation: Reservation, outcome: &Outcome) {
        match self.store.release(application, reservation, outcome) {
            Pending::Ready(result) => self.released(result),
            Pending::Later(result) => {
                // Outside of a runtime no task can be spawned, and no waiter is left.
                let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
                let shared = Arc::clone(self);
                runtime.spawn(async move { shared.released(result.await) });
            }
        }
    }

    #[inline]
    fn released(&self, result: Result<(), Error>) {
        if let Err(error) = result {
            tracing::warn!(%error, "the limiter's store could not record the outcome of a call");
        }
        self.wakeup.notify();
    }
}

/// An application's key and counters, and whether UltraCart has disabled it. Every permit refers to its
/// application.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) shared: Arc<Shared>,
    pub(super) key: ApplicationKey,
    /// The error of every further request. Set when UltraCart disables the application.
    pub(super) halt_error: OnceLock<Error>,
    spent: AtomicU64,
    rejected: AtomicU64,
}

impl Application {
    pub(super) fn new(shared: Arc<Shared>, key: ApplicationKey) -> Self {
        Self {
            shared,
            key,
            halt_error: OnceLock::new(),
            spent: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        }
    }

    /// Fails if UltraCart has disabled the application.
    pub(super) fn check_halted(&self) -> Result<(), Error> {
        match self.halt_error.get() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Returns the number of calls that the server may have counted.
    pub(super) fn calls_spent(&self) -> u64 {
        self.spent.load(Ordering::Relaxed)
    }

    /// Returns the number of calls that were rejected with a 429.
    pub(super) fn calls_rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Counts a call that is about to be sent.
    pub(super) fn count_spent(&self) {
        self.spent.fetch_add(1, Ordering::Relaxed);
    }

    /// Uncounts a call that was not sent after all.
    pub(super) fn uncount_spent(&self) {
        self.spent.fetch_sub(1, Ordering::Relaxed);
    }

    /// Releases a reservation of this application.
    #[inline]
    pub(super) fn release(&self, reservation: Reservation, outcome: &Outcome) {
        if matches!(outcome, Outcome::Rejected(_)) {
            self.rejected.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.release(&self.key, reservation, outcome);
    }
}
