//! The quota in memory, for the clients of one process.

use std::sync::{Arc, Mutex, MutexGuard};

use super::quota::Quota;
use super::quota_state::QuotaState;
use super::request::ApplicationKey;
use super::reservation::{Decision, Outcome, Reservation};
use super::store::{Pending, Store};
use crate::clock::{Clock, Instant};
use crate::config;
use crate::lock::lock;

/// A quota behind a lock that is held for a few dozen nanoseconds.
#[derive(Debug)]
pub(super) struct Memory {
    locked: Mutex<Locked>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Locked {
    quota: Quota,
    /// The time of the latest decision.
    latest: Instant,
}

impl Memory {
    pub(super) fn new(config: config::Limiter, clock: Arc<dyn Clock>) -> Self {
        let locked = Locked { quota: Quota::new(config), latest: Instant::START };
        Self { locked: Mutex::new(locked), clock }
    }

    /// Locks the quota for a decision. Returns the decision's time too.
    fn lock(&self) -> (MutexGuard<'_, Locked>, Instant) {
        // The clock is read before, since the lock would be held for as long otherwise. Another thread that has come in
        // between may have read a later time, and no decision is made at an earlier time than the one before it.
        let now = self.clock.now();
        let mut locked = lock(&self.locked);
        locked.latest = locked.latest.max(now);
        let latest = locked.latest;
        (locked, latest)
    }
}

impl Store for Memory {
    fn reserve(&self, application: &ApplicationKey) -> Pending<Decision> {
        let (mut locked, now) = self.lock();
        Pending::Ready(Ok(locked.quota.reserve(application, now)))
    }

    fn release(
        &self,
        application: &ApplicationKey,
        reservation: Reservation,
        outcome: &Outcome,
    ) -> Pending<()> {
        let (mut locked, now) = self.lock();
        locked.quota.release(application, reservation, outcome, now);
        Pending::Ready(Ok(()))
    }

    fn reconfigure(&self, config: config::Limiter) -> Pending<()> {
        let (mut locked, now) = self.lock();
        locked.quota.reconfigure(config, now);
        Pending::Ready(Ok(()))
    }

    fn state(&self, application: &ApplicationKey) -> Pending<QuotaState> {
        let (mut locked, now) = self.lock();
        Pending::Ready(Ok(locked.quota.state(application, now)))
    }
}
