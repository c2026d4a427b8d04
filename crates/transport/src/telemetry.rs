//! Counters and histograms, through the `metrics` facade and behind the feature of that name.
//!
//! | name | kind | labels |
//! |---|---|---|
//! | `ultracart_calls_total` | counter | `operation`, `outcome` (`ok`, or the kind of the error) |
//! | `ultracart_call_duration_seconds` | histogram | `operation` |
//! | `ultracart_attempts_total` | counter | `operation`, `outcome` (`answered`, `rejected`, `unsent`, `unknown`) |
//! | `ultracart_attempt_duration_seconds` | histogram | `operation` |
//! | `ultracart_permit_wait_seconds` | histogram | `bound` (what it waited for; empty if it did not) |
//! | `ultracart_rejections_total` | counter | `window` (as in `1000/3600s`; empty if the 429 names none) |
//!
//! How long something took is a function: without the feature the clock is not asked.

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

    pub(crate) fn call(operation: &'static str, took: impl FnOnce() -> Duration, error: Option<ErrorKind>) {
        let outcome = error.map_or_else(|| "ok".to_owned(), |kind| format!("{kind:?}"));
        counter!("ultracart_calls_total", "operation" => operation, "outcome" => outcome).increment(1);
        histogram!("ultracart_call_duration_seconds", "operation" => operation).record(took());
    }

    pub(crate) fn attempt(operation: &'static str, took: impl FnOnce() -> Duration, outcome: Outcome) {
        let shown = match outcome {
            Outcome::Answered => "answered",
            Outcome::Rejected(_) => "rejected",
            Outcome::Unsent => "unsent",
            Outcome::Unknown => "unknown",
        };
        counter!("ultracart_attempts_total", "operation" => operation, "outcome" => shown).increment(1);
        histogram!("ultracart_attempt_duration_seconds", "operation" => operation).record(took());
        if let Outcome::Rejected(rejection) = outcome {
            let window = rejection.window.map(|window| format!("{}/{}s", window.calls, window.per.as_secs()));
            counter!("ultracart_rejections_total", "window" => window.unwrap_or_default()).increment(1);
        }
    }

    pub(crate) fn permit(waited: Duration, constraint: Option<Constraint>) {
        let bound = match constraint {
            None => "",
            Some(Constraint::Window { .. }) => "window",
            Some(Constraint::Pace) => "pace",
            Some(Constraint::InFlight) => "in_flight",
            Some(Constraint::GuardGap) => "guard_gap",
            Some(Constraint::Quarantine) => "quarantine",
            Some(Constraint::Hold) => "hold",
        };
        histogram!("ultracart_permit_wait_seconds", "bound" => bound).record(waited);
    }
}

pub(crate) use sink::{attempt, call, permit};
