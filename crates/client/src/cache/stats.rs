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
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

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

/// The counters of one cache.
#[derive(Debug)]
pub(super) struct Counters {
    operation: &'static str,
    facade: sink::Hits,
    hits: AtomicU64,
    /// Calls that hits saved beyond one each. Apart, so that a hit on a list of one page changes one number.
    further_calls_saved: AtomicU64,
    joins: AtomicU64,
    calls_joined: AtomicU64,
    misses: AtomicU64,
    stale: AtomicU64,
    refreshes: AtomicU64,
    refresh_calls: AtomicU64,
    refreshes_skipped: AtomicU64,
    discarded: AtomicU64,
    failures_repeated: AtomicU64,
}

impl Counters {
    pub(super) fn new(operation: &'static str) -> Self {
        Self {
            operation,
            facade: sink::Hits::new(operation),
            hits: AtomicU64::default(),
            further_calls_saved: AtomicU64::default(),
            joins: AtomicU64::default(),
            calls_joined: AtomicU64::default(),
            misses: AtomicU64::default(),
            stale: AtomicU64::default(),
            refreshes: AtomicU64::default(),
            refresh_calls: AtomicU64::default(),
            refreshes_skipped: AtomicU64::default(),
            discarded: AtomicU64::default(),
            failures_repeated: AtomicU64::default(),
        }
    }

    #[inline]
    pub(super) fn hit(&self, calls_saved: u32) {
        self.hits.fetch_add(1, Ordering::Relaxed);
        if calls_saved > 1 {
            self.further_calls_saved.fetch_add(u64::from(calls_saved) - 1, Ordering::Relaxed);
        }
        self.facade.hit(calls_saved);
    }

    pub(super) fn join(&self, calls_saved: u32) {
        self.joins.fetch_add(1, Ordering::Relaxed);
        self.calls_joined.fetch_add(calls_saved.into(), Ordering::Relaxed);
        sink::read(self.operation, "join");
        self.facade.saved(calls_saved);
    }

    pub(super) fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
        sink::read(self.operation, "miss");
    }

    pub(super) fn stale(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
        sink::read(self.operation, "stale");
    }

    /// A refresh-ahead was sent and made this many calls.
    pub(super) fn refresh(&self, calls: u32) {
        self.refreshes.fetch_add(1, Ordering::Relaxed);
        self.refresh_calls.fetch_add(calls.into(), Ordering::Relaxed);
        sink::refresh(self.operation, "made");
    }

    pub(super) fn refresh_skipped(&self) {
        self.refreshes_skipped.fetch_add(1, Ordering::Relaxed);
        sink::refresh(self.operation, "skipped");
    }

    pub(super) fn discarded(&self) {
        self.discarded.fetch_add(1, Ordering::Relaxed);
        sink::discarded(self.operation);
    }

    pub(super) fn failure_repeated(&self) {
        self.failures_repeated.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> CacheStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let hits = load(&self.hits);
        let calls_saved = hits + load(&self.further_calls_saved) + load(&self.calls_joined);
        CacheStats {
            hits,
            joins: load(&self.joins),
            misses: load(&self.misses),
            stale: load(&self.stale),
            refreshes: load(&self.refreshes),
            refreshes_skipped: load(&self.refreshes_skipped),
            discarded: load(&self.discarded),
            failures_repeated: load(&self.failures_repeated),
            calls_saved: calls_saved.saturating_sub(load(&self.refresh_calls)),
        }
    }
}

#[cfg(not(feature = "metrics"))]
mod sink {
    /// Nothing.
    #[derive(Debug)]
    pub(super) struct Hits;

    impl Hits {
        pub(super) fn new(_: &'static str) -> Self {
            Self
        }
        #[expect(clippy::unused_self, reason = "the same as with the feature")]
        pub(super) fn hit(&self, _: u32) {}
        #[expect(clippy::unused_self, reason = "the same as with the feature")]
        pub(super) fn saved(&self, _: u32) {}
    }

    pub(super) fn read(_: &'static str, _: &'static str) {}
    pub(super) fn refresh(_: &'static str, _: &'static str) {}
    pub(super) fn discarded(_: &'static str) {}
}

#[cfg(feature = "metrics")]
mod sink {
    use metrics::{Key, Label, Level, Metadata, counter, with_recorder};

    static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

    /// The keys of what is counted for every hit: made once, so that a hit allocates nothing.
    #[derive(Debug)]
    pub(super) struct Hits {
        reads: Key,
        saved: Key,
    }

    impl Hits {
        pub(super) fn new(operation: &'static str) -> Self {
            let operation = Label::new("operation", operation);
            let labels = vec![operation.clone(), Label::new("outcome", "hit")];
            Self {
                reads: Key::from_parts("ultracart_cache_reads_total", labels),
                saved: Key::from_parts("ultracart_cache_calls_saved_total", vec![operation]),
            }
        }

        pub(super) fn hit(&self, saved: u32) {
            with_recorder(|recorder| recorder.register_counter(&self.reads, &METADATA).increment(1));
            self.saved(saved);
        }

        pub(super) fn saved(&self, calls: u32) {
            with_recorder(|recorder| {
                recorder.register_counter(&self.saved, &METADATA).increment(calls.into());
            });
        }
    }

    pub(super) fn read(operation: &'static str, outcome: &'static str) {
        counter!("ultracart_cache_reads_total", "operation" => operation, "outcome" => outcome).increment(1);
    }

    pub(super) fn refresh(operation: &'static str, outcome: &'static str) {
        counter!("ultracart_cache_refreshes_total", "operation" => operation, "outcome" => outcome)
            .increment(1);
    }

    pub(super) fn discarded(operation: &'static str) {
        counter!("ultracart_cache_discarded_loads_total", "operation" => operation).increment(1);
    }
}
