//! What all caches of a client share: the clock, the quota and the state of webhooks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use ultracart_transport::limiter::{Constraint, Limiter};
use ultracart_transport::{Clock, Instant};

use super::sync::{AtomicInstant, lock};

/// Longest time between two consecutive webhook events of one burst. Loads wait for the end of a burst.
const BURST_GAP: Duration = Duration::from_millis(250);

/// Longest time that a load waits for the end of a burst of webhook events.
const MAX_BURST: Duration = Duration::from_secs(2);

/// Refresh-ahead leaves a share of each window's burst to other calls: the burst divided by this number.
const RESERVED_SHARE: u32 = 10;

/// What all caches of a client share.
#[derive(Debug)]
pub(super) struct CacheContext {
    clock: Arc<dyn Clock>,
    limiter: Limiter,
    /// Allows one refresh-ahead at a time. Two at the same time could both find enough quota, although it
    /// suffices for only one of them.
    refresh: Semaphore,
    server_responded_at: AtomicInstant,
    webhook_ttl: Duration,
    /// Start of the current run of webhook deliveries. A run ends when no delivery arrives for `webhook_ttl`:
    /// then deliveries may have been lost.
    deliveries_since: AtomicInstant,
    latest_delivery: AtomicInstant,
    burst: Mutex<Option<EventBurst>>,
}

/// Consecutive webhook events, each within [`BURST_GAP`] of the previous one.
#[derive(Clone, Copy, Debug)]
struct EventBurst {
    first: Instant,
    last: Instant,
}

impl EventBurst {
    fn ends_at(self) -> Instant {
        (self.last + BURST_GAP).min(self.first + MAX_BURST)
    }
}

impl CacheContext {
    pub(super) fn new(limiter: Limiter, webhook_ttl: Duration) -> Self {
        Self {
            clock: Arc::clone(limiter.clock()),
            limiter,
            refresh: Semaphore::new(1),
            server_responded_at: AtomicInstant::default(),
            webhook_ttl,
            deliveries_since: AtomicInstant::default(),
            latest_delivery: AtomicInstant::default(),
            burst: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Returns the time without a system call, up to [`COARSE_LAG`](ultracart_transport::COARSE_LAG) behind
    /// [`now`](Self::now).
    pub(super) fn coarse_now(&self) -> Instant {
        self.clock.coarse_now()
    }

    /// Records that a write succeeded, which ends an outage.
    pub(super) fn server_responded(&self, now: Instant) {
        self.server_responded_at.advance_to(now);
    }

    pub(super) fn has_responded_since(&self, instant: Instant) -> bool {
        let responded_at = self.server_responded_at.load();
        responded_at > Instant::START && responded_at >= instant
    }

    /// Returns a semaphore permit for a refresh-ahead of this many calls. Returns `None` during a hold,
    /// during another refresh-ahead, or if this refresh-ahead would leave too few calls to others.
    pub(super) async fn reserve_refresh(&self, calls: u32) -> Option<SemaphorePermit<'_>> {
        let permit = self.refresh.try_acquire().ok()?;
        let snapshot = self.limiter.snapshot().await.ok()?;
        let is_held = snapshot.closed.is_some_and(|closed| closed.constraint == Constraint::Hold);
        let leaves_reserve = snapshot.windows.iter().all(|window| {
            let burst = window.window.burst.unwrap_or(window.window.calls);
            window.remaining >= burst.div_ceil(RESERVED_SHARE).saturating_add(calls)
        });
        (leaves_reserve && !is_held).then_some(permit)
    }

    /// Records the delivery of a webhook event about a user.
    #[cfg(feature = "webhook")]
    pub(super) fn on_delivery(&self) {
        let now = self.now().max(Instant::from_nanos(1));
        if !self.webhooks_arrive(now) {
            // Set first: a concurrent read must not combine the new delivery with the start of the previous
            // run.
            self.deliveries_since.advance_to(now);
        }
        self.latest_delivery.advance_to(now);
    }

    /// Returns whether webhooks have arrived without a break from before `read_at` until now. If so, they
    /// have reported every change since `read_at`.
    pub(super) fn webhooks_cover(&self, read_at: Instant, now: Instant) -> bool {
        self.webhooks_arrive(now) && self.deliveries_since.load() < read_at
    }

    fn webhooks_arrive(&self, now: Instant) -> bool {
        let latest = self.latest_delivery.load();
        latest > Instant::START && now.since(latest) < self.webhook_ttl
    }

    /// Records an event that invalidated something, which starts or continues a burst.
    #[cfg(feature = "webhook")]
    pub(super) fn on_event(&self) {
        let (now, mut burst) = (self.now(), lock(&self.burst));
        let first = burst.filter(|burst| now < burst.ends_at()).map_or(now, |burst| burst.first);
        *burst = Some(EventBurst { first, last: now });
    }

    /// Waits for the end of a burst of webhook events, 2 seconds at most, so that a burst costs one reload.
    pub(super) async fn wait_for_end_of_burst(&self) {
        let give_up_at = self.now() + MAX_BURST;
        loop {
            let ends_at = lock(&self.burst).map_or(Instant::START, EventBurst::ends_at).min(give_up_at);
            let wait = ends_at.since(self.now());
            if wait.is_zero() {
                return;
            }
            self.clock.sleep(wait).await;
        }
    }
}
