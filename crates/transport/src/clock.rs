//! Time, as a parameter.
#![expect(clippy::disallowed_methods, reason = "this is the one module that asks the machine for the time")]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// What tells the time and waits. A clock and a sleep that disagree are a bug, so they are one trait.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time since some fixed moment. It never goes back.
    fn now(&self) -> Duration;

    /// The time of day. It can jump.
    fn wall(&self) -> SystemTime;

    /// Ends when `now` has grown by `duration`.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// tokio's clock: the machine's time, or the virtual time of a paused test.
#[derive(Debug)]
pub struct TokioClock {
    start: Instant,
}

impl TokioClock {
    /// A clock that starts at 0.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The time of day of the machine, for reqwest-retry, which takes and measures by nothing else.
pub(crate) fn machine_wall() -> SystemTime {
    SystemTime::now()
}
