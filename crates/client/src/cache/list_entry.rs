//! The cached list of one operation, read by many threads at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crossbeam_utils::CachePadded;
use ultracart_transport::{COARSE_LAG, Instant};

use super::entry::Entry;
use super::logical_clock::Generation;
use super::response::{Cached, Served, SharedValue};
use super::stats::{CacheStats, Counters};
use super::sync::lock;

const STRIPES: usize = 16;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// A number for each thread that reads a list. Threads with consecutive numbers use different stripes of
    /// a [`ListEntry`].
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// The cached list, which can be read through 16 stripes. All stripes refer to the same list, and each stripe
/// has a lock and a reference count of its own. A thread always reads through the same stripe.
///
/// If all threads shared one reference count, a read would take several times as long, because they would
/// write to the same cache line.
pub(super) struct ListEntry<V: ?Sized>(Box<[CachePadded<Mutex<Stripe<V>>>; STRIPES]>);

struct Stripe<V: ?Sized> {
    list: Option<StripedList<V>>,
    stats: CacheStats,
}

/// The entry, and a reference to its value. The outer `Arc` of this reference belongs to one stripe: only
/// that stripe's threads change its reference count.
type StripedList<V> = (Arc<Entry<V>>, Arc<CachePadded<Arc<V>>>);

impl<V: ?Sized> ListEntry<V> {
    pub(super) fn new() -> Self {
        let stripe = || Stripe { list: None, stats: CacheStats::default() };
        Self(Box::new(std::array::from_fn(|_| CachePadded::new(Mutex::new(stripe())))))
    }

    pub(super) fn get(&self) -> Option<Arc<Entry<V>>> {
        self.stripe().list.as_ref().map(|(entry, _)| Arc::clone(entry))
    }

    /// Returns the list and counts a hit. Returns `None` if there is no list, if the list was read before the
    /// generation `required`, or if the list may no longer be fresh. The actual time may be up to
    /// [`COARSE_LAG`] after `now`.
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

    /// Removes the entry if `should_remove` returns true for it.
    pub(super) fn remove_if(&self, should_remove: impl Fn(&Arc<Entry<V>>) -> bool) {
        for stripe in self.0.iter() {
            let _removed = lock(stripe).list.take_if(|(entry, _)| should_remove(entry));
        }
    }

    fn stripe(&self) -> MutexGuard<'_, Stripe<V>> {
        lock(&self.0[THREAD.with(|thread| *thread) % STRIPES])
    }
}
