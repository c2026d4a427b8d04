//! The quota: decides whether an attempt may be sent now, and otherwise why and how long it has to wait.
//!
//! The quota is plain data and arithmetic. The store passes in the time, and asks for one decision after the
//! other.

use std::time::Duration;

use super::constraint::{Constraint, Scope};
use super::forecast::Schedule;
use super::quota_state::QuotaState;
use super::request::ApplicationKey;
use super::reservation::{Decision, Reservation, Wait};
use super::snapshot::{ClosedGate, WindowSnapshot};
use super::windows::Windows;
use crate::clock::Instant;
use crate::config;

/// The gate, the windows of one IP address, and the windows of all applications that call from it.
///
/// Reservations are made here; the file `release` updates the quota when they are released.
#[derive(Debug)]
pub(super) struct Quota {
    /// Boxed, so that the fields that change with each call are close together in memory.
    pub(super) config: Box<config::Limiter>,
    pub(super) address_windows: Windows,
    pub(super) applications: Vec<ApplicationWindows>,
    pub(super) in_flight: u32,
    /// Nonce of the latest reservation.
    pub(super) latest_nonce: u64,
    /// Nonce of the only reservation that can be undone: the latest one. `None` if the windows have changed
    /// since that reservation.
    pub(super) revocable_nonce: Option<u64>,
    /// Nothing is sent before this instant.
    pub(super) gate_opens_at: Instant,
    /// The reason why the gate is closed until `gate_opens_at`.
    pub(super) gate_closed_by: Constraint,
    /// Pause after each call. After 429s for concurrent calls it is longer than `limiter.guard_gap`.
    pub(super) guard_gap: Duration,
    /// Number of 429s since the latest response that was not a 429.
    pub(super) rejections_in_a_row: u32,
    /// Value of `latest_nonce` at the latest 429. Attempts with a higher nonce were reserved after that 429.
    /// Only a response to one of them shows that the server accepts calls again.
    pub(super) latest_nonce_at_rejection: u64,
    /// Running mean of the time of a call, including the guard gap after it; `None` before the first response
    /// that is not a 429.
    pub(super) service_time: Option<Duration>,
}

/// The windows of one application.
#[derive(Debug)]
pub(super) struct ApplicationWindows {
    key: ApplicationKey,
    pub(super) windows: Windows,
}

impl Quota {
    pub(super) fn new(config: config::Limiter) -> Self {
        Self {
            address_windows: Windows::new(config.effective_address_windows(), config.spare),
            applications: Vec::new(),
            in_flight: 0,
            latest_nonce: 0,
            revocable_nonce: None,
            gate_opens_at: Instant::START,
            gate_closed_by: Constraint::GuardGap,
            guard_gap: config.guard_gap,
            rejections_in_a_row: 0,
            latest_nonce_at_rejection: 0,
            service_time: None,
            config: Box::new(config),
        }
    }

    /// Reserves one place at the gate and one call of every window of both scopes. If any of them is
    /// unavailable, reserves nothing.
    pub(super) fn reserve(&mut self, application: &ApplicationKey, now: Instant) -> Decision {
        let index = self.index_or_insert(application);
        let windows = &mut self.applications[index].windows;
        let is_gate_open = self.in_flight < max_in_flight(self.rejections_in_a_row, &self.config)
            && self.gate_opens_at <= now;
        if !is_gate_open || !windows.are_ready(now) || !self.address_windows.are_ready(now) {
            return Decision::Wait(self.wait(index, now));
        }
        windows.take(now);
        self.address_windows.take(now);
        self.in_flight += 1;
        self.latest_nonce += 1;
        self.revocable_nonce = Some(self.latest_nonce);
        Decision::Granted(Reservation { nonce: self.latest_nonce, start: now })
    }

    /// Returns why and for how long an attempt has to wait. Marked as cold, so that the common path of
    /// `reserve` stays small.
    #[cold]
    fn wait(&self, index: usize, now: Instant) -> Wait {
        if self.in_flight >= max_in_flight(self.rejections_in_a_row, &self.config) {
            return Wait { duration: None, constraint: Constraint::InFlight };
        }
        let (mut ready_at, mut constraint) = (self.gate_opens_at, self.gate_closed_by);
        for (scope, windows) in self.scopes(index) {
            for bucket in windows.buckets() {
                let bucket_ready_at = bucket.ready_at(now);
                // If a hold and a window end together, the window is the more useful reason.
                let ends_together =
                    bucket_ready_at == ready_at && !matches!(constraint, Constraint::Window { .. });
                if bucket_ready_at > now && (bucket_ready_at > ready_at || ends_together) {
                    (ready_at, constraint) =
                        (bucket_ready_at, Constraint::Window { scope, window: bucket.window() });
                }
            }
        }
        Wait { duration: Some(ready_at.since(now)), constraint }
    }

    /// Replaces the settings. Calls that were sent stay counted.
    pub(super) fn reconfigure(&mut self, config: config::Limiter, now: Instant) {
        self.address_windows.reconfigure(config.effective_address_windows(), config.spare, now);
        for application in &mut self.applications {
            application.windows.reconfigure(&config.windows, config.spare, now);
        }
        self.guard_gap = config.guard_gap;
        *self.config = config;
        self.revocable_nonce = None;
    }

    /// Returns the state of one application's quota.
    pub(super) fn state(&mut self, application: &ApplicationKey, now: Instant) -> QuotaState {
        let index = self.index_or_insert(application);
        let start = now.max(self.gate_opens_at);
        let service_time = self.service_time.unwrap_or(self.guard_gap)
            / max_in_flight(self.rejections_in_a_row, &self.config);
        let mut schedules = vec![Schedule::new(start, service_time, Constraint::Pace)];
        let mut windows = Vec::new();
        for (scope, each) in self.scopes(index) {
            for bucket in each.buckets() {
                let constraint = Constraint::Window { scope, window: bucket.window() };
                schedules.push(Schedule::of_bucket(bucket, start, constraint));
                windows.push(WindowSnapshot::of(scope, bucket, now));
            }
        }
        let closed = ClosedGate { time: self.gate_opens_at.since(now), constraint: self.gate_closed_by };
        QuotaState {
            schedules,
            windows,
            closed: Some(closed).filter(|closed| !closed.time.is_zero()),
            in_flight: self.in_flight,
            guard_gap: self.guard_gap,
            service_time: self.service_time,
            rejections_in_a_row: self.rejections_in_a_row,
            now,
        }
    }

    fn scopes(&self, index: usize) -> [(Scope, &Windows); 2] {
        [(Scope::Application, &self.applications[index].windows), (Scope::Address, &self.address_windows)]
    }

    /// Returns the index of an application. A new application is added with empty windows.
    #[inline]
    pub(super) fn index_or_insert(&mut self, key: &ApplicationKey) -> usize {
        self.applications.iter().position(|application| application.key == *key).unwrap_or_else(|| {
            let windows = Windows::new(&self.config.windows, self.config.spare);
            self.applications.push(ApplicationWindows { key: *key, windows });
            self.applications.len() - 1
        })
    }
}

/// Returns how many calls may be in flight at once. After a 429 the number is 1: a single call tests whether
/// the server accepts calls again.
fn max_in_flight(rejections_in_a_row: u32, config: &config::Limiter) -> u32 {
    if rejections_in_a_row > 0 { 1 } else { config.max_concurrency.max(1) }
}
