//! The clock of the transport. It is a parameter, so that tests can use virtual time.
#![expect(clippy::disallowed_methods, reason = "this is the one module that reads the system's clocks")]

mod instant;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

pub use instant::Instant;
pub(crate) use instant::nanos;
use tokio::time::Instant as TokioInstant;

/// Longest time that [`Clock::coarse_now`] may lag behind [`Clock::now`]. A kernel updates its coarse clock
/// every 10 ms or more often, but an update can be late.
pub const COARSE_LAG: Duration = Duration::from_millis(50);

/// A clock with a matching sleep. Both are in one trait, so that they cannot disagree.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the current instant. Never decreases.
    fn now(&self) -> Instant;

    /// Returns the current instant, or one up to [`COARSE_LAG`] earlier.
    ///
    /// Override this method if the clock can be read faster than with [`now`](Self::now). When a list is
    /// returned from the cache, the time is read only with this method.
    fn coarse_now(&self) -> Instant {
        self.now()
    }

    /// Returns the time of day, which can jump.
    fn wall(&self) -> SystemTime;

    /// Returns a future that completes once [`now`](Self::now) has advanced by `duration`.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// Tokio's clock. It shows real time. In a test that pauses tokio's time, it shows virtual time.
///
/// A test must pause tokio's time before it creates the clock, for example with `start_paused`. Otherwise
/// cached values can expire some milliseconds late.
///
/// Tokio's time does not advance while the machine is suspended. On Linux, this clock makes up for it: when a
/// [`sleep`](Clock::sleep) ends, the clock advances by the time of the suspension. Quota that was restored
/// during the suspension is then available. On other systems, a suspension makes waits longer.
#[derive(Debug)]
pub struct TokioClock {
    start: TokioInstant,
    suspended_at_start: Duration,
    /// How long the machine has been suspended since the clock's start, in nanoseconds. Updated when a sleep
    /// ends.
    suspended: Arc<AtomicU64>,
    coarse: CoarseClock,
}

/// The kernel's coarse clock. The kernel updates it every 10 ms or more often, but can be late on a busy
/// virtual machine.
///
/// The coarse clock must not be used while tokio's time is virtual. Tokio does not tell whether its time is
/// virtual. So tokio's time is compared with the system's: when this clock is created, and at the first
/// reading after each kernel update.
///
/// Times are `u64` nanoseconds, since creating a `Duration` would double the cost of a reading.
#[derive(Debug)]
struct CoarseClock {
    /// The kernel's precise time when the clock was created.
    start: u64,
    /// The latest coarse time at which tokio's time was compared with the system's.
    checked_at: AtomicU64,
    is_virtual: AtomicBool,
}

impl CoarseClock {
    fn new() -> Self {
        let is_virtual = AtomicBool::new(is_virtual());
        Self { start: monotonic(), checked_at: AtomicU64::new(0), is_virtual }
    }

    /// Returns the nanoseconds from the start to the kernel's latest update. `None` if tokio's time is
    /// virtual or the system has no coarse clock.
    fn elapsed(&self) -> Option<u64> {
        if self.is_virtual.load(Ordering::Relaxed) {
            return None;
        }
        let now = monotonic_coarse()?;
        if now != self.checked_at.load(Ordering::Relaxed) {
            if is_virtual() {
                self.is_virtual.store(true, Ordering::Relaxed);
                return None;
            }
            self.checked_at.store(now, Ordering::Relaxed);
        }
        Some(now.saturating_sub(self.start))
    }
}

/// Returns whether tokio's time differs from the system's. A pause makes them differ, even after the pause
/// has ended.
fn is_virtual() -> bool {
    let before = std::time::Instant::now();
    let tokio = TokioInstant::now().into_std();
    tokio < before || tokio > std::time::Instant::now()
}

#[cfg(target_os = "linux")]
fn nanos_of(clock: rustix::time::ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

#[cfg(target_os = "linux")]
fn monotonic() -> u64 {
    nanos_of(rustix::time::ClockId::Monotonic)
}

#[cfg(target_os = "linux")]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no coarse clock")]
fn monotonic_coarse() -> Option<u64> {
    Some(nanos_of(rustix::time::ClockId::MonotonicCoarse))
}

#[cfg(not(target_os = "linux"))]
fn monotonic() -> u64 {
    0
}

#[cfg(not(target_os = "linux"))]
fn monotonic_coarse() -> Option<u64> {
    None
}

impl TokioClock {
    /// Creates a clock that starts at [`Instant::START`].
    pub fn new() -> Self {
        Self {
            start: TokioInstant::now(),
            suspended_at_start: suspended(),
            suspended: Arc::default(),
            coarse: CoarseClock::new(),
        }
    }
}

/// Returns how long the machine has been suspended since it was booted, in whole seconds.
#[cfg(target_os = "linux")]
fn suspended() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    let suspended = read(ClockId::Boottime).saturating_sub(read(ClockId::Monotonic));
    // The clocks are read one after the other, so a difference below a second means nothing.
    Duration::from_secs(suspended.as_secs())
}

#[cfg(not(target_os = "linux"))]
fn suspended() -> Duration {
    Duration::ZERO
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Instant {
        let suspended = self.suspended.load(Ordering::Relaxed);
        Instant::from_nanos(nanos(self.start.elapsed()).saturating_add(suspended))
    }

    fn coarse_now(&self) -> Instant {
        match self.coarse.elapsed() {
            Some(elapsed) => {
                Instant::from_nanos(elapsed.saturating_add(self.suspended.load(Ordering::Relaxed)))
            }
            None => self.now(),
        }
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (total, at_start) = (Arc::clone(&self.suspended), self.suspended_at_start);
        Box::pin(async move {
            tokio::time::sleep(duration).await;
            total.fetch_max(nanos(suspended().saturating_sub(at_start)), Ordering::Relaxed);
        })
    }
}

/// Returns the system's time of day for reqwest-retry, which cannot use another clock.
pub(crate) fn system_time() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn coarse_now_lags_by_coarse_lag_at_most() {
        let clock = TokioClock::new();
        for _ in 0..10_000 {
            let (before, coarse, after) = (clock.now(), clock.coarse_now(), clock.now());
            assert!(coarse <= after && coarse + COARSE_LAG >= before, "{before:?} {coarse:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn coarse_now_in_paused_runtime_is_virtual() {
        let clock = TokioClock::new();
        tokio::time::advance(HOUR).await;
        assert_eq!((clock.coarse_now(), clock.now()), (Instant::START + HOUR, Instant::START + HOUR));
    }

    #[test]
    fn coarse_now_follows_time_paused_after_creation() {
        let clock = TokioClock::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            tokio::time::advance(HOUR).await;
            assert_eq!(clock.coarse_now(), clock.now());
            tokio::time::advance(HOUR).await;
            assert_eq!(clock.coarse_now(), clock.now());
        });
    }
}
