//! What all caches of a client go by: the time, the quota, and whether webhooks come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use ultracart_transport::limiter::{Constraint, Limiter};
use ultracart_transport::{Clock, Instant};

/// A reload waits until no event has come for this long, so that a burst of them costs one.
const QUIET: Duration = Duration::from_millis(250);

/// No reload waits longer than this for a burst to end.
const LONGEST_BURST: Duration = Duration::from_secs(2);

/// What is read ahead of time leaves at least one in so many of each window's calls.
const RESERVE: u32 = 10;

/// How far a clock may be ahead of its coarse reading, in nanoseconds.
pub(super) const TICK: u64 = 50_000_000;

#[derive(Debug)]
pub(crate) struct Surroundings {
    clock: Arc<dyn Clock>,
    limiter: Limiter,
    /// How long what webhooks tell of is good while they come.
    webhook_ttl: Duration,
    deliveries: Deliveries,
    burst: Mutex<Option<Burst>>,
    spare_calls: Semaphore,
}

/// When webhooks came, in nanoseconds from 1 on; 0 is never.
#[derive(Debug, Default)]
struct Deliveries {
    /// The first one, or the first after a time so long that others may have been lost.
    first: AtomicU64,
    last: AtomicU64,
}

/// Events that come one after the other.
#[derive(Clone, Copy, Debug)]
struct Burst {
    first: Duration,
    last: Duration,
}

impl Surroundings {
    pub(super) fn new(limiter: Limiter, webhook_ttl: Duration) -> Self {
        let clock = Arc::clone(limiter.clock());
        Self {
            clock,
            limiter,
            webhook_ttl,
            deliveries: Deliveries::default(),
            burst: Mutex::new(None),
            spare_calls: Semaphore::new(1),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now().since(Instant::START)
    }

    /// The time in nanoseconds, for less: it may be up to [`TICK`] ahead of this.
    #[inline]
    pub(super) fn coarse(&self) -> u64 {
        self.clock.coarse_now().as_nanos()
    }

    /// The longest time that anything is good.
    pub(super) fn longest_ttl(&self, ttl: Duration) -> Duration {
        ttl.max(self.webhook_ttl)
    }

    /// How long what was loaded then is good, while webhooks come that would tell of a change. They have to have come
    /// before it was loaded, so that none was missed, and lately.
    #[inline]
    pub(super) fn webhook_ttl(&self, loaded_at: Duration, now: Duration) -> Option<Duration> {
        let last = self.deliveries.last.load(Ordering::Acquire);
        let first = self.deliveries.first.load(Ordering::Acquire);
        (first < nanos(loaded_at) && self.still_come(last, now)).then_some(self.webhook_ttl)
    }

    /// Whether they still come where the last one came then.
    fn still_come(&self, last: u64, now: Duration) -> bool {
        last > 0 && now.saturating_sub(Duration::from_nanos(last)) < self.webhook_ttl
    }

    /// A delivery has come, and its sender has proved to be UltraCart.
    #[cfg(any(test, feature = "webhook"))]
    pub(super) fn on_delivery(&self) {
        let now = self.now();
        let at = nanos(now).max(1);
        if !self.still_come(self.deliveries.last.load(Ordering::Acquire), now) {
            // Before `last`, so that nobody takes what was read during the lapse for read after it.
            self.deliveries.first.fetch_max(at, Ordering::AcqRel);
        }
        self.deliveries.last.fetch_max(at, Ordering::AcqRel);
    }

    /// An event has made something invalid, and may not be the last.
    #[cfg(any(test, feature = "webhook"))]
    pub(super) fn on_event(&self) {
        let now = self.now();
        let mut burst = self.burst();
        *burst = Some(match *burst {
            Some(burst) if now < burst.end() => Burst { last: now, ..burst },
            _ => Burst { first: now, last: now },
        });
    }

    /// Ends when no burst of events is under way, and at last when as much time has gone by as the longest one takes.
    pub(super) async fn quiet(&self) {
        let latest = self.now().saturating_add(LONGEST_BURST);
        loop {
            let end = self.burst().map_or(Duration::ZERO, Burst::end).min(latest);
            let wait = end.saturating_sub(self.now());
            if wait.is_zero() {
                return;
            }
            self.clock.sleep(wait).await;
        }
    }

    /// So many calls that nobody waits for, if the quota allows them. For one load at a time: each sees what is left by the
    /// one before it.
    pub(super) async fn spare_calls(&self, calls: u32) -> Option<SemaphorePermit<'_>> {
        let permit = self.spare_calls.try_acquire().ok()?;
        let snapshot = self.limiter.snapshot().await.ok()?;
        let is_held = snapshot.closed.is_some_and(|closed| closed.because == Constraint::Hold);
        let is_left = snapshot.windows.iter().all(|window| {
            let burst = window.window.burst.unwrap_or(window.window.calls);
            window.remaining >= burst.div_ceil(RESERVE).saturating_add(calls)
        });
        (is_left && !is_held).then_some(permit)
    }

    fn burst(&self) -> std::sync::MutexGuard<'_, Option<Burst>> {
        self.burst.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Burst {
    fn end(self) -> Duration {
        let quiet = self.last.saturating_add(QUIET);
        quiet.min(self.first.saturating_add(LONGEST_BURST))
    }
}

/// For an atomic.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
