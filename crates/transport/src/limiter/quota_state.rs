//! What a store knows of one application's quota, as it was at one moment.

use std::time::Duration;

use super::forecast::{Forecast, Schedule};
use super::snapshot::{Closed, WindowSnapshot};
use crate::clock::Instant;

/// What forecasts and snapshots are made of.
#[derive(Clone, Debug)]
pub(crate) struct QuotaState {
    /// When each constraint lets calls go.
    pub(super) schedules: Vec<Schedule>,
    pub(super) windows: Vec<WindowSnapshot>,
    pub(super) closed: Option<Closed>,
    pub(super) in_flight: u32,
    pub(super) gap: Duration,
    pub(super) service_time: Option<Duration>,
    pub(super) rejections: u32,
    pub(super) now: Instant,
}

impl QuotaState {
    /// When `calls` calls will have been sent.
    pub(super) fn forecast(&self, calls: u32) -> Forecast {
        Forecast::new(&self.schedules, calls, self.now, self.service_time.unwrap_or(self.gap))
    }
}
