//! The decision: may an attempt be sent now, and if not, when, and what holds it back?
//!
//! Plain data and arithmetic. A store passes the time in and makes one decision at a time.

use std::time::Duration;

use super::constraint::{Constraint, Scope};
use super::forecast::Schedule;
use super::quota_state::QuotaState;
use super::request::ApplicationKey;
use super::reservation::{Decision, Reservation, Wait};
use super::snapshot::{Closed, WindowSnapshot};
use super::windows::Windows;
use crate::clock::Instant;
use crate::config;

/// The gate and the windows of all applications behind one address. What releases teach is in `release`.
#[derive(Debug)]
pub(super) struct Quota {
    /// Boxed, so that what changes with each call is close together.
    pub(super) config: Box<config::Limiter>,
    pub(super) address: Windows,
    pub(super) applications: Vec<Application>,
    pub(super) in_flight: u32,
    /// The nonce of the latest reservation.
    pub(super) latest_nonce: u64,
    /// The nonce of the reservation that can be put back: the latest, unless something else has changed the windows since.
    pub(super) revocable_nonce: Option<u64>,
    /// Nothing is sent before this instant, because of this constraint.
    pub(super) not_before: Instant,
    pub(super) closed_by: Constraint,
    /// The pause between calls; longer than configured after 429s for concurrent calls.
    pub(super) gap: Duration,
    /// 429s since the last other answer.
    pub(super) rejections: u32,
    /// The latest nonce at the latest 429. Only the answer to a later reservation shows that the rejection is over.
    pub(super) rejected_nonce: u64,
    /// A running mean of how long a call takes, its gap included.
    pub(super) service_time: Option<Duration>,
}

/// The windows of one credential.
#[derive(Debug)]
pub(super) struct Application {
    key: ApplicationKey,
    pub(super) windows: Windows,
}

impl Quota {
    pub(super) fn new(config: config::Limiter) -> Self {
        Self {
            address: Windows::new(config.of_address(), config.spare),
            applications: Vec::new(),
            in_flight: 0,
            latest_nonce: 0,
            revocable_nonce: None,
            not_before: Instant::START,
            closed_by: Constraint::GuardGap,
            gap: config.guard_gap,
            rejections: 0,
            rejected_nonce: 0,
            service_time: None,
            config: Box::new(config),
        }
    }

    /// Takes the gate and a call of every window of both scopes, or nothing.
    pub(super) fn reserve(&mut self, application: &ApplicationKey, now: Instant) -> Decision {
        let index = self.index_of(application);
        let windows = &mut self.applications[index].windows;
        let is_gate_open = self.in_flight < places(self.rejections, &self.config) && self.not_before <= now;
        if !is_gate_open || !windows.are_ready(now) || !self.address.are_ready(now) {
            return Decision::Wait(self.wait(index, now));
        }
        windows.take(now);
        self.address.take(now);
        self.in_flight += 1;
        self.latest_nonce += 1;
        self.revocable_nonce = Some(self.latest_nonce);
        Decision::Granted(Reservation { nonce: self.latest_nonce, start: now })
    }

    /// What holds an attempt back, and for how long. Cold, so that most reservations make no room for it.
    #[cold]
    fn wait(&self, index: usize, now: Instant) -> Wait {
        if self.in_flight >= places(self.rejections, &self.config) {
            return Wait { time: None, constraint: Constraint::InFlight };
        }
        let (mut ready_at, mut constraint) = (self.not_before, self.closed_by);
        for (scope, windows) in self.scopes(index) {
            for cell in windows.cells() {
                let cell_ready_at = cell.ready_at(now);
                // Of a hold and a window that end together, the window says more.
                let ends_together =
                    cell_ready_at == ready_at && !matches!(constraint, Constraint::Window { .. });
                if cell_ready_at > now && (cell_ready_at > ready_at || ends_together) {
                    (ready_at, constraint) =
                        (cell_ready_at, Constraint::Window { scope, window: cell.window() });
                }
            }
        }
        Wait { time: Some(ready_at.since(now)), constraint }
    }

    /// Replaces the settings. What was spent stays spent.
    pub(super) fn reconfigure(&mut self, config: config::Limiter, now: Instant) {
        self.address.reconfigure(config.of_address(), config.spare, now);
        for application in &mut self.applications {
            application.windows.reconfigure(&config.windows, config.spare, now);
        }
        self.gap = config.guard_gap;
        *self.config = config;
        self.revocable_nonce = None;
    }

    /// What is known of the quota of one application.
    pub(super) fn state(&mut self, application: &ApplicationKey, now: Instant) -> QuotaState {
        let index = self.index_of(application);
        let start = now.max(self.not_before);
        let service_time = self.service_time.unwrap_or(self.gap) / places(self.rejections, &self.config);
        let mut schedules = vec![Schedule::new(start, service_time, Constraint::Pace)];
        let mut windows = Vec::new();
        for (scope, each) in self.scopes(index) {
            for cell in each.cells() {
                let constraint = Constraint::Window { scope, window: cell.window() };
                schedules.push(Schedule::of(cell, start, constraint));
                windows.push(WindowSnapshot::of(scope, cell, now));
            }
        }
        let closed = Closed { time: self.not_before.since(now), because: self.closed_by };
        QuotaState {
            schedules,
            windows,
            closed: Some(closed).filter(|closed| !closed.time.is_zero()),
            in_flight: self.in_flight,
            gap: self.gap,
            service_time: self.service_time,
            rejections: self.rejections,
            now,
        }
    }

    fn scopes(&self, index: usize) -> [(Scope, &Windows); 2] {
        [(Scope::Application, &self.applications[index].windows), (Scope::Address, &self.address)]
    }

    /// The index of an application, which gets empty windows at its first call.
    #[inline]
    pub(super) fn index_of(&mut self, key: &ApplicationKey) -> usize {
        self.applications.iter().position(|application| application.key == *key).unwrap_or_else(|| {
            let windows = Windows::new(&self.config.windows, self.config.spare);
            self.applications.push(Application { key: *key, windows });
            self.applications.len() - 1
        })
    }
}

/// How many calls may be in flight: after a 429 only one, to find out whether the server takes calls again.
fn places(rejections: u32, config: &config::Limiter) -> u32 {
    if rejections > 0 { 1 } else { config.max_concurrency.max(1) }
}
