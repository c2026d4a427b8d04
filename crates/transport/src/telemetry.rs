//! Counters and histograms, reported through the crate `metrics`. They need the feature `metrics`.
//!
//! | name | kind | labels |
//! |---|---|---|
//! | `ultracart_calls_total` | counter | `operation`, `outcome` (`ok`, or the error's kind) |
//! | `ultracart_call_duration_seconds` | histogram | `operation` |
//! | `ultracart_attempts_total` | counter | `operation`, `outcome` (see below) |
//! | `ultracart_attempt_duration_seconds` | histogram | `operation` |
//! | `ultracart_permit_wait_seconds` | histogram | `constraint` (such as `window` or `hold`; empty if there was no wait) |
//! | `ultracart_rejections_total` | counter | `window` (such as `1000/3600s`; empty if the 429 names none) |
//!
//! The outcome of an attempt is `responded`, `rejected` (by a 429), `not_sent`, or `unknown` (no complete
//! response arrived).
//!
//! A call's duration includes all its waits. An attempt's duration starts when the attempt has its permit.
//! The wait for a permit starts after the back-off.
//!
//! The durations of calls and attempts are passed as closures. Without the feature, the closures are not
//! called, so the clock is not read for them.

use std::time::Duration;

use crate::error::ErrorKind;
use crate::limiter::{Constraint, Outcome};

#[cfg(not(feature = "metrics"))]
mod sink {
    use super::{Constraint, Duration, ErrorKind, Outcome};

    pub(crate) fn call(_: &'static str, _: impl FnOnce() -> Duration, _: Option<ErrorKind>) {}
    pub(crate) fn attempt(_: &'static str, _: impl FnOnce() -> Duration, _: Outcome) {}
    pub(crate) fn permit(_: Duration, _: Option<Constraint>) {}
}

#[cfg(feature = "metrics")]
mod sink {
    use metrics::{counter, histogram};

    use super::{Constraint, Duration, ErrorKind, Outcome};

    pub(crate) fn call(
        operation: &'static str,
        elapsed: impl FnOnce() -> Duration,
        error: Option<ErrorKind>,
    ) {
        let outcome = error.map_or_else(|| "ok".to_owned(), |kind| format!("{kind:?}"));
        counter!("ultracart_calls_total", "operation" => operation, "outcome" => outcome).increment(1);
        histogram!("ultracart_call_duration_seconds", "operation" => operation).record(elapsed());
    }

    pub(crate) fn attempt(operation: &'static str, elapsed: impl FnOnce() -> Duration, outcome: Outcome) {
        let label = match outcome {
            Outcome::Responded => "responded",
            Outcome::Rejected(_) => "rejected",
            Outcome::Unsent => "not_sent",
            Outcome::Unknown => "unknown",
        };
        counter!("ultracart_attempts_total", "operation" => operation, "outcome" => label).increment(1);
        histogram!("ultracart_attempt_duration_seconds", "operation" => operation).record(elapsed());
        if let Outcome::Rejected(rejection) = outcome {
            let window = rejection.window.map(|window| format!("{}/{}s", window.calls, window.per.as_secs()));
            counter!("ultracart_rejections_total", "window" => window.unwrap_or_default()).increment(1);
        }
    }

    pub(crate) fn permit(waited: Duration, constraint: Option<Constraint>) {
        let label = match constraint {
            None => "",
            Some(Constraint::Window { .. }) => "window",
            Some(Constraint::Pace) => "pace",
            Some(Constraint::InFlight) => "in_flight",
            Some(Constraint::GuardGap) => "guard_gap",
            Some(Constraint::Quarantine) => "quarantine",
            Some(Constraint::Hold) => "hold",
        };
        histogram!("ultracart_permit_wait_seconds", "constraint" => label).record(waited);
    }
}

pub(crate) use sink::{attempt, call, permit};
