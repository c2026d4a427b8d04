//! A limit as it is configured.

use std::fmt;
use std::time::Duration;

use super::fixed::Fixed;
use super::leaky::Leaky;
use super::log::Log;

/// So many calls in so much time, for each application and for each IP address.
///
/// UltraCart says "leaky bucket"; what it really counts is not known, so a careful client is tested against all three.
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
    /// A bucket that holds `calls` and drains as many in `per`: there is no time at which it starts anew.
    pub fn leaky_bucket(calls: u32, per: Duration) -> Self {
        Self { kind: Kind::LeakyBucket, calls, per, burst: calls }
    }

    /// At most `calls` in any stretch of `per`.
    pub fn sliding_log(calls: u32, per: Duration) -> Self {
        Self { kind: Kind::SlidingLog, ..Self::leaky_bucket(calls, per) }
    }

    /// At most `calls` in each of the windows of `per` that follow one another from the account's start.
    pub fn fixed_window(calls: u32, per: Duration) -> Self {
        Self { kind: Kind::FixedWindow, ..Self::leaky_bucket(calls, per) }
    }

    /// How many calls a leaky bucket holds, if that is not `calls`. It changes nothing for the other kinds.
    #[must_use]
    pub fn burst(mut self, burst: u32) -> Self {
        self.burst = burst;
        self
    }

    pub(super) fn meter(&self) -> Meter {
        match self.kind {
            Kind::LeakyBucket => Meter::Leaky(Leaky::new(self.calls, self.per, self.burst)),
            Kind::SlidingLog => Meter::Log(Log::new(self.calls, self.per)),
            Kind::FixedWindow => Meter::Fixed(Fixed::new(self.calls, self.per)),
        }
    }
}

/// What UltraCart says when the window is full.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rate of {} per {} second(s) exceeded.", self.calls, self.per.as_secs_f64())
    }
}

/// How full a window is for one application or address.
#[derive(Debug)]
pub(super) enum Meter {
    Leaky(Leaky),
    Log(Log),
    Fixed(Fixed),
}

impl Meter {
    pub(super) fn remaining(&self, now: Duration) -> u32 {
        match self {
            Self::Leaky(meter) => meter.remaining(now),
            Self::Log(meter) => meter.remaining(now),
            Self::Fixed(meter) => meter.remaining(now),
        }
    }

    pub(super) fn add(&mut self, now: Duration) {
        match self {
            Self::Leaky(meter) => meter.add(now),
            Self::Log(meter) => meter.add(now),
            Self::Fixed(meter) => meter.add(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_window_says_what_ultracart_says() {
        let window = Window::leaky_bucket(10_000, Duration::from_hours(24)).burst(7);
        assert_eq!(window.to_string(), "rate of 10000 per 86400 second(s) exceeded.");
    }

    #[test]
    fn windows_of_nothing_and_of_no_time_do_no_harm() {
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
