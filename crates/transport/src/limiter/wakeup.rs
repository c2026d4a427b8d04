//! Wakes the leader of the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Wakes the waiter that leads a limiter's queue. Clones wake the same waiter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wakeup(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    changed: Notify,
    /// Length of the queue, kept here so that checking for an empty queue needs no lock.
    waiting: AtomicUsize,
}

impl Wakeup {
    /// Wakes the leader after a change. A waiter may now get its permit, or the time that it has to wait may
    /// have changed.
    #[inline]
    pub(crate) fn notify(&self) {
        if self.has_waiters() {
            self.0.changed.notify_one();
        }
    }

    #[inline]
    pub(super) fn has_waiters(&self) -> bool {
        self.0.waiting.load(Ordering::SeqCst) > 0
    }

    pub(super) fn set_waiting(&self, waiting: usize) {
        self.0.waiting.store(waiting, Ordering::SeqCst);
    }

    /// Completes after the next [`notify`](Self::notify). If `notify` was already called while the leader was
    /// not listening, completes at once.
    pub(super) async fn notified(&self) {
        self.0.changed.notified().await;
    }
}
