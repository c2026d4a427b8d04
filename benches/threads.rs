//! Runs work on one thread or on several at the same time.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::timed;

/// Returns the value of a future that is ready when first polled. Uses no runtime, so that the time of a
/// runtime is not measured.
#[expect(clippy::inline_always, reason = "moving the future would be measured")]
#[inline(always)]
pub fn poll_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the future is not ready"),
    }
}

/// Uses `threads` threads at the same time. Each thread makes `times` calls of `run`. Returns the average
/// time that a thread took for all its calls.
pub fn time_concurrently<T>(threads: u32, times: u64, run: impl Fn() -> T + Sync) -> Duration {
    let (run, start) = (&run, Barrier::new(threads as usize));
    let work = || {
        start.wait();
        timed(|| (0..times).for_each(|_| _ = black_box(&run()))).0
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let all = others.into_iter().filter_map(|other| other.join().ok()).chain([own]);
        all.sum::<Duration>() / threads
    })
}
