//! What a limiter knows, for programs to see.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::cell::Cell;
use super::constraint::{Constraint, Scope};
use crate::clock::Instant;
use crate::config::Window;

/// What a limiter knows at one moment; see [`Limiter::snapshot`](super::Limiter::snapshot).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Every window, the application's and the address's.
    pub windows: Vec<WindowSnapshot>,
    /// Why and for how long nothing at all is sent; `None` if only the windows decide.
    pub closed: Option<Closed>,
    /// Calls in flight, of all clients that share the limiter.
    pub in_flight: u32,
    /// Callers that wait for a permit in the foreground.
    pub waiting: usize,
    /// Refreshes ahead of expiry that wait for a permit.
    pub waiting_in_background: usize,
    /// The pause between calls. It is longer than `limiter.guard_gap` after 429s for concurrent calls.
    #[serde(rename = "guard_gap_seconds", serialize_with = "seconds")]
    pub guard_gap: Duration,
    /// A running mean of how long a call takes, from its sending to the end of the pause after it.
    #[serde(rename = "service_time_seconds", serialize_with = "optional_seconds")]
    pub service_time: Option<Duration>,
    /// Calls that were sent for this application, retries and token refreshes included.
    pub calls_spent: u64,
    /// How many of them were answered with 429.
    pub calls_rejected: u64,
    /// 429s since the last other answer.
    pub rejections_in_a_row: u32,
}

/// The level of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WindowSnapshot {
    /// Whom it counts calls for.
    pub scope: Scope,
    /// Its size: as configured, or as the server has shown it to be.
    #[serde(flatten)]
    pub window: Window,
    /// Whether a 429 taught it, in the place of the configured one or beside it.
    pub learned: bool,
    /// Calls that could be sent at once; those that are kept back do not count.
    pub remaining: u32,
    /// How long until the next call can be sent.
    #[serde(rename = "next_in_seconds", serialize_with = "seconds")]
    pub next_in: Duration,
    /// How long until the window is whole again.
    #[serde(rename = "restored_in_seconds", serialize_with = "seconds")]
    pub restored_in: Duration,
}

/// A time in which nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Closed {
    /// How long it still lasts.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub time: Duration,
    /// Why.
    pub because: Constraint,
}

impl WindowSnapshot {
    pub(super) fn of(scope: Scope, cell: &Cell, now: Instant) -> Self {
        let restored_in = cell.empty_at().since(now);
        let spent = restored_in.as_nanos().div_ceil(cell.period().as_nanos().max(1));
        Self {
            scope,
            window: cell.window(),
            learned: cell.is_learned(),
            remaining: cell.burst().saturating_sub(u32::try_from(spent).unwrap_or(u32::MAX)),
            next_in: cell.ready_at(now).since(now),
            restored_in,
        }
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "serde asks for it")]
fn optional_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}
