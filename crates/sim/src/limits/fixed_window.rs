//! A fixed window: a number of calls that is available again when the next window starts.

use std::time::Duration;

/// A fixed window. The first window starts when the account is built.
#[derive(Debug)]
pub(super) struct FixedWindow {
    calls: u32,
    per: Duration,
    /// Index of the window that `admitted` belongs to.
    window: u128,
    admitted: u32,
}

impl FixedWindow {
    pub(super) fn new(calls: u32, per: Duration) -> Self {
        Self { calls, per, window: 0, admitted: 0 }
    }

    fn window(&self, now: Duration) -> u128 {
        now.as_nanos().checked_div(self.per.as_nanos()).unwrap_or(now.as_nanos())
    }

    /// Returns the number of calls that are available.
    pub(super) fn remaining(&self, now: Duration) -> u32 {
        if self.window(now) == self.window { self.calls.saturating_sub(self.admitted) } else { self.calls }
    }

    /// Counts a call, even if the window is full.
    pub(super) fn add(&mut self, now: Duration) {
        let window = self.window(now);
        if window != self.window {
            (self.window, self.admitted) = (window, 0);
        }
        self.admitted = self.admitted.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn new_window_is_empty() {
        let mut window = FixedWindow::new(1, Duration::from_secs(10));
        window.add(Duration::from_secs(9));
        assert_eq!(window.remaining(Duration::from_millis(9_999)), 0);
        assert_eq!(window.remaining(Duration::from_secs(10)), 1);
    }

    proptest! {
        #[test]
        fn window_never_admits_more_than_its_calls(
            calls in 1_u32..20, per in 1_u64..50_000, gaps in prop::collection::vec(0_u64..5_000, 1..200),
        ) {
            let mut fixed = FixedWindow::new(calls, Duration::from_millis(per));
            let (mut now, mut admitted) = (0, HashMap::<u64, u32>::new());
            for gap in gaps {
                now += gap;
                let at = Duration::from_millis(now);
                if fixed.remaining(at) > 0 {
                    fixed.add(at);
                    *admitted.entry(now / per).or_default() += 1;
                }
            }
            prop_assert!(admitted.values().all(|admitted| *admitted <= calls));
        }
    }
}
