//! Time, as a parameter.
#![expect(clippy::disallowed_methods, reason = "this is the one module that asks the machine for the time")]

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

/// The most that [`Clock::coarse_now`] may lag behind [`Clock::now`].
pub const COARSE_LAG: Duration = Duration::from_millis(50);

/// Tells the time and waits. Both are in one trait, since a clock and a sleep that disagree are a bug.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the current instant. It never goes back.
    fn now(&self) -> Instant;

    /// Returns an instant that may lag behind [`now`](Self::now) by up to [`COARSE_LAG`] and is never ahead of it.
    ///
    /// A clock that has a cheaper reading returns it here. A cache hit reads nothing else.
    fn coarse_now(&self) -> Instant {
        self.now()
    }

    /// Returns the time of day. It can jump.
    fn wall(&self) -> SystemTime;

    /// Completes when `now` has advanced by `duration`.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// tokio's clock: the machine's time, or the virtual time of a paused test.
///
/// A test that pauses tokio's time does so before it makes its clock, as `start_paused` does; else what is remembered may
/// be good for some milliseconds longer.
///
/// tokio's time stands still while the machine sleeps. On Linux what was slept through is added after each wait, so that
/// a quota that was restored meanwhile is not waited for again. Elsewhere such a wait takes as much longer.
#[derive(Debug)]
pub struct TokioClock {
    start: TokioInstant,
    slept_at_start: Duration,
    /// What the machine has slept since the start, in nanoseconds.
    slept: Arc<AtomicU64>,
    ticks: Ticks,
}

/// The coarse clock that the kernel writes at each of its ticks, every 10 ms at the most, or later where a host
/// holds the processor back.
///
/// tokio does not say whether its time is the machine's. So the two are compared when the clock is made and at each tick.
///
/// In nanoseconds: a cache hit reads the time, and a `Duration` would take as long to make as the rest of the reading.
#[derive(Debug)]
struct Ticks {
    /// The kernel's reading when the clock was made.
    start: u64,
    /// The latest reading that was compared.
    compared: AtomicU64,
    is_virtual: AtomicBool,
}

impl Ticks {
    fn new() -> Self {
        let is_virtual = AtomicBool::new(is_virtual());
        Self { start: monotonic(), compared: AtomicU64::new(0), is_virtual }
    }

    /// The time from the start to the latest tick; `None` where only tokio knows the time.
    fn passed(&self) -> Option<u64> {
        if self.is_virtual.load(Ordering::Relaxed) {
            return None;
        }
        let tick = tick()?;
        if tick != self.compared.load(Ordering::Relaxed) {
            if is_virtual() {
                self.is_virtual.store(true, Ordering::Relaxed);
                return None;
            }
            self.compared.store(tick, Ordering::Relaxed);
        }
        Some(tick.saturating_sub(self.start))
    }
}

/// Whether tokio's time is paused, or has been.
fn is_virtual() -> bool {
    let before = std::time::Instant::now();
    let tokio = TokioInstant::now().into_std();
    tokio < before || tokio > std::time::Instant::now()
}

#[cfg(target_os = "linux")]
fn read(clock: rustix::time::ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

#[cfg(target_os = "linux")]
fn monotonic() -> u64 {
    read(rustix::time::ClockId::Monotonic)
}

#[cfg(target_os = "linux")]
#[expect(clippy::unnecessary_wraps, reason = "there is none elsewhere")]
fn tick() -> Option<u64> {
    Some(read(rustix::time::ClockId::MonotonicCoarse))
}

#[cfg(not(target_os = "linux"))]
fn monotonic() -> u64 {
    0
}

#[cfg(not(target_os = "linux"))]
fn tick() -> Option<u64> {
    None
}

impl TokioClock {
    /// A clock that starts at 0.
    pub fn new() -> Self {
        Self {
            start: TokioInstant::now(),
            slept_at_start: slept(),
            slept: Arc::default(),
            ticks: Ticks::new(),
        }
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
    fn now(&self) -> Instant {
        let slept = self.slept.load(Ordering::Relaxed);
        Instant::from_nanos(nanos(self.start.elapsed()).saturating_add(slept))
    }

    fn coarse_now(&self) -> Instant {
        match self.ticks.passed() {
            Some(passed) => Instant::from_nanos(passed.saturating_add(self.slept.load(Ordering::Relaxed))),
            None => self.now(),
        }
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (total, at_start) = (Arc::clone(&self.slept), self.slept_at_start);
        Box::pin(async move {
            tokio::time::sleep(duration).await;
            total.fetch_max(nanos(slept().saturating_sub(at_start)), Ordering::Relaxed);
        })
    }
}

/// The time of day of the machine, for reqwest-retry, which takes and measures by nothing else.
pub(crate) fn machine_wall() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn the_coarse_time_is_behind_by_a_tick_at_the_most() {
        let clock = TokioClock::new();
        for _ in 0..10_000 {
            let (before, coarse, after) = (clock.now(), clock.coarse_now(), clock.now());
            assert!(coarse <= after && coarse + COARSE_LAG >= before, "{before:?} {coarse:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_coarse_time_is_tokios_where_that_is_virtual() {
        let clock = TokioClock::new();
        tokio::time::advance(HOUR).await;
        assert_eq!((clock.coarse_now(), clock.now()), (Instant::START + HOUR, Instant::START + HOUR));
    }

    #[test]
    fn time_can_be_paused_before_it_is_asked_for() {
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
