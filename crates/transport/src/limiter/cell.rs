//! One window of the quota as governor's GCRA.
//!
//! A leaky bucket of capacity `B` that drains one call every `T` is exactly GCRA with burst `B` and period `T`, and governor
//! decides. governor can neither peek, nor decide over several windows at once, nor take a decision back, nor learn that
//! the server counts more than we do. So its state is kept here, where all of that is possible, and it is told the time of
//! each decision. governor reckons in nanoseconds, and so does this adapter, so that a permit converts nothing.

use std::cell;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};

use crate::clock::{Instant, nanos};
use crate::config::Window;

/// A window and its level.
#[derive(Debug)]
pub(super) struct Cell {
    window: Window,
    /// Whether the server has shown that the configured window is not right.
    learned: bool,
    /// How long one call takes to drain.
    period: Duration,
    /// How long all calls of the burst but one take to drain, in nanoseconds.
    tolerance: u64,
    burst: NonZeroU32,
    level: Level,
    governor: RateLimiter<Level, ExternalState, DecisionTime, NoOpMiddleware<Nanos>>,
}

/// When the window is empty again, in nanoseconds of the clock: governor's theoretical arrival time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Level(cell::Cell<u64>);

impl Hash for Level {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.get().hash(hasher);
    }
}

/// Keeps nothing: the level is passed in as the key, so that others than governor can read and change it.
#[derive(Debug)]
struct ExternalState;

impl StateStore for ExternalState {
    type Key = Level;

    #[inline]
    fn measure_and_replace<T, F, E>(&self, level: &Level, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (decision, empty_at) = decide(Some(level.0.get().into()))?;
        level.0.set(empty_at.into());
        Ok(decision)
    }
}

/// A clock that shows the instant which the next decision is for, in nanoseconds.
#[derive(Debug, Default)]
struct DecisionTime(cell::Cell<u64>);

impl Clock for DecisionTime {
    type Instant = Nanos;

    #[inline]
    fn now(&self) -> Nanos {
        self.0.get().into()
    }
}

