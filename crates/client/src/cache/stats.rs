//! What the cache was good for, counted.
//!
//! With the feature `metrics` also through its facade, each with a label `operation`:
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

/// What a cache was good for since its client was built; see [`Client::snapshot`](crate::Client::snapshot).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheStats {
    /// Reads that were answered with what was remembered and good.
    pub hits: u64,
    /// Reads that waited for a call that another read had begun, whatever it came to.
    pub joins: u64,
    /// Reads that began a load, be it one call, several, or none because all readers went away before its turn came. A read by
    /// [`CachePolicy::Bypass`](crate::CachePolicy::Bypass) counts nowhere.
    pub misses: u64,
    /// Reads that were answered with what was too old or invalid.
    pub stale: u64,
    /// Loads that were sent ahead of time, for reads to come. One that gave way before that to whoever waits is none.
    pub refreshes: u64,
    /// Loads ahead of time that were not made, to keep the rest of the quota for what waits for it.
    pub refreshes_skipped: u64,
    /// What was read and not remembered, since something changed meanwhile.
    pub discarded: u64,
    /// Reads that were answered with the error of a call a moment ago.
    pub failures_repeated: u64,
    /// Calls that would have been made without the cache, less those that it made ahead of time.
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

/// What is counted beside hits and joins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Counted {
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
    facade: sink::Hits,
    stats: Mutex<CacheStats>,
    refresh_calls: AtomicU64,
}

impl Counters {
    pub(super) fn new(operation: &'static str) -> Self {
        let (facade, stats) = (sink::Hits::new(operation), Mutex::default());
        Self { operation, facade, stats, refresh_calls: AtomicU64::default() }
    }

    pub(super) fn hit(&self, calls_saved: u32) {
        self.hit_in(&mut lock(&self.stats), calls_saved);
    }

    /// Counts a hit in `stats`, which the caller adds to [`stats`](Self::stats).
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

    /// A refresh ahead of expiry was sent, and made this many calls.
    pub(super) fn refresh(&self, calls: u32) {
        self.refresh_calls.fetch_add(calls.into(), Ordering::Relaxed);
        self.count(Counted::Refresh);
    }

    pub(super) fn count(&self, counted: Counted) {
        let mut stats = lock(&self.stats);
        let total = match counted {
            Counted::Miss => &mut stats.misses,
            Counted::Stale => &mut stats.stale,
            Counted::Refresh => &mut stats.refreshes,
            Counted::RefreshSkipped => &mut stats.refreshes_skipped,
            Counted::Discarded => &mut stats.discarded,
            Counted::FailureRepeated => &mut stats.failures_repeated,
        };
        *total += 1;
        sink::count(self.operation, counted);
    }

    /// Returns the sum of these counters and of `others`.
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
    pub(super) struct Hits;

    impl Hits {
        pub(super) fn new(_: &'static str) -> Self {
            Self
        }
        pub(super) fn hit(&self, _: u32) {}
        pub(super) fn joined(&self, _: &'static str, _: u32) {}
    }

    pub(super) fn count(_: &'static str, _: super::Counted) {}
}

#[cfg(feature = "metrics")]
mod sink {
    use metrics::{Key, Label, Level, Metadata, counter, with_recorder};

    use super::Counted;

    const READS: &str = "ultracart_cache_reads_total";
    const REFRESHES: &str = "ultracart_cache_refreshes_total";
    static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

    /// The keys of what every hit counts: made once, so that a hit allocates nothing.
    #[derive(Debug)]
    pub(super) struct Hits {
        reads: Key,
        calls_saved: Key,
    }

    impl Hits {
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

    pub(super) fn count(operation: &'static str, counted: Counted) {
        let (name, outcome) = match counted {
            Counted::Miss => (READS, "miss"),
            Counted::Stale => (READS, "stale"),
            Counted::Refresh => (REFRESHES, "made"),
            Counted::RefreshSkipped => (REFRESHES, "skipped"),
            Counted::Discarded => {
                return counter!("ultracart_cache_discarded_loads_total", "operation" => operation)
                    .increment(1);
            }
            Counted::FailureRepeated => return,
        };
        counter!(name, "operation" => operation, "outcome" => outcome).increment(1);
    }
}
