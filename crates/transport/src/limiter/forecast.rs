//! When calls will have been sent.
//!
//! Each constraint lets call `n` go no earlier than some line over `n`: a full window once a period, the calls before it
//! once in the time that a call takes. Calls go as early as all of them allow, so the forecast is the highest of the
//! lines at each `n`. It is exact as long as nothing else spends the quota and calls take as long as they took.

use std::time::Duration;

use serde::Serialize;

use super::cell::Cell;
use super::scope::Scope;
use crate::clock::{Instant, nanos};
use crate::config::Window;

/// What decides when a call may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Bound {
    /// A window of the quota.
    Window {
        /// Whose it is.
        scope: Scope,
        /// Which.
        window: Window,
    },
    /// The calls before it, one after the other.
    Pace,
    /// As many calls are in flight as may be.
    InFlight,
    /// The pause after each call.
    GuardGap,
    /// The time after a call whose end was not seen.
    Quarantine,
    /// The time that a 429 asks for.
    Hold,
}

/// When each of so many calls will have been sent; see [`Limiter::forecast`](super::Limiter::forecast).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forecast {
    /// How many calls it is about.
    pub calls: u32,
    /// From the first call to the last; in each phase calls go at one pace. Empty without calls.
    pub phases: Vec<Phase>,
    /// How long a call takes, as far as is known.
    pub service_time: Duration,
}

/// Calls that go at one pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Phase {
    /// The number of its first call, from 1 on.
    pub first: u32,
    /// How long from now until that one is sent.
    pub starts_in: Duration,
    /// The time between two calls.
    pub every: Duration,
    /// What sets the pace.
    pub bound: Bound,
}

impl Forecast {
    /// How long from now until call `n` is sent, the first being 1.
    pub fn sent_in(&self, n: u32) -> Option<Duration> {
        if n > self.calls {
            return None;
        }
        let phase = self.phases.iter().rev().find(|phase| phase.first <= n)?;
        Some(phase.starts_in + phase.every * (n - phase.first))
    }

    /// How long from now until the last call is done.
    pub fn done_in(&self) -> Duration {
        self.sent_in(self.calls).map_or(Duration::ZERO, |sent| sent + self.service_time)
    }

    /// What the last call waits for most.
    pub fn bound(&self) -> Option<Bound> {
        self.phases.last().map(|phase| phase.bound)
    }

    pub(super) fn new(lines: &[Line], calls: u32, now: Instant, service_time: Duration) -> Self {
        let mut phases = Vec::new();
        let mut n = 1;
        while n <= calls {
            let Some(top) = lines.iter().max_by_key(|line| (line.at(n), line.step)) else { break };
            phases.push(Phase {
                first: n,
                starts_in: instant(top.at(n)).since(now),
                every: instant(top.step).since(Instant::START),
                bound: top.bound,
            });
            n = lines.iter().filter_map(|line| line.overtakes(top)).min().unwrap_or(u32::MAX);
            if n == u32::MAX {
                break;
            }
        }
        Self { calls, phases, service_time }
    }
}

/// When a constraint lets call `n` go: `first + (n − 1) · step`, in nanoseconds of the clock.
///
/// Wide integers, since `first` can be long before the clock's start: a burst of a million calls goes at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    first: i128,
    step: i128,
    bound: Bound,
}

impl Line {
    pub(super) fn new(first: Instant, step: Duration, bound: Bound) -> Self {
        Self { first: first.as_nanos().into(), step: nanos(step).into(), bound }
    }

    /// For calls of which none is sent before `start`.
    pub(super) fn of(cell: &Cell, start: Instant, bound: Bound) -> Self {
        let step = i128::from(nanos(cell.period()));
        let first = i128::from(cell.empty_at().max(start).as_nanos()) - step * (i128::from(cell.burst()) - 1);
        Self { first, step, bound }
    }

    fn at(&self, n: u32) -> i128 {
        self.first + (i128::from(n) - 1) * self.step
    }

    /// The first call at which this line is above another, which was above it so far.
    fn overtakes(&self, top: &Self) -> Option<u32> {
        let gains = self.step - top.step;
        if gains <= 0 {
            return None;
        }
        let n = (top.first - self.first).div_euclid(gains) + 2;
        Some(u32::try_from(n).unwrap_or(u32::MAX))
    }
}

fn instant(nanos: i128) -> Instant {
    Instant::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Phase by phase it is what the lines say call by call.
        #[test]
        fn it_is_the_highest_line_at_every_call(
            lines in prop::collection::vec((0..50_000_u64, 0..900_u64, 1..60_u32), 1..6), calls in 0..200_u32,
        ) {
            let start = Instant::START + Duration::from_secs(10);
            let mut all = vec![Line::new(start, Duration::from_millis(7), Bound::Pace)];
            for (first, step, burst) in lines {
                let bound = Bound::Hold;
                let first = i128::from(first) - i128::from(step) * i128::from(burst);
                all.push(Line { first: first * 1_000_000, step: i128::from(step) * 1_000_000, bound });
            }
            let forecast = Forecast::new(&all, calls, start, Duration::ZERO);
            for n in 1..=calls {
                let highest = all.iter().map(|line| line.at(n)).max().unwrap();
                prop_assert_eq!(forecast.sent_in(n), Some(instant(highest).since(start)), "call {}", n);
            }
            prop_assert_eq!(forecast.sent_in(calls + 1), None);
        }
    }
}
