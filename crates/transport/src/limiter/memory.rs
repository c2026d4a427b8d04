//! The state of the limits in memory, for the clients of one process.

use std::hint;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::state::{ApplicationId, Outcome, Reply, Standing, State, Step, Turn};
use super::store::{Pending, Store};
use crate::clock::{Clock, Instant};
use crate::config;

/// How often the lock is tried for before its thread sleeps, some microseconds in all: to fall asleep and to be woken up
/// take longer than anybody holds it.
const TRIES: u32 = 100;

/// State in memory, behind a lock that is held for a few dozen nanoseconds.
#[derive(Debug)]
pub(super) struct Memory {
    kept: Mutex<Kept>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Kept {
    state: State,
    /// The time of the latest decision.
    latest: Instant,
}

impl Memory {
    pub(super) fn new(config: config::Limiter, clock: Arc<dyn Clock>) -> Self {
        Self { kept: Mutex::new(Kept { state: State::new(config), latest: Instant::START }), clock }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        for _ in 0..TRIES {
            match self.kept.try_lock() {
                Ok(kept) => return kept,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => (0..8).for_each(|_| hint::spin_loop()),
            }
        }
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, and the time of the decision that is made on it.
    fn lock_now(&self) -> (MutexGuard<'_, Kept>, Instant) {
        // Asked for before the lock, which is held for as long otherwise. Whoever came in between has asked later, and so
        // no decision is made at an earlier time than the one before it.
        let now = self.clock.now();
        let mut kept = self.lock();
        kept.latest = kept.latest.max(now);
        let latest = kept.latest;
        (kept, latest)
    }
}

impl Store for Memory {
    fn apply(&self, step: Step) -> Pending<Reply> {
        let (mut kept, now) = self.lock_now();
        Pending::ready(kept.state.apply(step, now))
    }

    fn take_at_once(&self, application: ApplicationId) -> Option<Turn> {
        let (mut kept, now) = self.lock_now();
        kept.state.take_at_once(application, now)
    }

    fn settle_at_once(&self, turn: &Turn, outcome: &Outcome) -> bool {
        let (mut kept, now) = self.lock_now();
        kept.state.settle(turn, outcome, now);
        true
    }

    fn standing(&self, application: ApplicationId) -> Pending<Standing> {
        let (kept, now) = self.lock_now();
        Pending::ready(kept.state.standing(application, now))
    }

    fn add_application(&self) {
        self.lock().state.add_application();
    }
}
