//! What all caches of a client share: the clock, the quota and the state of webhooks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use ultracart_transport::limiter::{Constraint, Limiter};
use ultracart_transport::{Clock, Instant};

use super::sync::{AtomicInstant, lock};

/// A reload waits until no webhook event has come for this long.
const QUIET: Duration = Duration::from_millis(250);

/// No reload waits longer than this for a burst of events to end.
const MAX_BURST: Duration = Duration::from_secs(2);

/// Refresh-ahead leaves one in this many calls of each window's burst.
const RESERVE: u32 = 10;

/// What all caches of a client share.
#[derive(Debug)]
pub(super) struct CacheContext {
    clock: Arc<dyn Clock>,
    limiter: Limiter,
    /// One refresh at a time, so that each sees what the one before it spent.
    refresh: Semaphore,
    server_answered_at: AtomicInstant,
    webhook_ttl: Duration,
    /// When the current run of deliveries began. A silence of `webhook_ttl` ends a run, since deliveries may be lost in it.
    deliveries_since: AtomicInstant,
    latest_delivery: AtomicInstant,
    burst: Mutex<Option<Burst>>,
}

/// Webhook events that follow each other closely.
#[derive(Clone, Copy, Debug)]
struct Burst {
    first: Instant,
    last: Instant,
}

impl Burst {
    fn ends_at(self) -> Instant {
        (self.last + QUIET).min(self.first + MAX_BURST)
    }
}

impl CacheContext {
    pub(super) fn new(limiter: Limiter, webhook_ttl: Duration) -> Self {
        Self {
            clock: Arc::clone(limiter.clock()),
            limiter,
            refresh: Semaphore::new(1),
            server_answered_at: AtomicInstant::default(),
            webhook_ttl,
            deliveries_since: AtomicInstant::default(),
            latest_delivery: AtomicInstant::default(),
            burst: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Returns the time at a lower cost, up to [`COARSE_LAG`](ultracart_transport::COARSE_LAG) behind [`now`](Self::now).
    pub(super) fn coarse_now(&self) -> Instant {
        self.clock.coarse_now()
    }

    /// Notes that a write succeeded, so that the server can be reached.
    pub(super) fn server_answered(&self, now: Instant) {
        self.server_answered_at.advance_to(now);
    }

    pub(super) fn has_answered_since(&self, instant: Instant) -> bool {
        let answered_at = self.server_answered_at.load();
        answered_at > Instant::START && answered_at >= instant
    }

    /// Returns a permit for a refresh of this many calls, which is held until the refresh is over. Returns none if the quota
    /// is short, if the server asked to wait, or during another refresh.
    pub(super) async fn reserve_refresh(&self, calls: u32) -> Option<SemaphorePermit<'_>> {
        let permit = self.refresh.try_acquire().ok()?;
        let snapshot = self.limiter.snapshot().await.ok()?;
        let is_held = snapshot.closed.is_some_and(|closed| closed.because == Constraint::Hold);
        let leaves_reserve = snapshot.windows.iter().all(|window| {
            let burst = window.window.burst.unwrap_or(window.window.calls);
            window.remaining >= burst.div_ceil(RESERVE).saturating_add(calls)
        });
        (leaves_reserve && !is_held).then_some(permit)
    }

    /// Notes that a webhook event about a user was received.
    #[cfg(feature = "webhook")]
    pub(super) fn on_delivery(&self) {
        let now = self.now().max(Instant::from_nanos(1));
        if !self.deliveries_come(now) {
            // Set first: a reader must not combine the new delivery with the start of the run before.
            self.deliveries_since.advance_to(now);
        }
        self.latest_delivery.advance_to(now);
    }

    /// Returns whether webhooks would have reported a change since `read_at`: the current run began before it.
    pub(super) fn webhooks_cover(&self, read_at: Instant, now: Instant) -> bool {
        self.deliveries_come(now) && self.deliveries_since.load() < read_at
    }

    fn deliveries_come(&self, now: Instant) -> bool {
        let latest = self.latest_delivery.load();
        latest > Instant::START && now.since(latest) < self.webhook_ttl
    }

    /// Notes an event that invalidated something, which more may follow.
    #[cfg(feature = "webhook")]
    pub(super) fn on_event(&self) {
        let (now, mut burst) = (self.now(), lock(&self.burst));
        let first = burst.filter(|burst| now < burst.ends_at()).map_or(now, |burst| burst.first);
        *burst = Some(Burst { first, last: now });
    }

    /// Waits until no burst of events is under way, 2 seconds at most, so that a burst costs one reload.
    pub(super) async fn wait_for_quiet(&self) {
        let give_up_at = self.now() + MAX_BURST;
        loop {
            let ends_at = lock(&self.burst).map_or(Instant::START, Burst::ends_at).min(give_up_at);
            let wait = ends_at.since(self.now());
            if wait.is_zero() {
                return;
            }
            self.clock.sleep(wait).await;
        }
    }
}
