//! Locks and atomics as the cache uses them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ultracart_transport::Instant;

/// Locks a mutex whose data no panic leaves half changed, so that poison can be ignored.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An instant that several threads read and move forward.
#[derive(Debug, Default)]
pub(super) struct AtomicInstant(AtomicU64);

impl AtomicInstant {
    pub(super) fn load(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Acquire))
    }

    /// Moves to `instant` if that is later.
    pub(super) fn advance_to(&self, instant: Instant) {
        self.0.fetch_max(instant.as_nanos(), Ordering::AcqRel);
    }

    /// Moves from `current` to `next`, and returns whether no other thread moved it first.
    pub(super) fn replace(&self, current: Instant, next: Instant) -> bool {
        let (current, next) = (current.as_nanos(), next.as_nanos());
        self.0.compare_exchange(current, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}
