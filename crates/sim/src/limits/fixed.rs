//! A fixed window: so many calls, and all of them again when the next window starts.

use std::time::Duration;

/// The windows follow one another from the simulated account's start.
#[derive(Debug)]
pub(super) struct Fixed {
    calls: u32,
    per: Duration,
    window: u128,
    taken: u32,
}

impl Fixed {
    pub(super) fn new(calls: u32, per: Duration) -> Self {
        Self { calls, per, window: 0, taken: 0 }
    }

    fn window(&self, now: Duration) -> u128 {
        now.as_nanos().checked_div(self.per.as_nanos()).unwrap_or(now.as_nanos())
    }

    /// How many calls fit in now.
    pub(super) fn remaining(&self, now: Duration) -> u32 {
        if self.window(now) == self.window { self.calls.saturating_sub(self.taken) } else { self.calls }
    }

    /// Adds a call, even where there is no room for it.
    pub(super) fn add(&mut self, now: Duration) {
        let window = self.window(now);
        if window != self.window {
            (self.window, self.taken) = (window, 0);
        }
        self.taken = self.taken.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_new_window_is_empty() {
        let mut window = Fixed::new(1, Duration::from_secs(10));
        window.add(Duration::from_secs(9));
        assert_eq!(window.remaining(Duration::from_millis(9_999)), 0);
        assert_eq!(window.remaining(Duration::from_secs(10)), 1);
    }

    proptest! {
        #[test]
        fn never_more_than_the_calls_in_a_window(
            calls in 1_u32..20, per in 1_u64..50_000, gaps in prop::collection::vec(0_u64..5_000, 1..200),
        ) {
            let mut fixed = Fixed::new(calls, Duration::from_millis(per));
            let (mut now, mut taken) = (0, HashMap::<u64, u32>::new());
            for gap in gaps {
                now += gap;
                let at = Duration::from_millis(now);
                if fixed.remaining(at) > 0 {
                    fixed.add(at);
                    *taken.entry(now / per).or_default() += 1;
                }
            }
            prop_assert!(taken.values().all(|taken| *taken <= calls));
        }
    }
}
