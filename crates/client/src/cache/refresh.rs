//! Refresh-ahead and the part of the quota that it leaves alone.

use tokio::sync::{Semaphore, SemaphorePermit};
use ultracart_transport::limiter::{Bound, Limiter};

/// A refresh-ahead leaves at least one in this many calls of each window's burst.
const RESERVE: u32 = 10;

/// Decides whether the quota allows calls that no caller waits for.
#[derive(Debug)]
pub(super) struct RefreshBudget {
    limiter: Limiter,
    one_at_a_time: Semaphore,
}

impl RefreshBudget {
    pub(super) fn new(limiter: Limiter) -> Self {
        Self { limiter, one_at_a_time: Semaphore::new(1) }
    }

    /// Returns a permit for a refresh of this many calls, or none if it would use the reserve, another one is under way, or
    /// the server asked to wait. The refresh holds the permit to its end, so that the next one sees what it spent.
    pub(super) async fn reserve(&self, calls: u32) -> Option<SemaphorePermit<'_>> {
        let permit = self.one_at_a_time.try_acquire().ok()?;
        let snapshot = self.limiter.snapshot().await.ok()?;
        let is_held = snapshot.closed.is_some_and(|closed| closed.because == Bound::Hold);
        let leaves_reserve = snapshot.windows.iter().all(|window| {
            let burst = window.window.burst.unwrap_or(window.window.calls);
            window.remaining >= burst.div_ceil(RESERVE).saturating_add(calls)
        });
        (leaves_reserve && !is_held).then_some(permit)
    }
}
