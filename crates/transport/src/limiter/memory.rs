//! The store of the quota in memory, for the clients of one process.

use std::sync::{Arc, Mutex, MutexGuard};

use super::quota::Quota;
use super::quota_state::QuotaState;
use super::request::ApplicationKey;
use super::reservation::{Decision, Outcome, Reservation};
use super::store::{Pending, Store};
use crate::clock::{Clock, Instant};
use crate::config;
use crate::lock::lock;

/// A quota behind a mutex, which is held for a few dozen nanoseconds.
#[derive(Debug)]
pub(super) struct MemoryStore {
    locked: Mutex<LockedQuota>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct LockedQuota {
    quota: Quota,
    latest_decision_at: Instant,
}

impl MemoryStore {
    pub(super) fn new(config: config::Limiter, clock: Arc<dyn Clock>) -> Self {
        let locked = LockedQuota { quota: Quota::new(config), latest_decision_at: Instant::START };
        Self { locked: Mutex::new(locked), clock }
    }

    /// Locks the quota for a decision. Returns the time of the decision, too.
    fn lock(&self) -> (MutexGuard<'_, LockedQuota>, Instant) {
        // Reading the clock before locking keeps the lock short. Meanwhile another thread may have decided at
        // a later time. The decisions' times must not decrease, so the later time is used.
        let now = self.clock.now();
        let mut locked = lock(&self.locked);
        locked.latest_decision_at = locked.latest_decision_at.max(now);
        let now = locked.latest_decision_at;
        (locked, now)
    }
}

impl Store for MemoryStore {
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
