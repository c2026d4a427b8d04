//! When webhooks came: how far they can be relied on, and whether more of them follow.

use std::sync::Mutex;
use std::time::Duration;

use ultracart_transport::Instant;

use super::sync::{AtomicInstant, lock};

/// A reload waits until no event has come for this long.
const QUIET: Duration = Duration::from_millis(250);

/// No reload waits longer than this for a burst of events to end.
const MAX_BURST: Duration = Duration::from_secs(2);

/// When webhook deliveries and events came.
#[derive(Debug)]
pub(super) struct WebhookActivity {
    /// How long a value that webhooks report changes of is fresh, while they come.
    ttl: Duration,
    /// The first delivery since the latest pause that was long enough for deliveries to have been lost.
    reliable_since: AtomicInstant,
    latest: AtomicInstant,
    burst: Mutex<Option<Burst>>,
}

/// Events that follow each other closely.
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

impl WebhookActivity {
    pub(super) fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            reliable_since: AtomicInstant::default(),
            latest: AtomicInstant::default(),
            burst: Mutex::default(),
        }
    }

    /// Returns whether webhooks would have reported every change since `read_at`: they came before it, and still come.
    pub(super) fn cover(&self, read_at: Instant, now: Instant) -> bool {
        self.reliable_since.load() < read_at && self.still_come(self.latest.load(), now)
    }

    fn still_come(&self, latest: Instant, now: Instant) -> bool {
        latest > Instant::START && now.since(latest) < self.ttl
    }

    /// An authenticated delivery came.
    #[cfg(feature = "webhook")]
    pub(super) fn on_delivery(&self, now: Instant) {
        let now = now.max(Instant::from_nanos(1));
        if !self.still_come(self.latest.load(), now) {
            // Before `latest`, so that no value read during the pause counts as covered.
            self.reliable_since.advance_to(now);
        }
        self.latest.advance_to(now);
    }

    /// An event invalidated something, and more events may follow.
    #[cfg(feature = "webhook")]
    pub(super) fn on_event(&self, now: Instant) {
        let mut burst = lock(&self.burst);
        *burst = Some(match *burst {
            Some(burst) if now < burst.ends_at() => Burst { last: now, ..burst },
            _ => Burst { first: now, last: now },
        });
    }

    /// Returns how long to wait for the current burst to end, for a load that has waited since `started`.
    pub(super) fn quiet_in(&self, started: Instant, now: Instant) -> Option<Duration> {
        let burst_ends_at = lock(&self.burst).map(Burst::ends_at)?;
        let wait = burst_ends_at.min(started + MAX_BURST).since(now);
        Some(wait).filter(|wait| !wait.is_zero())
    }
}
