//! What measures where criterion does not.
#![expect(clippy::disallowed_methods, reason = "this is the one module that asks the machine for the time")]

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How long it takes, and what it gives.
pub fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = run();
    (start.elapsed(), value)
}

/// How long this thread has worked on it, however many others there are on the machine, and what it gives.
pub fn worked<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let start = now();
    let value = run();
    (now().saturating_sub(start), value)
}
