//! A leaky bucket, as UltraCart documents its limits: there is no fixed time at which it is empty again.

use std::time::Duration;

/// How full the bucket is, in units of which one call adds `per` (in nanoseconds) and `calls` drain each nanosecond:
/// whole numbers, so nothing is ever rounded.
#[derive(Debug)]
pub(super) struct Leaky {
    /// What one call adds.
    per_call: u128,
    /// What drains in a nanosecond.
    per_nano: u128,
    capacity: u128,
    level: u128,
    at: Duration,
}

impl Leaky {
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

    /// How many calls fit in now.
    pub(super) fn remaining(&self, now: Duration) -> u32 {
        let room = self.capacity.saturating_sub(self.level(now));
        u32::try_from(room.checked_div(self.per_call).unwrap_or(u128::MAX)).unwrap_or(u32::MAX)
    }

    /// Adds a call, even where there is no room for it; the bucket never holds more than its capacity.
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
    fn a_full_bucket_takes_one_call_every_per_divided_by_calls() {
        let mut bucket = Leaky::new(1000, Duration::from_hours(1), 1000);
        for _ in 0..1000 {
            bucket.add(Duration::ZERO);
        }
        assert_eq!(bucket.remaining(Duration::from_nanos(3_599_999_999)), 0);
        assert_eq!(bucket.remaining(Duration::from_millis(3600)), 1);
        assert_eq!(bucket.remaining(Duration::from_hours(1)), 1000);
    }

    #[test]
    fn burst_is_the_capacity_and_not_the_rate() {
        let mut bucket = Leaky::new(10, Duration::from_secs(10), 2);
        assert_eq!(bucket.remaining(Duration::ZERO), 2);
        bucket.add(Duration::ZERO);
        bucket.add(Duration::ZERO);
        assert_eq!(bucket.remaining(Duration::from_secs(1)), 1);
        assert_eq!(bucket.remaining(Duration::from_mins(1)), 2);
    }

    proptest! {
        /// In any stretch of time, no more than the burst and what drained meanwhile.
        #[test]
        fn never_more_than_burst_and_rate(
            calls in 1_u32..50, burst in 1_u32..50, per in 1_u64..100_000,
            gaps in prop::collection::vec(0_u64..5_000, 1..200),
        ) {
            let per = Duration::from_millis(per);
            let mut bucket = Leaky::new(calls, per, burst);
            let (mut now, mut taken) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_millis(gap);
                if bucket.remaining(now) > 0 {
                    bucket.add(now);
                    taken.push(now);
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, to) in taken.iter().enumerate().skip(first) {
                    let drained = to.saturating_sub(*from).as_nanos() * u128::from(calls) / per.as_nanos();
                    prop_assert!((last - first + 1) as u128 <= u128::from(burst) + drained);
                }
            }
        }
    }
}
