//! A leaky bucket that drains continuously. UltraCart documents this kind of limit.

use std::time::Duration;

/// A leaky bucket with an exact integer level.
///
/// With a limit of `calls` calls in `per` nanoseconds, a call adds `per` units, and `calls` units drain in
/// each nanosecond. Both are whole numbers, so nothing is rounded.
#[derive(Debug)]
pub(super) struct LeakyBucket {
    /// Units that a call adds.
    per_call: u128,
    /// Units that drain in a nanosecond.
    per_nano: u128,
    capacity: u128,
    level: u128,
    at: Duration,
}

impl LeakyBucket {
    pub(super) fn new(calls: u32, per: Duration, burst: u32) -> Self {
        let per_call = per.as_nanos();
        Self {
            per_call,
            per_nano: u128::from(calls),
            capacity: per_call.saturating_mul(u128::from(burst)),
            level: 0,
            at: Duration::ZERO,
        }
    }

    fn level(&self, now: Duration) -> u128 {
        let passed = now.saturating_sub(self.at).as_nanos();
        self.level.saturating_sub(passed.saturating_mul(self.per_nano))
    }

    /// Returns the number of calls that are available.
    pub(super) fn remaining(&self, now: Duration) -> u32 {
        let room = self.capacity.saturating_sub(self.level(now));
        u32::try_from(room.checked_div(self.per_call).unwrap_or(u128::MAX)).unwrap_or(u32::MAX)
    }

    /// Counts a call. A full bucket stays full: the level never exceeds the capacity.
    pub(super) fn add(&mut self, now: Duration) {
        self.level = self.level(now).saturating_add(self.per_call).min(self.capacity);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn full_bucket_drains_one_call_each_interval() {
        let mut bucket = LeakyBucket::new(1000, Duration::from_hours(1), 1000);
        for _ in 0..1000 {
            bucket.add(Duration::ZERO);
        }
        assert_eq!(bucket.remaining(Duration::from_nanos(3_599_999_999)), 0);
        assert_eq!(bucket.remaining(Duration::from_millis(3600)), 1);
        assert_eq!(bucket.remaining(Duration::from_hours(1)), 1000);
    }

    #[test]
    fn burst_changes_the_capacity_not_the_rate() {
        let mut bucket = LeakyBucket::new(10, Duration::from_secs(10), 2);
        assert_eq!(bucket.remaining(Duration::ZERO), 2);
        bucket.add(Duration::ZERO);
        bucket.add(Duration::ZERO);
        assert_eq!(bucket.remaining(Duration::from_secs(1)), 1);
        assert_eq!(bucket.remaining(Duration::from_mins(1)), 2);
    }

    proptest! {
        /// In any interval, the bucket admits at most the burst plus the calls that drained meanwhile.
        #[test]
        fn bucket_never_admits_more_than_burst_and_rate(
            calls in 1_u32..50, burst in 1_u32..50, per in 1_u64..100_000,
            gaps in prop::collection::vec(0_u64..5_000, 1..200),
        ) {
            let per = Duration::from_millis(per);
            let mut bucket = LeakyBucket::new(calls, per, burst);
            let (mut now, mut admitted) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_millis(gap);
                if bucket.remaining(now) > 0 {
                    bucket.add(now);
                    admitted.push(now);
                }
            }
            for (first, from) in admitted.iter().enumerate() {
                for (last, to) in admitted.iter().enumerate().skip(first) {
                    let drained = to.saturating_sub(*from).as_nanos() * u128::from(calls) / per.as_nanos();
                    prop_assert!((last - first + 1) as u128 <= u128::from(burst) + drained);
                }
            }
        }
    }
}
