//! The state of one application's quota at one moment.

use std::time::Duration;

use super::forecast::{Forecast, Schedule};
use super::snapshot::{ClosedGate, WindowSnapshot};
use crate::clock::Instant;

/// The state of a quota, from which forecasts and snapshots are made.
#[derive(Clone, Debug)]
pub(crate) struct QuotaState {
    /// For each constraint, the times at which it allows calls.
    pub(super) schedules: Vec<Schedule>,
    pub(super) windows: Vec<WindowSnapshot>,
    pub(super) closed: Option<ClosedGate>,
    pub(super) in_flight: u32,
    pub(super) guard_gap: Duration,
    pub(super) service_time: Option<Duration>,
    pub(super) rejections_in_a_row: u32,
    pub(super) now: Instant,
}

impl QuotaState {
    /// Forecasts when each of the next `calls` calls will be sent.
    pub(super) fn forecast(&self, calls: u32) -> Forecast {
        Forecast::new(&self.schedules, calls, self.now, self.service_time.unwrap_or(self.guard_gap))
    }
}
