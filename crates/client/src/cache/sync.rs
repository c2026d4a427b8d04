//! Helpers for locks and atomics.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;
use ultracart_transport::Instant;

/// Locks a mutex, even if a thread panicked while it held the lock. No such panic leaves the data half
/// changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An instant that threads share. It only moves forward.
#[derive(Debug, Default)]
pub(super) struct AtomicInstant(AtomicU64);

impl AtomicInstant {
    pub(super) fn load(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Acquire))
    }

    /// Moves to `instant` if that is later. Returns the previous instant.
    pub(super) fn advance_to(&self, instant: Instant) -> Instant {
        Instant::from_nanos(self.0.fetch_max(instant.as_nanos(), Ordering::AcqRel))
    }
}

/// One async lock per key. A lock exists while a caller holds it or waits for it.
#[derive(Debug)]
pub(super) struct KeyedLocks<K>(Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>);

impl<K: Copy + Eq + Hash> KeyedLocks<K> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// Waits for the lock of `key`. Waiting callers get it in the order in which they asked.
    pub(super) async fn lock(&self, key: K) -> OwnedMutexGuard<()> {
        self.get(key).lock_owned().await
    }

    fn get(&self, key: K) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = lock(&self.0);
        if let Some(lock) = locks.get(&key).and_then(Weak::upgrade) {
            return lock;
        }
        if locks.len() == locks.capacity() {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::default();
        locks.insert(key, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn unused_locks_leave_memory() {
        let locks = KeyedLocks::new();
        let held = locks.lock(0).await;
        for key in 1..10_000 {
            drop(locks.lock(key).await);
        }
        assert!(lock(&locks.0).len() < 100);
        assert!(locks.get(0).try_lock().is_err());
        drop(held);
        assert!(locks.get(0).try_lock().is_ok());
    }
}
