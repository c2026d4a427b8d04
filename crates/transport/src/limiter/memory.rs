//! The state of the limits in memory, for the clients of one process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::state::{ApplicationId, Reply, Standing, State, Step};
use super::store::{Pending, Store};
use crate::clock::Clock;
use crate::config;

/// State in memory, behind a lock that is held for a few dozen nanoseconds.
#[derive(Debug)]
pub(super) struct Memory {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
}

impl Memory {
    pub(super) fn new(config: config::Limiter, clock: Arc<dyn Clock>) -> Self {
        Self { state: Mutex::new(State::new(config)), clock }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn apply(&self, step: Step) -> Pending<Reply> {
        let mut state = self.lock();
        // Asked for behind the lock, so that no decision is made at an earlier time than the one before it.
        let now = self.clock.now();
        Pending::ready(state.apply(step, now))
    }

    fn standing(&self, application: ApplicationId) -> Pending<Standing> {
        let state = self.lock();
        let now = self.clock.now();
        Pending::ready(state.standing(application, now))
    }

    fn add_application(&self) {
        self.lock().add_application();
    }
}
