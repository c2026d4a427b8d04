//! What permits and the dispatcher share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::request::ApplicationKey;
use super::reservation::{Outcome, Reservation};
use super::store::{Pending, Store};
use super::wakeup::Wakeup;
use crate::clock::Clock;
use crate::error::Error;

/// The store and the clock of a limiter.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) store: Box<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) wakeup: Wakeup,
}

impl Core {
    /// Releases a reservation. Where the store takes its time, nobody waits for it.
    #[inline]
    fn release(self: &Arc<Self>, application: &ApplicationKey, reservation: Reservation, outcome: &Outcome) {
        match self.store.release(application, reservation, outcome) {
            Pending::Ready(answer) => self.released(answer),
            Pending::Later(answer) => {
                // Without a runtime nothing is left that could wait for it.
                let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
                let core = Arc::clone(self);
                runtime.spawn(async move { core.released(answer.await) });
            }
        }
    }

    #[inline]
    fn released(&self, answer: Result<(), Error>) {
        if let Err(error) = answer {
            tracing::warn!(%error, "the limiter's store could not take note of how a call ended");
        }
        self.wakeup.notify();
    }
}

/// A credential whose calls a limiter lets through. Every permit holds a reference to one.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) core: Arc<Core>,
    pub(super) key: ApplicationKey,
    /// Why nothing is sent any more: UltraCart disabled the application.
    pub(super) halted: OnceLock<Error>,
    spent: AtomicU64,
    rejected: AtomicU64,
}

impl Application {
    pub(super) fn new(core: Arc<Core>, key: ApplicationKey) -> Self {
        Self { core, key, halted: OnceLock::new(), spent: AtomicU64::new(0), rejected: AtomicU64::new(0) }
    }

    /// Fails if nothing is sent with this credential any more.
    pub(super) fn check_halted(&self) -> Result<(), Error> {
        match self.halted.get() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// How many calls the server may have counted.
    pub(super) fn calls_spent(&self) -> u64 {
        self.spent.load(Ordering::Relaxed)
    }

    /// How many calls were answered with 429.
    pub(super) fn calls_rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Counts a call that is being sent.
    pub(super) fn count_spent(&self) {
        self.spent.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes back a call that was counted and then not sent.
    pub(super) fn uncount_spent(&self) {
        self.spent.fetch_sub(1, Ordering::Relaxed);
    }

    /// Releases a reservation of this application.
    #[inline]
    pub(super) fn release(&self, reservation: Reservation, outcome: &Outcome) {
        if matches!(outcome, Outcome::Rejected(_)) {
            self.rejected.fetch_add(1, Ordering::Relaxed);
        }
        self.core.release(&self.key, reservation, outcome);
    }
}
