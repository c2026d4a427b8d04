//! What all caches of a client share: the clock, the quota, and what webhooks said.

use std::sync::Arc;
use std::time::Duration;

use ultracart_transport::limiter::Limiter;
use ultracart_transport::{Clock, Instant};

use super::activity::WebhookActivity;
use super::refresh::RefreshBudget;
use super::sync::AtomicInstant;

/// What all caches of a client share.
#[derive(Debug)]
pub(super) struct CacheContext {
    clock: Arc<dyn Clock>,
    pub(super) webhooks: WebhookActivity,
    pub(super) refreshes: RefreshBudget,
    server_answered_at: AtomicInstant,
}

impl CacheContext {
    pub(super) fn new(limiter: &Limiter, webhook_ttl: Duration) -> Self {
        Self {
            clock: Arc::clone(limiter.clock()),
            webhooks: WebhookActivity::new(webhook_ttl),
            refreshes: RefreshBudget::new(limiter.clone()),
            server_answered_at: AtomicInstant::default(),
        }
    }

    pub(super) fn now(&self) -> Instant {
        Instant::START + self.clock.now()
    }

    /// Returns the time at a fraction of the cost: up to [`COARSE_LAG`] behind [`now`](Self::now).
    #[inline]
    pub(super) fn coarse_now(&self) -> Instant {
        Instant::from_nanos(self.clock.coarse())
    }

    /// A write succeeded at `now`, so the server can be reached.
    pub(super) fn server_answered(&self, now: Instant) {
        self.server_answered_at.advance_to(now);
    }

    /// Returns whether a write has succeeded at `instant` or later.
    pub(super) fn has_answered_since(&self, instant: Instant) -> bool {
        let answered_at = self.server_answered_at.load();
        answered_at > Instant::START && answered_at >= instant
    }

    /// Waits until no burst of webhook events is under way, so that a burst costs one reload.
    pub(super) async fn wait_for_quiet(&self) {
        let started = self.now();
        while let Some(wait) = self.webhooks.quiet_in(started, self.now()) {
            self.clock.sleep(wait).await;
        }
    }
}

/// How far [`Clock::coarse`] may be behind [`Clock::now`].
pub(super) const COARSE_LAG: Duration = Duration::from_millis(50);
