//! The configuration of a window.

use std::fmt;
use std::time::Duration;

use super::fixed_window::FixedWindow;
use super::leaky_bucket::LeakyBucket;
use super::sliding_log::SlidingLog;

/// A rate limit: a number of calls per time, for each application and for each IP address.
///
/// UltraCart documents a leaky bucket, but its exact algorithm is not known. Test a client against all three
/// kinds.
///
/// ```
/// use std::time::Duration;
/// use ultracart_sim::Window;
///
/// let hourly = Window::leaky_bucket(1_000, Duration::from_hours(1)).burst(100);
/// let daily = Window::sliding_log(10_000, Duration::from_hours(24));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    kind: Kind,
    calls: u32,
    per: Duration,
    burst: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    LeakyBucket,
    SlidingLog,
    FixedWindow,
}

impl Window {
    /// Creates a leaky bucket that holds `calls` calls. In each period of length `per`, `calls` calls drain
    /// from it, evenly.
    pub fn leaky_bucket(calls: u32, per: Duration) -> Self {
        Self { kind: Kind::LeakyBucket, calls, per, burst: calls }
    }

    /// Creates a sliding log, which admits at most `calls` calls in any interval of length `per`.
    pub fn sliding_log(calls: u32, per: Duration) -> Self {
        Self { kind: Kind::SlidingLog, ..Self::leaky_bucket(calls, per) }
    }

    /// Creates a fixed window, which admits `calls` calls in each period of length `per`. The first period
    /// starts when the account is built.
    pub fn fixed_window(calls: u32, per: Duration) -> Self {
        Self { kind: Kind::FixedWindow, ..Self::leaky_bucket(calls, per) }
    }

    /// Sets how many calls a leaky bucket holds. Without it, that is the `calls` given to
    /// [`leaky_bucket`](Self::leaky_bucket). Other kinds ignore it.
    #[must_use]
    pub fn burst(mut self, burst: u32) -> Self {
        self.burst = burst;
        self
    }

    pub(super) fn meter(&self) -> Meter {
        match self.kind {
            Kind::LeakyBucket => Meter::LeakyBucket(LeakyBucket::new(self.calls, self.per, self.burst)),
            Kind::SlidingLog => Meter::SlidingLog(SlidingLog::new(self.calls, self.per)),
            Kind::FixedWindow => Meter::FixedWindow(FixedWindow::new(self.calls, self.per)),
        }
    }
}

/// Formats the message of UltraCart's 429 for a full window.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rate of {} per {} second(s) exceeded.", self.calls, self.per.as_secs_f64())
    }
}

/// The state of a window for one application or IP address.
#[derive(Debug)]
pub(super) enum Meter {
    LeakyBucket(LeakyBucket),
    SlidingLog(SlidingLog),
    FixedWindow(FixedWindow),
}

impl Meter {
    pub(super) fn remaining(&self, now: Duration) -> u32 {
        match self {
            Self::LeakyBucket(meter) => meter.remaining(now),
            Self::SlidingLog(meter) => meter.remaining(now),
            Self::FixedWindow(meter) => meter.remaining(now),
        }
    }

    pub(super) fn add(&mut self, now: Duration) {
        match self {
            Self::LeakyBucket(meter) => meter.add(now),
            Self::SlidingLog(meter) => meter.add(now),
            Self::FixedWindow(meter) => meter.add(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_displays_ultracarts_message() {
        let window = Window::leaky_bucket(10_000, Duration::from_hours(24)).burst(7);
        assert_eq!(window.to_string(), "rate of 10000 per 86400 second(s) exceeded.");
    }

    #[test]
    fn windows_with_extreme_values_do_not_panic() {
        for make in [Window::leaky_bucket, Window::sliding_log, Window::fixed_window] {
            let mut none = make(0, Duration::from_secs(1)).meter();
            none.add(Duration::ZERO);
            assert_eq!(none.remaining(Duration::MAX), 0);
            let mut instant = make(1, Duration::ZERO).meter();
            instant.add(Duration::from_secs(1));
            assert!(instant.remaining(Duration::from_secs(2)) > 0);
            let mut endless = make(u32::MAX, Duration::MAX).meter();
            endless.add(Duration::MAX);
            assert!(endless.remaining(Duration::MAX) > 0);
        }
    }
}
