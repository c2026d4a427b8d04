//! A window of the quota as a leaky bucket, implemented with the `governor` crate.
//!
//! governor implements GCRA. With burst `B` and interval `T`, GCRA decides like a leaky bucket of capacity
//! `B` that drains one call every `T`. But governor cannot look ahead, decide over several windows at once,
//! undo a decision, or raise the level when the server has counted more calls. So this module stores the
//! state itself, and passes it to governor with the time of each decision. Times are nanoseconds, as in
//! governor, so that granting a permit converts nothing.

use std::cell::Cell;
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

/// A window of the quota and its level.
#[derive(Debug)]
pub(super) struct Bucket {
    window: Window,
    /// Whether the window was learned from a 429. A learned window replaces the configured window of the same
    /// period, if there is one.
    learned: bool,
    /// Time in which one call drains.
    interval: Duration,
    /// `interval · (burst − 1)`, in nanoseconds. A call may be sent if the bucket drains completely within
    /// this time.
    tolerance: u64,
    burst: NonZeroU32,
    level: Level,
    governor: RateLimiter<Level, ExternalState, DecisionTime, NoOpMiddleware<Nanos>>,
}

/// The level of a bucket, stored as the instant at which the bucket will be empty, in nanoseconds of the
/// clock. In GCRA this is the theoretical arrival time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Level(Cell<u64>);

impl Hash for Level {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.get().hash(hasher);
    }
}

/// A store for governor that stores nothing: `Bucket` keeps the level, to read and change it. governor passes
/// a key to its store, to look up the level. Here this key is the level itself.
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

/// A clock that shows the time of the next decision, in nanoseconds.
#[derive(Debug, Default)]
struct DecisionTime(Cell<u64>);

impl Clock for DecisionTime {
    type Instant = Nanos;

    #[inline]
    fn now(&self) -> Nanos {
        self.0.get().into()
    }
}

impl Bucket {
    /// Returns an empty bucket. Its burst is the window's burst minus `spare`, but at least 1.
    ///
    /// Without a `burst`, the window's burst is `calls`, and the bucket drains `calls` calls per period. So
    /// up to twice `calls` can be sent in one period, too many for a server that counts a sliding window.
    /// With a `burst` below `calls`, the bucket drains only `calls - burst` calls per period, so that no
    /// period has more than `calls`.
    pub(super) fn new(window: Window, spare: u32) -> Self {
        let calls = window.calls.max(1);
        let burst = window.burst.unwrap_or(calls).clamp(1, calls);
        let spread = if burst < calls { calls - burst } else { calls };
        let interval = (window.per / spread).max(Duration::from_nanos(1));
        let burst = NonZeroU32::new(burst.saturating_sub(spare)).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(interval)
            .map_or(Quota::per_second(NonZeroU32::MIN), |quota| quota.allow_burst(burst));
        let governor = RateLimiter::new(quota, ExternalState, DecisionTime::default());
        let tolerance = nanos(interval * (burst.get() - 1));
        Self { window, learned: false, interval, tolerance, burst, level: Level::default(), governor }
    }

    /// Returns a bucket for a window that was learned from a 429. It starts empty: the whole burst is
    /// available.
    pub(super) fn learned(window: Window, spare: u32) -> Self {
        Self { learned: true, ..Self::new(window, spare) }
    }

    pub(super) fn window(&self) -> Window {
        self.window
    }

    pub(super) fn is_learned(&self) -> bool {
        self.learned
    }

    /// Whether the bucket also satisfies a sliding window; see [`new`](Self::new).
    pub(super) fn is_strict(&self) -> bool {
        self.window.burst.is_some_and(|burst| burst < self.window.calls)
    }

    /// Returns the time in which one call drains.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns the number of calls that an empty bucket allows at once.
    pub(super) fn burst(&self) -> u32 {
        self.burst.get()
    }

    /// Returns the instant at which all sent calls have drained.
    pub(super) fn empty_at(&self) -> Instant {
        Instant::from_nanos(self.level.0.get())
    }

    /// Returns the instant at which the next call may be sent, `now` at the earliest.
    pub(super) fn ready_at(&self, now: Instant) -> Instant {
        Instant::from_nanos(self.ready_at_nanos()).max(now)
    }

