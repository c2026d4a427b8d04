//! The entry of a list, for many threads that read it at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crossbeam_utils::CachePadded;
use ultracart_transport::{COARSE_LAG, Instant};

use super::entry::Entry;
use super::generations::Generation;
use super::response::{Cached, Served, SharedValue};
use super::stats::{CacheStats, Counters};
use super::sync::lock;

const STRIPES: usize = 16;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// A number for each thread that reads a list. Consecutive threads use different stripes.
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// The entry of a list, in 16 stripes with a lock and a reference count each. A thread always reads through the same stripe.
///
/// So threads that read at the same time seldom write to the same cache line, which takes several times as long.
pub(super) struct ListEntry<V: ?Sized>(Box<[CachePadded<Mutex<Stripe<V>>>; STRIPES]>);

struct Stripe<V: ?Sized> {
    list: Option<Striped<V>>,
    stats: CacheStats,
}

/// The entry, and a reference to its value that only the threads of one stripe count.
type Striped<V> = (Arc<Entry<V>>, Arc<CachePadded<Arc<V>>>);

impl<V: ?Sized> ListEntry<V> {
    pub(super) fn new() -> Self {
        let stripe = || Stripe { list: None, stats: CacheStats::default() };
        Self(Box::new(std::array::from_fn(|_| CachePadded::new(Mutex::new(stripe())))))
    }

    pub(super) fn get(&self) -> Option<Arc<Entry<V>>> {
        self.stripe().list.as_ref().map(|(entry, _)| Arc::clone(entry))
    }

    /// Returns the list and counts a hit, if the list was read at or after the generation `required` and is certainly fresh.
    /// `now` may lag by [`COARSE_LAG`].
    #[inline]
    pub(super) fn hit(&self, required: Generation, now: Instant, counters: &Counters) -> Option<Cached<V>> {
        let mut stripe = self.stripe();
        let Stripe { list: Some((entry, value)), stats } = &mut *stripe else { return None };
        if now + COARSE_LAG >= entry.fresh_until || entry.stamp.generation < required {
            return None;
        }
        counters.hit_in(stats, entry.pages);
        let (value, stamp) = (SharedValue::Striped(Arc::clone(value)), entry.stamp);
        drop(stripe);
        Some(Cached::new(value, stamp, now, Served::Fresh, 0))
    }

    pub(super) fn stats(&self) -> CacheStats {
        let mut sum = CacheStats::default();
        self.0.iter().for_each(|stripe| sum += lock(stripe).stats);
        sum
    }

    pub(super) fn insert(&self, entry: &Arc<Entry<V>>) {
        for stripe in self.0.iter() {
            let value = Arc::new(CachePadded::new(Arc::clone(&entry.value)));
            // Dropped after the lock is released: a list can be large.
            let _previous = lock(stripe).list.replace((Arc::clone(entry), value));
        }
    }

    /// Removes the entry if `is_removed` returns true for it.
    pub(super) fn remove_if(&self, is_removed: impl Fn(&Arc<Entry<V>>) -> bool) {
        for stripe in self.0.iter() {
            let _removed = lock(stripe).list.take_if(|(entry, _)| is_removed(entry));
        }
    }

    fn stripe(&self) -> MutexGuard<'_, Stripe<V>> {
        lock(&self.0[THREAD.with(|thread| *thread) % STRIPES])
    }
}
