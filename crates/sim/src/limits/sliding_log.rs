//! A sliding log: a maximum number of calls in any interval of the window's length.

use std::collections::VecDeque;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct SlidingLog {
    calls: u32,
    per: Duration,
    times: VecDeque<Duration>,
}

impl SlidingLog {
    pub(super) fn new(calls: u32, per: Duration) -> Self {
        Self { calls, per, times: VecDeque::new() }
    }

    /// Returns the number of calls that are available.
    pub(super) fn remaining(&self, now: Duration) -> u32 {
        let old = self.times.partition_point(|at| at.saturating_add(self.per) <= now);
        let held = u32::try_from(self.times.len() - old).unwrap_or(u32::MAX);
        self.calls.saturating_sub(held)
    }

    /// Counts a call, even if the window is full.
    ///
    /// Only the times of the newest `calls` calls are stored. While all of these calls are in the window, it
    /// is full. An older call leaves the window before them, so it makes no difference.
    pub(super) fn add(&mut self, now: Duration) {
        self.times.push_back(now);
        let is_old = |at: &Duration| at.saturating_add(self.per) <= now;
        while self.times.len() > self.calls as usize || self.times.front().is_some_and(is_old) {
            self.times.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn call_leaves_at_the_age_of_the_window() {
        let mut log = SlidingLog::new(2, Duration::from_secs(10));
        log.add(Duration::from_secs(1));
        log.add(Duration::from_secs(5));
        assert_eq!(log.remaining(Duration::from_millis(10_999)), 0);
        assert_eq!(log.remaining(Duration::from_secs(11)), 1);
        assert_eq!(log.remaining(Duration::from_secs(15)), 2);
    }

    proptest! {
        #[test]
        fn calls_beyond_the_limit_count_without_memory(
            calls in 0_u32..10, gaps in prop::collection::vec(0_u64..5_000, 1..200),
        ) {
            let per = Duration::from_secs(10);
            let mut log = SlidingLog::new(calls, per);
            let (mut now, mut all) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_millis(gap);
                log.add(now);
                all.push(now);
                prop_assert!(log.times.len() <= calls as usize);
                for later in [now, now + per / 2, now + per] {
                    let inside = all.iter().filter(|at| **at + per > later).count();
                    prop_assert_eq!(log.remaining(later) as usize, (calls as usize).saturating_sub(inside));
                }
            }
        }

        #[test]
        fn log_never_admits_more_than_its_calls(
            calls in 1_u32..20, per in 1_u64..50_000, gaps in prop::collection::vec(0_u64..5_000, 1..200),
        ) {
            let per = Duration::from_millis(per);
            let mut log = SlidingLog::new(calls, per);
            let (mut now, mut admitted) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_millis(gap);
                if log.remaining(now) > 0 {
                    log.add(now);
                    admitted.push(now);
                }
            }
            for from in &admitted {
                let inside = admitted.iter().filter(|at| *at >= from && **at < *from + per).count();
                prop_assert!(inside <= calls as usize);
            }
        }
    }
}
