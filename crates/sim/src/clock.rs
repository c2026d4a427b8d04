//! Time: the one module that asks for it.
#![expect(clippy::disallowed_methods, reason = "this is the one module that asks for the time")]

use std::pin::Pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, Sleep};

/// tokio's clock, so that a paused test runs a day in milliseconds, and a time of day that goes with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
    start_at: Timestamp,
}

impl Clock {
    /// A clock at 0. Without a time of day it takes the machine's.
    pub(crate) fn start(start_at: Option<Timestamp>) -> Self {
        Self { start: Instant::now(), start_at: start_at.unwrap_or_else(Timestamp::now) }
    }

    /// The time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The time of day at the start.
    pub(crate) fn started_at(&self) -> Timestamp {
        self.start_at
    }

    /// The time of day: the start's and what has passed since.
    pub(crate) fn wall(&self) -> Timestamp {
        SignedDuration::try_from(self.now())
            .ok()
            .and_then(|passed| self.start_at.checked_add(passed).ok())
            .unwrap_or(Timestamp::MAX)
    }
}

/// Ends after `duration`.
pub(crate) fn sleep(duration: Duration) -> Pin<Box<Sleep>> {
    Box::pin(tokio::time::sleep(duration))
}
