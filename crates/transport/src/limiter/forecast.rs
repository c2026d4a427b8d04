//! When calls will have been sent.
//!
//! Each constraint has a schedule, a straight line over `n`, before which call `n` does not go: a full window lets one call
//! through each period, and calls that are made one after the other take the service time each. Calls go as early as all
//! schedules allow, so the forecast is the latest of them at each `n`. It is exact as long as nothing else spends the quota
//! and calls take as long as they took.

use std::time::Duration;

use super::cell::Cell;
use super::constraint::Constraint;
use crate::clock::{Instant, nanos};

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
    pub constraint: Constraint,
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

    /// What holds the last call back most.
    pub fn constraint(&self) -> Option<Constraint> {
        self.phases.last().map(|phase| phase.constraint)
    }

    pub(super) fn new(schedules: &[Schedule], calls: u32, now: Instant, service_time: Duration) -> Self {
        let mut phases = Vec::new();
        let mut n = 1;
        while n <= calls {
            let Some(latest) = schedules.iter().max_by_key(|schedule| (schedule.at(n), schedule.step)) else {
                break;
            };
            phases.push(Phase {
                first: n,
                starts_in: instant(latest.at(n)).since(now),
                every: instant(latest.step).since(Instant::START),
                constraint: latest.constraint,
            });
            n = schedules.iter().filter_map(|schedule| schedule.overtakes(latest)).min().unwrap_or(u32::MAX);
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
pub(super) struct Schedule {
    first: i128,
    step: i128,
    constraint: Constraint,
}

impl Schedule {
    pub(super) fn new(first: Instant, step: Duration, constraint: Constraint) -> Self {
        Self { first: first.as_nanos().into(), step: nanos(step).into(), constraint }
    }

    /// The schedule of a window, if no call is sent before `start`.
    pub(super) fn of(cell: &Cell, start: Instant, constraint: Constraint) -> Self {
        let step = i128::from(nanos(cell.period()));
        let first = i128::from(cell.empty_at().max(start).as_nanos()) - step * (i128::from(cell.burst()) - 1);
        Self { first, step, constraint }
    }

    fn at(&self, n: u32) -> i128 {
        self.first + (i128::from(n) - 1) * self.step
    }

    /// The first call at which this schedule is later than one that was later so far.
    fn overtakes(&self, latest: &Self) -> Option<u32> {
        let gains = self.step - latest.step;
        if gains <= 0 {
            return None;
        }
        let n = (latest.first - self.first).div_euclid(gains) + 2;
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
        /// Phase by phase the forecast is what the schedules say call by call.
        #[test]
        fn a_forecast_is_the_latest_schedule_at_every_call(
            schedules in prop::collection::vec((0..50_000_u64, 0..900_u64, 1..60_u32), 1..6), calls in 0..200_u32,
        ) {
            let start = Instant::START + Duration::from_secs(10);
            let mut all = vec![Schedule::new(start, Duration::from_millis(7), Constraint::Pace)];
            for (first, step, burst) in schedules {
                let constraint = Constraint::Hold;
                let first = i128::from(first) - i128::from(step) * i128::from(burst);
                all.push(Schedule { first: first * 1_000_000, step: i128::from(step) * 1_000_000, constraint });
            }
            let forecast = Forecast::new(&all, calls, start, Duration::ZERO);
            for n in 1..=calls {
                let latest = all.iter().map(|schedule| schedule.at(n)).max().unwrap();
                prop_assert_eq!(forecast.sent_in(n), Some(instant(latest).since(start)), "call {}", n);
            }
            prop_assert_eq!(forecast.sent_in(calls + 1), None);
        }
    }
}
