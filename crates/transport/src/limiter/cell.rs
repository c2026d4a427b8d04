//! One window of the quota, as governor's GCRA.
//!
//! A leaky bucket of capacity `B` that drains one call every `T` is exactly GCRA with burst `B` and period `T`.
//! governor decides; it can neither look without taking, nor decide over several windows at once, nor be told that
//! the server counts more than we do, so its state is kept here, where all of that is possible.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use crate::config::Window;

/// A window, and how full it is.
#[derive(Debug)]
pub(super) struct Cell {
    /// Of a call: how long it takes to drain.
    period: Duration,
    /// Calls that fit in at once.
    burst: NonZeroU32,
    state: Arc<State>,
    governor: RateLimiter<NotKeyed, Shared, Shared, NoOpMiddleware<Duration>>,
}

/// What governor reads and writes: its theoretical arrival time, and the time that a decision is for. Both are
/// nanoseconds on our clock, and only ever touched under the limiter's lock.
#[derive(Debug, Default)]
struct State {
    tat: AtomicU64,
    now: AtomicU64,
}

#[derive(Debug)]
struct Shared(Arc<State>);

impl StateStore for Shared {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (decision, tat) = decide(Some(self.0.tat.load(Ordering::Relaxed).into()))?;
        self.0.tat.store(tat.into(), Ordering::Relaxed);
        Ok(decision)
    }
}

impl Clock for Shared {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.now.load(Ordering::Relaxed))
    }
}

impl Cell {
    /// An empty window of which `spare` calls are kept back.
    ///
    /// A server that counts a sliding window would see a whole burst and then the calls that drained meanwhile.
    /// So with a `burst` below `calls` only the calls beyond the burst are spread over the window.
    pub(super) fn new(window: &Window, spare: u32) -> Self {
        let calls = window.calls.max(1);
        let burst = window.burst.unwrap_or(calls).clamp(1, calls);
        let spread = if burst < calls { calls - burst } else { calls };
        let period = (window.per / spread).max(Duration::from_nanos(1));
        let burst = NonZeroU32::new(burst.saturating_sub(spare)).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period)
            .map_or(Quota::per_second(NonZeroU32::MIN), |quota| quota.allow_burst(burst));
        let state = Arc::new(State::default());
        let governor = RateLimiter::new(quota, Shared(Arc::clone(&state)), Shared(Arc::clone(&state)));
        Self { period, burst, state, governor }
    }

    /// When the `n`th call from now on could be sent, if none is sent in between but those before it.
    pub(super) fn ready_at(&self, n: u32, now: Duration) -> Duration {
        let tat = Duration::from_nanos(self.state.tat.load(Ordering::Relaxed)).max(now);
        let ahead = self.period * n.saturating_sub(1);
        (tat + ahead).saturating_sub(self.period * (self.burst.get() - 1)).max(now)
    }

    /// Takes a call out; the answer is whether there was one.
    pub(super) fn take(&self, now: Duration) -> bool {
        self.state.now.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.governor.check().is_ok()
    }

    /// Of a call: how long it takes to drain.
    pub(super) fn period(&self) -> Duration {
        self.period
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn the_burst_goes_at_once_and_then_one_call_a_period() {
        let cell = Cell::new(&Window::new(1_000, HOUR), 3);
        let start = Duration::from_secs(5);
        let taken = (0..2_000).filter(|_| cell.take(start)).count();
        assert_eq!(taken, 997);
        assert_eq!(cell.ready_at(1, start), start + Duration::from_millis(3_600));
        assert!(!cell.take(start + Duration::from_millis(3_599)));
        assert!(cell.take(start + Duration::from_millis(3_600)));
    }

    #[test]
    fn a_forecast_is_what_then_happens() {
        let cell = Cell::new(&Window { burst: Some(5), ..Window::new(10, Duration::from_secs(10)) }, 0);
        let mut now = Duration::ZERO;
        let forecast: Vec<_> = (1..=20).map(|n| cell.ready_at(n, now)).collect();
        for due in forecast {
            now = cell.ready_at(1, now);
            assert_eq!(now, due);
            assert!(cell.take(now));
        }
        // Five at once, and the other five of the ten spread over the window.
        assert_eq!(now, Duration::from_secs(30));
    }
}
