//! Forecasts of the times at which calls will be sent.
//!
//! Each constraint has a schedule: the earliest time at which it allows call `n`. The schedule is a straight
//! line over `n`. For example, a full window allows one call each time that a call drains, and the pace
//! allows one call per service time. The forecast of call `n` is the latest time of all schedules. It is
//! exact if no other program uses the quota and the service time does not change.

use std::time::Duration;

use super::bucket::Bucket;
use super::constraint::Constraint;
use crate::clock::{Instant, nanos};

/// A forecast of when each of a number of calls will be sent; see
/// [`Limiter::forecast`](super::Limiter::forecast).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forecast {
    /// Number of calls in the forecast.
    pub calls: u32,
    /// Consecutive groups of calls, each sent at one rate. Empty if `calls` is 0.
    pub phases: Vec<Phase>,
    /// Expected time of one call, including the guard gap after it.
    pub service_time: Duration,
}

/// Consecutive calls of a [`Forecast`] that are sent at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Phase {
    /// Number of the first call of this phase, counted from 1.
    pub first: u32,
    /// Time from the moment of the forecast until the first call of this phase is sent.
    pub starts_in: Duration,
    /// Time between two consecutive calls of this phase.
    pub interval: Duration,
    /// The constraint that sets the rate.
    pub constraint: Constraint,
}

impl Forecast {
    /// Returns the time from the moment of the forecast until call `n` is sent; `None` if the forecast has no
    /// such call. The first call is number 1.
    pub fn sent_in(&self, n: u32) -> Option<Duration> {
        if n > self.calls {
            return None;
        }
        let phase = self.phases.iter().rev().find(|phase| phase.first <= n)?;
        Some(phase.starts_in + phase.interval * (n - phase.first))
    }

    /// Returns the time from the moment of the forecast until the last call is done.
    pub fn done_in(&self) -> Duration {
        self.sent_in(self.calls).map_or(Duration::ZERO, |sent| sent + self.service_time)
    }

    /// Returns the constraint that delays the last call most; `None` if the forecast has no calls.
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
                interval: instant(latest.step).since(Instant::START),
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

/// The earliest time at which a constraint allows call `n`: `first + (n − 1) · step`, in nanoseconds of the
/// clock.
///
/// `first` can be long before the clock's start, if a window allows a large burst at once. So the integers
/// are signed.
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

    /// Returns the schedule of a window for the case that no call is sent before `start`.
    pub(super) fn of_bucket(bucket: &Bucket, start: Instant, constraint: Constraint) -> Self {
        let step = i128::from(nanos(bucket.interval()));
        let first =
            i128::from(bucket.empty_at().max(start).as_nanos()) - step * (i128::from(bucket.burst()) - 1);
        Self { first, step, constraint }
    }

    fn at(&self, n: u32) -> i128 {
        self.first + (i128::from(n) - 1) * self.step
    }

    /// Returns the number of the call at which this schedule becomes later than `latest`; `None` if it never
    /// does. The caller must pass a `latest` that was the latest of all schedules at an earlier call.
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
        #[test]
        fn forecast_is_the_latest_schedule_at_each_call(
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
