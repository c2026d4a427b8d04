//! What threads have of their own, so that they need not meet at it.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::cached::Cached;
use super::entry::Entry;

/// So many threads at once share nothing. A power of two.
pub(super) const THREADS: usize = 16;

/// This thread's number, below [`THREADS`].
#[inline]
pub(super) fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) });
    let number = NUMBER.get();
    if number < THREADS {
        return number;
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed) % THREADS;
    NUMBER.set(number);
    number
}

/// A value that is shared, with a count of its own for those of one thread who hold it. On cache lines of its own: threads
/// that count at the same place cost each other more than all the rest of a hit.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Loan<V: ?Sized>(Arc<V>);

impl<V: ?Sized> Loan<V> {
    pub(super) fn value(&self) -> &Arc<V> {
        &self.0
    }
}

/// A loan, and how long ago the server was asked for it in nanoseconds: little enough to be handed over in registers.
pub(crate) struct Lent<V: ?Sized> {
    loan: Arc<Loan<V>>,
    age: u64,
    generation: u64,
}

impl<V: ?Sized> From<Lent<V>> for Cached<V> {
    #[inline]
    fn from(lent: Lent<V>) -> Self {
        Self::lent(lent.loan, Duration::from_nanos(lent.age), lent.generation)
    }
}

/// The latest entry, once for each thread, behind a lock that threads do not meet at: a hit takes it once, for the entry
/// and to be counted.
pub(super) struct Slots<K, V: ?Sized>(Box<[Slot<K, V>]>);

#[repr(align(128))]
struct Slot<K, V: ?Sized>(Mutex<Held<K, V>>);

pub(super) struct Held<K, V: ?Sized> {
    latest: Option<Latest<K, V>>,
    pub(super) hits: u64,
    /// What those have saved.
    pub(super) calls_saved: u64,
}

struct Latest<K, V: ?Sized> {
    entry: Arc<Entry<K, V>>,
    loan: Arc<Loan<V>>,
}

impl<K, V: ?Sized> Slots<K, V> {
    pub(super) fn none() -> Self {
        Self(Box::default())
    }

    pub(super) fn new() -> Self {
        let empty = || Held { latest: None, hits: 0, calls_saved: 0 };
        Self((0..THREADS).map(|_| Slot(Mutex::new(empty()))).collect())
    }

    /// This thread's, if there are any.
    #[inline]
    pub(super) fn own(&self) -> Option<MutexGuard<'_, Held<K, V>>> {
        self.0.get(number()).map(Slot::lock)
    }

    /// Puts another entry into all of them, where `is_replaced`. In between nobody sees one of them, so that nobody finds
    /// an older one than somebody else has found before. `meanwhile` is done before anybody looks again.
    pub(super) fn set(
        &self,
        entry: Option<&Arc<Entry<K, V>>>,
        is_replaced: impl Fn(&Arc<Entry<K, V>>) -> bool,
        meanwhile: impl FnOnce(),
    ) {
        let mut slots: Vec<_> = self.0.iter().map(Slot::lock).collect();
        let replaced = slots.iter_mut().map(|slot| &mut slot.latest);
        let replaced =
            replaced.filter(|latest| latest.as_ref().is_none_or(|latest| is_replaced(&latest.entry)));
        let latest = |entry: &Arc<Entry<K, V>>| Latest {
            entry: Arc::clone(entry),
            loan: Arc::new(Loan(Arc::clone(&entry.value))),
        };
        let old: Vec<_> = replaced.map(|place| std::mem::replace(place, entry.map(latest))).collect();
        meanwhile();
        drop(slots);
        // Only now: to free a long list takes time, and nobody waits for it.
        drop(old);
    }

    /// Hits, and calls that they have saved.
    pub(super) fn counts(&self) -> (u64, u64) {
        let counts = self.0.iter().map(Slot::lock).map(|held| (held.hits, held.calls_saved));
        counts.fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1))
    }
}

impl<K, V: ?Sized> Slot<K, V> {
    #[inline]
    fn lock(&self) -> MutexGuard<'_, Held<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V: ?Sized> Held<K, V> {
    #[inline]
    pub(super) fn entry(&self) -> Option<&Entry<K, V>> {
        self.latest.as_ref().map(|latest| &*latest.entry)
    }

    /// A hit, which is counted.
    #[inline]
    pub(super) fn hit(&mut self, now: Duration) -> Option<Lent<V>> {
        let Latest { entry, loan } = self.latest.as_ref()?;
        self.hits += 1;
        self.calls_saved += u64::from(entry.parts);
        let age = now.saturating_sub(entry.loaded_at);
        let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        Some(Lent { loan: Arc::clone(loan), age, generation: entry.generation })
    }
}
