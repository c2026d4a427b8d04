//! Timers for elapsed time and CPU time.
#![expect(clippy::disallowed_methods, reason = "this module reads the system's clocks")]

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Runs a function and returns its elapsed time and its value.
pub fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = run();
    (start.elapsed(), value)
}

/// Runs a function and returns its CPU time on this thread and its value.
pub fn cpu_timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let start = now();
    let value = run();
    (now().saturating_sub(start), value)
}
