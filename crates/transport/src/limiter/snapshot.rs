//! Snapshots of a limiter's state.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::bucket::Bucket;
use super::constraint::{Constraint, Scope};
use crate::clock::Instant;
use crate::config::Window;

/// The state of a limiter at one moment; see [`Limiter::snapshot`](super::Limiter::snapshot).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// The windows of the application, then those of the IP address.
    pub windows: Vec<WindowSnapshot>,
    /// Why and for how long the gate is closed; `None` if the gate is open.
    pub closed: Option<ClosedGate>,
    /// Number of calls in flight, of all clients that share the limiter.
    pub in_flight: u32,
    /// Number of callers that wait for a permit with [`Priority::Foreground`](super::Priority::Foreground).
    pub waiting: usize,
    /// Number of background refreshes that wait for a permit with
    /// [`Priority::Background`](super::Priority::Background).
    pub waiting_in_background: usize,
    /// Pause between calls. After 429s for concurrent calls it is longer than the setting
    /// `limiter.guard_gap`.
    #[serde(rename = "guard_gap_seconds", serialize_with = "seconds")]
    pub guard_gap: Duration,
    /// Running mean of the time of a call, from sending it to the end of the pause after it. `None` before
    /// the first response that is not a 429.
    #[serde(rename = "service_time_seconds", serialize_with = "optional_seconds")]
    pub service_time: Option<Duration>,
    /// Number of calls sent with the transport's credential, including retries and token refreshes.
    pub calls_spent: u64,
    /// How many of the `calls_spent` were rejected with a 429.
    pub calls_rejected: u64,
    /// Number of 429s since the latest response that was not a 429, of all credentials together.
    pub rejections_in_a_row: u32,
}

/// The state of one window of the quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WindowSnapshot {
    /// Whether the window counts the calls of the application or of the IP address.
    pub scope: Scope,
    /// Size of the window, as configured or as learned from a 429.
    #[serde(flatten)]
    pub window: Window,
    /// Whether the window was learned from a 429. A learned window replaces the configured window of the same
    /// period, if there is one.
    pub learned: bool,
    /// Number of calls that this window would allow at once, at the moment of the snapshot. The
    /// `limiter.spare` calls are not included.
    pub remaining: u32,
    /// Time until this window allows the next call.
    #[serde(rename = "next_in_seconds", serialize_with = "seconds")]
    pub next_in: Duration,
    /// Time until the window is empty: then none of the sent calls counts any more.
    #[serde(rename = "restored_in_seconds", serialize_with = "seconds")]
    pub restored_in: Duration,
}

/// A closed gate: nothing is sent until it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClosedGate {
    /// Time until the gate opens.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub time: Duration,
    /// The reason why the gate is closed.
    pub constraint: Constraint,
}

impl WindowSnapshot {
    pub(super) fn of(scope: Scope, bucket: &Bucket, now: Instant) -> Self {
        let restored_in = bucket.empty_at().since(now);
        let spent = restored_in.as_nanos().div_ceil(bucket.interval().as_nanos().max(1));
        Self {
            scope,
            window: bucket.window(),
            learned: bucket.is_learned(),
            remaining: bucket.burst().saturating_sub(u32::try_from(spent).unwrap_or(u32::MAX)),
            next_in: bucket.ready_at(now).since(now),
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
