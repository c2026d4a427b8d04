//! Time, as a parameter.
#![expect(clippy::disallowed_methods, reason = "this is the one module that asks the machine for the time")]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
///
/// tokio's time stands still while the machine sleeps. On Linux what was slept through is added after each wait, so that
/// a quota that was restored meanwhile is not waited for again. Elsewhere such a wait takes as much longer.
#[derive(Debug)]
pub struct TokioClock {
    start: Instant,
    slept_at_start: Duration,
    /// What the machine has slept since the start, in nanoseconds.
    slept: Arc<AtomicU64>,
}

impl TokioClock {
    /// A clock that starts at 0.
    pub fn new() -> Self {
        Self { start: Instant::now(), slept_at_start: slept(), slept: Arc::default() }
    }
}

/// How long the machine has slept since it was started.
#[cfg(target_os = "linux")]
fn slept() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    let slept = read(ClockId::Boottime).saturating_sub(read(ClockId::Monotonic));
    // The clocks are read one after the other: less than a second is no sleep.
    Duration::from_secs(slept.as_secs())
}

#[cfg(not(target_os = "linux"))]
fn slept() -> Duration {
    Duration::ZERO
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.start.elapsed() + Duration::from_nanos(self.slept.load(Ordering::Relaxed))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (total, at_start) = (Arc::clone(&self.slept), self.slept_at_start);
        Box::pin(async move {
            tokio::time::sleep(duration).await;
            let slept = slept().saturating_sub(at_start).as_nanos();
            total.fetch_max(u64::try_from(slept).unwrap_or(u64::MAX), Ordering::Relaxed);
        })
    }
}

/// The time of day of the machine, for reqwest-retry, which takes and measures by nothing else.
pub(crate) fn machine_wall() -> SystemTime {
    SystemTime::now()
}
