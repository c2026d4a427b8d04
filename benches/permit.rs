//! How long does a permit take when nothing has to wait, with one thread and with two?
//!
//! `ultracart-transport` acquires a permit, then releases it with the outcome of a successful call. A permit
//! takes one place at the gate, and one call of each of four windows. Two windows are the application's and
//! two are the address's. The permit takes all five or none.
//!
//! The peer is built from governor and tokio: a semaphore and four calls of `until_ready`. The peer is not
//! atomic: if a later window makes it wait, the earlier windows have already counted the call.
//!
//! The peer runs with two clocks. The results named "governor" use the system's monotonic clock, as tokio and
//! our limiter do. The results named "quanta" use governor's default clock, which reads the processor's
//! counter. The windows are so large, and the pauses are so short, that nothing waits.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::num::NonZeroU32;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use governor::clock::{Clock, DefaultClock, MonotonicClock, ReasonablyRealtime};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Semaphore;
use ultracart_benches::threads::{poll_once, time_concurrently};
use ultracart_transport::config::{self, Window};
use ultracart_transport::limiter::Limiter;

const WINDOWS: [(u32, Duration); 2] =
    [(u32::MAX, Duration::from_hours(1)), (u32::MAX, Duration::from_hours(24))];

fn limiter(threads: u32) -> Limiter {
    let mut config = config::Limiter::default();
    (config.max_concurrency, config.guard_gap) = (threads, Duration::ZERO);
    config.windows = WINDOWS.map(|(calls, per)| Window::new(calls, per)).to_vec();
    Limiter::new(&config).unwrap()
}

struct Peer<C: Clock> {
    gate: Semaphore,
    windows: Vec<RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>>,
}

impl<C: ReasonablyRealtime + Default> Peer<C> {
    fn new(threads: u32) -> Self {
        let window = |(calls, per): (u32, Duration)| {
            let quota = Quota::with_period(per / calls).unwrap();
            let quota = quota.allow_burst(NonZeroU32::new(calls).unwrap());
            RateLimiter::direct_with_clock(quota, C::default())
        };
        let windows = WINDOWS.into_iter().chain(WINDOWS).map(window).collect();
        Self { gate: Semaphore::new(threads as usize), windows }
    }

    async fn acquire_and_release(&self) {
        let _permit = self.gate.acquire().await.unwrap();
        for window in &self.windows {
            window.until_ready().await;
        }
    }
}

fn permit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("permit");
    for threads in [1, 2] {
        let limiter = limiter(threads);
        // Fills the limiter's journal of recent calls, so that it does not grow during the measurement.
        (0..200_000).for_each(|_| poll_once(limiter.acquire_and_release()).unwrap());
        let allocations = allocation_counter::measure(|| {
            (0..10).for_each(|_| poll_once(limiter.acquire_and_release()).unwrap());
        });
        assert_eq!(allocations.count_total, 0);
        group.bench_function(BenchmarkId::new("ultracart-transport", threads), |b| {
            b.iter_custom(|times| {
                time_concurrently(threads, times, || poll_once(limiter.acquire_and_release()).unwrap())
            });
        });
        let peer = Peer::<MonotonicClock>::new(threads);
        group.bench_function(BenchmarkId::new("governor", threads), |b| {
            b.iter_custom(|times| {
                time_concurrently(threads, times, || poll_once(peer.acquire_and_release()))
            });
        });
        let peer = Peer::<DefaultClock>::new(threads);
        group.bench_function(BenchmarkId::new("quanta", threads), |b| {
            b.iter_custom(|times| {
                time_concurrently(threads, times, || poll_once(peer.acquire_and_release()))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, permit);
criterion_main!(benches);
