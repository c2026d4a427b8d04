//! The simulated account's clock. No other module reads the time.
#![expect(clippy::disallowed_methods, reason = "this is the only module that reads the time")]

use std::pin::Pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, Sleep};

/// A clock that advances with tokio's clock, paused or not. The date and time at which it starts can be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
    start_at: Timestamp,
}

impl Clock {
    /// Starts a clock at zero. `start_at` is the date and time at the start. If it is `None`, the system's
    /// current time is used.
    pub(crate) fn start(start_at: Option<Timestamp>) -> Self {
        Self { start: Instant::now(), start_at: start_at.unwrap_or_else(Timestamp::now) }
    }

    /// Returns the time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Returns the date and time at the start.
    pub(crate) fn started_at(&self) -> Timestamp {
        self.start_at
    }

    /// Returns the current date and time.
    pub(crate) fn wall(&self) -> Timestamp {
        SignedDuration::try_from(self.now())
            .ok()
            .and_then(|passed| self.start_at.checked_add(passed).ok())
            .unwrap_or(Timestamp::MAX)
    }
}

/// Sleeps for `duration`, measured on tokio's clock.
pub(crate) fn sleep(duration: Duration) -> Pin<Box<Sleep>> {
    Box::pin(tokio::time::sleep(duration))
}
