//! Constraints: reasons why a call has to wait.

use serde::Serialize;

use crate::config::Window;

/// What UltraCart counts calls by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scope {
    /// The application: one simple key or OAuth client.
    Application,
    /// The IP address, for all credentials together.
    Address,
}

/// The reason why a call has to wait, or what sets the rate of a forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Constraint {
    /// A full window of the quota.
    Window {
        /// Whether the window counts the calls of the application or of the IP address.
        scope: Scope,
        /// The size of the window.
        window: Window,
    },
    /// The time that calls take. Only `limiter.max_concurrency` calls are in flight at a time, so the next
    /// call waits until an earlier one ends. Occurs in forecasts only.
    Pace,
    /// The maximum number of calls is in flight. It is `limiter.max_concurrency`, or lower after a 429.
    InFlight,
    /// The pause after each call: `limiter.guard_gap`, or longer after the server rejected concurrent calls.
    GuardGap,
    /// The pause after a call whose outcome is unknown: `limiter.quarantine`.
    Quarantine,
    /// The pause after a 429. If the server does not say how long to wait, the limiter chooses the length.
    Hold,
}
