//! What does a turn with the limiter cost where nothing has to wait, by one thread and by two at once?
//!
//! Ours is the gate and the two windows of an application and of an address, all or none, and what a call that was
//! answered does to them. The peer is what one would write with governor and tokio: a semaphore, and four `until_ready`,
//! which lose a call each time that a later one says no. It is there twice: with the machine's monotonic clock, by which
//! tokio waits and ours has to go, and with governor's own, which asks the processor and not the system. Windows are so
//! large, and pauses so short, that nothing ever waits.
#![expect(clippy::unwrap_used, reason = "a benchmark may fail")]

use std::num::NonZeroU32;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use governor::clock::{Clock, DefaultClock, MonotonicClock, ReasonablyRealtime};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Semaphore;
use ultracart_benches::threads::{at_once, now};
use ultracart_transport::config::{self, Window};
use ultracart_transport::limiter::Limiter;

const WINDOWS: [(u32, Duration); 2] =
    [(u32::MAX, Duration::from_hours(1)), (u32::MAX, Duration::from_hours(24))];

fn ours(threads: u32) -> Limiter {
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

    async fn turn(&self) {
        let _permit = self.gate.acquire().await.unwrap();
        for window in &self.windows {
            window.until_ready().await;
        }
    }
}

fn permit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("permit");
    for threads in [1, 2] {
        let limiter = ours(threads);
        // As many as the limiter remembers.
        (0..200_000).for_each(|_| now(limiter.acquire_and_release()).unwrap());
        let allocations =
            allocation_counter::measure(|| (0..10).for_each(|_| now(limiter.acquire_and_release()).unwrap()));
        assert_eq!(allocations.count_total, 0);
        group.bench_function(BenchmarkId::new("ultracart-transport", threads), |b| {
            b.iter_custom(|times| at_once(threads, times, || now(limiter.acquire_and_release()).unwrap()));
        });
        let peer = Peer::<MonotonicClock>::new(threads);
        group.bench_function(BenchmarkId::new("governor", threads), |b| {
            b.iter_custom(|times| at_once(threads, times, || now(peer.turn())));
        });
        let peer = Peer::<DefaultClock>::new(threads);
        group.bench_function(BenchmarkId::new("quanta", threads), |b| {
            b.iter_custom(|times| at_once(threads, times, || now(peer.turn())));
        });
    }
    group.finish();
}

criterion_group!(benches, permit);
criterion_main!(benches);