impl Cell {
    /// An empty window of which `spare` calls are kept back.
    ///
    /// A server that counts a sliding window would see a whole burst and then the calls that drained meanwhile.
    /// So with a `burst` below `calls` only the calls beyond the burst are spread over the window.
    pub(super) fn new(window: Window, spare: u32) -> Self {
        let calls = window.calls.max(1);
        let burst = window.burst.unwrap_or(calls).clamp(1, calls);
        let spread = if burst < calls { calls - burst } else { calls };
        let period = (window.per / spread).max(Duration::from_nanos(1));
        let burst = NonZeroU32::new(burst.saturating_sub(spare)).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period)
            .map_or(Quota::per_second(NonZeroU32::MIN), |quota| quota.allow_burst(burst));
        let governor = RateLimiter::new(quota, ExternalState, DecisionTime::default());
        let tolerance = nanos(period * (burst.get() - 1));
        Self { window, learned: false, period, tolerance, burst, level: Level::default(), governor }
    }

    /// An empty window that a 429 taught.
    pub(super) fn learned(window: Window, spare: u32) -> Self {
        Self { learned: true, ..Self::new(window, spare) }
    }

    pub(super) fn window(&self) -> Window {
        self.window
    }

    pub(super) fn is_learned(&self) -> bool {
        self.learned
    }

    /// Whether it keeps a sliding window too; see [`new`](Self::new).
    pub(super) fn is_strict(&self) -> bool {
        self.window.burst.is_some_and(|burst| burst < self.window.calls)
    }

    /// How long one call takes to drain.
    pub(super) fn period(&self) -> Duration {
        self.period
    }

    /// How many calls an empty window lets through at once.
    pub(super) fn burst(&self) -> u32 {
        self.burst.get()
    }

    /// When everything that was sent has drained.
    pub(super) fn empty_at(&self) -> Instant {
        Instant::from_nanos(self.level.0.get())
    }

    /// When the next call can be sent.
    pub(super) fn ready_at(&self, now: Instant) -> Instant {
        Instant::from_nanos(self.ready_at_nanos()).max(now)
    }

    /// Whether the next call can be sent now.
    #[inline]
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        self.ready_at_nanos() <= now.as_nanos()
    }

    fn ready_at_nanos(&self) -> u64 {
        self.level.0.get().saturating_sub(self.tolerance)
    }

    /// Takes a call. Returns whether there was one.
    #[inline]
    pub(super) fn take(&self, now: Instant) -> bool {
        self.governor.clock().0.set(now.as_nanos());
        self.governor.check_key(&self.level).is_ok()
    }

    /// Puts back the call that was taken last.
    pub(super) fn put_back(&self) {
        self.level.0.set(self.level.0.get().saturating_sub(nanos(self.period)));
    }

    /// Lets no call through before `at`, nor more than one at `at`.
    pub(super) fn fill_until(&self, at: Instant) {
        self.drain_at(at + self.period * (self.burst() - 1));
    }

    /// Counts as many calls as are still in `other`, which had another size, but no more than fit in.
    pub(super) fn fill_like(&self, other: &Cell, now: Instant) {
        let left = other.empty_at().since(now).as_nanos() * self.period.as_nanos();
        let left = left / other.period.as_nanos().max(1);
        self.drain_by(now + Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX)), now);
    }

    /// Sets the instant at which everything has drained, at most that of a window that is full now.
    pub(super) fn drain_by(&self, at: Instant, now: Instant) {
        self.drain_at(at.min(now + self.period * self.burst()));
    }

    /// Lets nothing have drained completely before `at`.
    pub(super) fn drain_at(&self, at: Instant) {
        self.level.0.set(self.level.0.get().max(at.as_nanos()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// A leaky bucket in whole nanoseconds, as one would write it down.
    struct Bucket {
        capacity: u128,
        period: u128,
        level: u128,
        at: u128,
    }

    impl Bucket {
        fn take(&mut self, now: u128) -> bool {
            self.level = self.level.saturating_sub(now - self.at);
            self.at = now;
            let fits = self.level + self.period <= self.capacity * self.period;
            self.level += if fits { self.period } else { 0 };
            fits
        }
    }

    proptest! {
        #[test]
        fn it_decides_as_a_leaky_bucket_does(
            calls in 1..50_u32, per in 1..100_000_u64, spare in 0..5_u32,
            gaps in prop::collection::vec(0..20_000_u64, 1..300),
        ) {
            let window = Window::new(calls, Duration::from_micros(per));
            let cell = Cell::new(window, spare);
            let mut bucket = Bucket {
                capacity: calls.saturating_sub(spare).max(1).into(),
                period: cell.period().as_nanos(),
                level: 0,
                at: 0,
            };
            let mut now = Instant::START;
            for gap in gaps {
                now += Duration::from_micros(gap);
                let ready = cell.ready_at(now) <= now;
                prop_assert_eq!(cell.is_ready(now), ready);
                prop_assert_eq!(cell.take(now), ready);
                prop_assert_eq!(bucket.take(now.as_nanos().into()), ready);
            }
        }

        #[test]
        fn a_call_that_is_put_back_leaves_no_trace(
            calls in 1..20_u32, gaps in prop::collection::vec((0..3_000_u64, any::<bool>()), 1..100),
        ) {
            let window = Window::new(calls, Duration::from_secs(10));
            let (cell, plain) = (Cell::new(window, 0), Cell::new(window, 0));
            let mut now = Instant::START;
            for (gap, put_back) in gaps {
                now += Duration::from_millis(gap);
                if put_back {
                    if cell.take(now) {
                        cell.put_back();
                    }
                } else {
                    prop_assert_eq!(cell.take(now), plain.take(now));
                }
                prop_assert_eq!(cell.ready_at(now), plain.ready_at(now));
            }
        }

        /// The strict mode: whatever the gaps, a sliding window never sees more than its calls.
        #[test]
        fn a_smaller_burst_keeps_a_sliding_window_too(
            calls in 2..30_u32, burst in 1..29_u32, gaps in prop::collection::vec(0..2_000_u64, 1..400),
        ) {
            let per = Duration::from_secs(10);
            let window = Window { burst: Some(burst.min(calls - 1)), ..Window::new(calls, per) };
            let cell = Cell::new(window, 0);
            let mut taken: Vec<Instant> = Vec::new();
            let mut now = Instant::START;
            for gap in gaps {
                now += Duration::from_millis(gap);
                if cell.take(now) {
                    taken.push(now);
                    let within = taken.iter().filter(|at| now.since(**at) < per).count();
                    prop_assert!(within <= calls as usize, "{within} of {calls}");
                }
            }
        }
    }

    #[test]
    fn the_burst_goes_at_once_and_then_one_call_a_period() {
        let cell = Cell::new(Window::new(1_000, HOUR), 3);
        let start = Instant::START + Duration::from_secs(5);
        let taken = (0..2_000).filter(|_| cell.take(start)).count();
        assert_eq!(taken, 997);
        assert_eq!(cell.ready_at(start), start + Duration::from_millis(3_600));
        assert!(!cell.take(start + Duration::from_millis(3_599)));
        assert!(cell.take(start + Duration::from_millis(3_600)));
    }

    #[test]
    fn a_full_window_lets_one_call_a_period_through() {
        let cell = Cell::new(Window::new(1_000, HOUR), 3);
        let at = Instant::START + Duration::from_secs(100);
        cell.fill_until(at);
        assert_eq!(cell.ready_at(Instant::START), at);
        assert!(cell.take(at) && !cell.take(at));
        // A bound that is lower than what is known changes nothing.
        cell.fill_until(Instant::START + Duration::from_secs(1));
        assert_eq!(cell.ready_at(at), at + cell.period());
    }

    #[test]
    fn another_size_keeps_what_was_spent() {
        let old = Cell::new(Window::new(1_000, HOUR), 0);
        let now = Instant::START + Duration::from_secs(9);
        assert!((0..700).all(|_| old.take(now)));
        let new = Cell::new(Window::new(800, HOUR), 0);
        new.fill_like(&old, now);
        assert_eq!((0..800).filter(|_| new.take(now)).count(), 100);
    }
}
