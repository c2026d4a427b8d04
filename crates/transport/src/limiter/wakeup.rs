//! Wakes the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Wakes the waiter that leads a limiter's queue. Clones wake the same queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wakeup(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    changed: Notify,
    /// The length of the queue, so that nobody has to lock it to learn that it is empty.
    waiting: AtomicUsize,
}

impl Wakeup {
    /// Says that a waiter may now get a permit, or that the wait is another.
    #[inline]
    pub(crate) fn notify(&self) {
        if self.is_anyone_waiting() {
            self.0.changed.notify_one();
        }
    }

    #[inline]
    pub(super) fn is_anyone_waiting(&self) -> bool {
        self.0.waiting.load(Ordering::SeqCst) > 0
    }

    pub(super) fn set_waiting(&self, waiting: usize) {
        self.0.waiting.store(waiting, Ordering::SeqCst);
    }

    /// Completes after the next [`notify`](Self::notify), or at once after one that nobody has waited for.
    pub(super) async fn notified(&self) {
        self.0.changed.notified().await;
    }
}
