//! The same work by one thread, or by several at once.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::timed;

/// What a future gives that has nothing to wait for: polled once, without a runtime's share in the time.
#[expect(clippy::inline_always, reason = "to move the future would be in the time")]
#[inline(always)]
pub fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("it waits"),
    }
}

/// How long each of `threads` threads takes for `times` runs while the others do the same.
pub fn at_once<T>(threads: u32, times: u64, run: impl Fn() -> T + Sync) -> Duration {
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