    /// Whether the next call may be sent now.
    #[inline]
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        self.ready_at_nanos() <= now.as_nanos()
    }

    fn ready_at_nanos(&self) -> u64 {
        self.level.0.get().saturating_sub(self.tolerance)
    }

    /// Adds a call, if the bucket has room. Returns whether the call was added.
    #[inline]
    pub(super) fn take(&self, now: Instant) -> bool {
        self.governor.clock().0.set(now.as_nanos());
        self.governor.check_key(&self.level).is_ok()
    }

    /// Undoes the latest [`take`](Self::take).
    pub(super) fn put_back(&self) {
        self.level.0.set(self.level.0.get().saturating_sub(nanos(self.interval)));
    }

    /// Raises the level so that no call is allowed before `at`, and only one at `at`.
    pub(super) fn fill_until(&self, at: Instant) {
        self.raise_to_empty_at(at + self.interval * (self.burst() - 1));
    }

    /// Raises the level to the number of calls that `other` contains, but at most to full. The two windows
    /// can have different sizes.
    pub(super) fn fill_from(&self, other: &Bucket, now: Instant) {
        let left = other.empty_at().since(now).as_nanos() * self.interval.as_nanos();
        let left = left / other.interval.as_nanos().max(1);
        self.raise_to_empty_at_capped(
            now + Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX)),
            now,
        );
    }

    /// Raises the level so that the bucket will be empty at `at`, but at most to full. Changes nothing if the
    /// level is already at least as high.
    pub(super) fn raise_to_empty_at_capped(&self, at: Instant, now: Instant) {
        self.raise_to_empty_at(at.min(now + self.interval * self.burst()));
    }

    /// Raises the level so that the bucket will be empty at `at`. Changes nothing if the level is already at
    /// least as high.
    pub(super) fn raise_to_empty_at(&self, at: Instant) {
        self.level.0.set(self.level.0.get().max(at.as_nanos()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// A leaky bucket that computes its level directly, in whole nanoseconds. [`Bucket`] is compared with it.
    struct ReferenceBucket {
        capacity: u128,
        interval: u128,
        level: u128,
        at: u128,
    }

    impl ReferenceBucket {
        fn take(&mut self, now: u128) -> bool {
            self.level = self.level.saturating_sub(now - self.at);
            self.at = now;
            let fits = self.level + self.interval <= self.capacity * self.interval;
            self.level += if fits { self.interval } else { 0 };
            fits
        }
    }

    proptest! {
        #[test]
        fn bucket_decides_as_the_reference_bucket(
            calls in 1..50_u32, per in 1..100_000_u64, spare in 0..5_u32,
            gaps in prop::collection::vec(0..20_000_u64, 1..300),
        ) {
            let window = Window::new(calls, Duration::from_micros(per));
            let bucket = Bucket::new(window, spare);
            let mut reference = ReferenceBucket {
                capacity: calls.saturating_sub(spare).max(1).into(),
                interval: bucket.interval().as_nanos(),
                level: 0,
                at: 0,
            };
            let mut now = Instant::START;
            for gap in gaps {
                now += Duration::from_micros(gap);
                let ready = bucket.ready_at(now) <= now;
                prop_assert_eq!(bucket.is_ready(now), ready);
                prop_assert_eq!(bucket.take(now), ready);
                prop_assert_eq!(reference.take(now.as_nanos().into()), ready);
            }
        }

        #[test]
        fn put_back_restores_the_level(
            calls in 1..20_u32, gaps in prop::collection::vec((0..3_000_u64, any::<bool>()), 1..100),
        ) {
            let window = Window::new(calls, Duration::from_secs(10));
            let (bucket, plain) = (Bucket::new(window, 0), Bucket::new(window, 0));
            let mut now = Instant::START;
            for (gap, put_back) in gaps {
                now += Duration::from_millis(gap);
                if put_back {
                    if bucket.take(now) {
                        bucket.put_back();
                    }
                } else {
                    prop_assert_eq!(bucket.take(now), plain.take(now));
                }
                prop_assert_eq!(bucket.ready_at(now), plain.ready_at(now));
            }
        }

        /// Strict mode: whatever the gaps, no period of length `per` contains more than `calls` calls.
        #[test]
        fn smaller_burst_satisfies_a_sliding_window(
            calls in 2..30_u32, burst in 1..29_u32, gaps in prop::collection::vec(0..2_000_u64, 1..400),
        ) {
            let per = Duration::from_secs(10);
            let window = Window { burst: Some(burst.min(calls - 1)), ..Window::new(calls, per) };
            let bucket = Bucket::new(window, 0);
            let mut taken: Vec<Instant> = Vec::new();
            let mut now = Instant::START;
            for gap in gaps {
                now += Duration::from_millis(gap);
                if bucket.take(now) {
                    taken.push(now);
                    let within = taken.iter().filter(|at| now.since(**at) < per).count();
                    prop_assert!(within <= calls as usize, "{within} of {calls}");
                }
            }
        }
    }

    #[test]
    fn empty_bucket_allows_burst_then_one_per_period() {
        let bucket = Bucket::new(Window::new(1_000, HOUR), 3);
        let start = Instant::START + Duration::from_secs(5);
        let taken = (0..2_000).filter(|_| bucket.take(start)).count();
        assert_eq!(taken, 997);
        assert_eq!(bucket.ready_at(start), start + Duration::from_millis(3_600));
        assert!(!bucket.take(start + Duration::from_millis(3_599)));
        assert!(bucket.take(start + Duration::from_millis(3_600)));
    }

    #[test]
    fn fill_until_allows_one_call_per_period() {
        let bucket = Bucket::new(Window::new(1_000, HOUR), 3);
        let at = Instant::START + Duration::from_secs(100);
        bucket.fill_until(at);
        assert_eq!(bucket.ready_at(Instant::START), at);
        assert!(bucket.take(at) && !bucket.take(at));
        // An earlier instant changes nothing.
        bucket.fill_until(Instant::START + Duration::from_secs(1));
        assert_eq!(bucket.ready_at(at), at + bucket.interval());
    }

    #[test]
    fn fill_from_keeps_the_calls_of_another_size() {
        let old = Bucket::new(Window::new(1_000, HOUR), 0);
        let now = Instant::START + Duration::from_secs(9);
        assert!((0..700).all(|_| old.take(now)));
        let new = Bucket::new(Window::new(800, HOUR), 0);
        new.fill_from(&old, now);
        assert_eq!((0..800).filter(|_| new.take(now)).count(), 100);
    }
}
