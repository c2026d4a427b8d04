//! Counters of each cache.
//!
//! With the feature `metrics` they are also metrics, each with a label `operation`:
//!
//! | name | kind | labels |
//! |---|---|---|
//! | `ultracart_cache_reads_total` | counter | `outcome` (`hit`, `join`, `miss`, `stale`) |
//! | `ultracart_cache_calls_saved_total` | counter | |
//! | `ultracart_cache_refreshes_total` | counter | `outcome` (`made`, `skipped`) |
//! | `ultracart_cache_discarded_loads_total` | counter | |

use std::ops::AddAssign;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tracing::trace;

use super::sync::lock;

/// Counters of one cache since its client was built; see [`Client::snapshot`](crate::Client::snapshot).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheStats {
    /// Reads that were served with a fresh cached value.
    pub hits: u64,
    /// Reads that waited for a load of another read, whether it succeeded or failed.
    pub joins: u64,
    /// Reads that started a load, even if the load was withdrawn before it was sent. Reads with
    /// [`CachePolicy::Bypass`](crate::CachePolicy::Bypass) are not counted.
    pub misses: u64,
    /// Reads that were served with an expired or invalidated value.
    pub stale: u64,
    /// Refresh-aheads that were sent.
    pub refreshes: u64,
    /// Refresh-aheads that were skipped: during a hold, during another refresh-ahead, or because they would
    /// have left too few calls to others.
    pub refreshes_skipped: u64,
    /// Loaded values that were not cached, because a change invalidated them during the load.
    pub discarded: u64,
    /// Reads for which a cached failure was found.
    pub failures_repeated: u64,
    /// Calls that hits and joins would have cost without the cache, minus the calls that refresh-aheads cost.
    pub calls_saved: u64,
}

impl AddAssign for CacheStats {
    fn add_assign(&mut self, other: Self) {
        self.hits += other.hits;
        self.joins += other.joins;
        self.misses += other.misses;
        self.stale += other.stale;
        self.refreshes += other.refreshes;
        self.refreshes_skipped += other.refreshes_skipped;
        self.discarded += other.discarded;
        self.failures_repeated += other.failures_repeated;
        self.calls_saved += other.calls_saved;
    }
}

/// An event that is counted; hits and joins have functions of their own.
#[derive(Clone, Copy, Debug)]
pub(super) enum CountedEvent {
    Miss,
    Stale,
    Refresh,
    RefreshSkipped,
    Discarded,
    FailureRepeated,
}

/// The counters of one cache.
#[derive(Debug)]
pub(super) struct Counters {
    operation: &'static str,
    facade: sink::HitMetrics,
    stats: Mutex<CacheStats>,
    refresh_calls: AtomicU64,
}

impl Counters {
    pub(super) fn new(operation: &'static str) -> Self {
        let (facade, stats) = (sink::HitMetrics::new(operation), Mutex::default());
        Self { operation, facade, stats, refresh_calls: AtomicU64::default() }
    }

    pub(super) fn hit(&self, calls_saved: u32) {
        self.hit_in(&mut lock(&self.stats), calls_saved);
    }

    /// Counts a hit in `stats` instead of these counters. The caller keeps `stats`, and later passes it to
    /// [`Self::stats`], which adds it to these counters' values.
    pub(super) fn hit_in(&self, stats: &mut CacheStats, calls_saved: u32) {
        stats.hits += 1;
        stats.calls_saved += u64::from(calls_saved);
        self.facade.hit(calls_saved);
        trace!(operation = self.operation, cache = "hit");
    }

    pub(super) fn join(&self, calls_saved: u32) {
        let mut stats = lock(&self.stats);
        stats.joins += 1;
        stats.calls_saved += u64::from(calls_saved);
        self.facade.joined(self.operation, calls_saved);
        trace!(operation = self.operation, cache = "join");
    }

    /// Counts a refresh-ahead that was sent, and its calls.
    pub(super) fn refresh(&self, calls: u32) {
        self.refresh_calls.fetch_add(calls.into(), Ordering::Relaxed);
        self.count(CountedEvent::Refresh);
    }

    pub(super) fn count(&self, event: CountedEvent) {
        let mut stats = lock(&self.stats);
        let total = match event {
            CountedEvent::Miss => &mut stats.misses,
            CountedEvent::Stale => &mut stats.stale,
            CountedEvent::Refresh => &mut stats.refreshes,
            CountedEvent::RefreshSkipped => &mut stats.refreshes_skipped,
            CountedEvent::Discarded => &mut stats.discarded,
            CountedEvent::FailureRepeated => &mut stats.failures_repeated,
        };
        *total += 1;
        sink::count(self.operation, event);
    }

    /// Adds `others` to these counters and returns the sum. `others` are the hits that were counted with
    /// [`hit_in`](Self::hit_in).
    pub(super) fn stats(&self, others: CacheStats) -> CacheStats {
        let mut stats = *lock(&self.stats);
        stats += others;
        stats.calls_saved = stats.calls_saved.saturating_sub(self.refresh_calls.load(Ordering::Relaxed));
        stats
    }
}

#[cfg(not(feature = "metrics"))]
#[expect(clippy::unused_self, reason = "with the feature they have work to do")]
mod sink {
    #[derive(Debug)]
    pub(super) struct HitMetrics;

    impl HitMetrics {
        pub(super) fn new(_: &'static str) -> Self {
            Self
        }
        pub(super) fn hit(&self, _: u32) {}
        pub(super) fn joined(&self, _: &'static str, _: u32) {}
    }

    pub(super) fn count(_: &'static str, _: super::CountedEvent) {}
}

#[cfg(feature = "metrics")]
mod sink {
    use metrics::{Key, Label, Level, Metadata, counter, with_recorder};

    use super::CountedEvent;

    const READS: &str = "ultracart_cache_reads_total";
    const REFRESHES: &str = "ultracart_cache_refreshes_total";
    static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

    /// The keys of the metrics that a hit or a joined load changes. They are created once, so that a hit
    /// allocates nothing.
    #[derive(Debug)]
    pub(super) struct HitMetrics {
        reads: Key,
        calls_saved: Key,
    }

    impl HitMetrics {
        pub(super) fn new(operation: &'static str) -> Self {
            let operation = Label::new("operation", operation);
            let calls_saved = Key::from_parts("ultracart_cache_calls_saved_total", vec![operation.clone()]);
            let reads = Key::from_parts(READS, vec![operation, Label::new("outcome", "hit")]);
            Self { reads, calls_saved }
        }

        pub(super) fn hit(&self, calls_saved: u32) {
            add(&self.reads, 1);
            add(&self.calls_saved, calls_saved);
        }

        pub(super) fn joined(&self, operation: &'static str, calls_saved: u32) {
            counter!(READS, "operation" => operation, "outcome" => "join").increment(1);
            add(&self.calls_saved, calls_saved);
        }
    }

    fn add(key: &Key, count: u32) {
        with_recorder(|recorder| recorder.register_counter(key, &METADATA).increment(count.into()));
    }

    pub(super) fn count(operation: &'static str, event: CountedEvent) {
        let (name, outcome) = match event {
            CountedEvent::Miss => (READS, "miss"),
            CountedEvent::Stale => (READS, "stale"),
            CountedEvent::Refresh => (REFRESHES, "made"),
            CountedEvent::RefreshSkipped => (REFRESHES, "skipped"),
            CountedEvent::Discarded => {
                return counter!("ultracart_cache_discarded_loads_total", "operation" => operation)
                    .increment(1);
            }
            CountedEvent::FailureRepeated => return,
        };
        counter!(name, "operation" => operation, "outcome" => outcome).increment(1);
    }
}
