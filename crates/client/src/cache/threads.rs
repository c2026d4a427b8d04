//! What a thread has of its own in a cache.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::entry::{Entry, Lifetime};
use super::surroundings::nanos;

/// So many threads at once share nothing.
pub(super) const THREADS: usize = 16;

/// This thread's number.
#[inline]
pub(super) fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: Cell<Option<usize>> = const { Cell::new(None) });
    NUMBER.get().unwrap_or_else(|| {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        NUMBER.set(Some(number));
        number
    })
}

/// What a thread has of its own in a cache. All of it belongs to the cache: a thread that ends, or never reads again, keeps
/// nothing alive.
pub(super) struct Own<K, V: ?Sized> {
    /// The latest entry of the cache.
    pub(super) latest: Option<Latest<K, V>>,
    pub(super) hits: u64,
    /// What those have saved.
    pub(super) calls_saved: u64,
}

/// An entry, with its value to be lent.
pub(super) struct Latest<K, V: ?Sized> {
    pub(super) entry: Arc<Entry<K, V>>,
    pub(super) loan: Arc<Loan<V>>,
    /// When the server was asked for it, and when it is fresh no longer if no webhooks come, in nanoseconds: no arithmetic of
    /// times for a hit.
    pub(super) loaded_at: u64,
    pub(super) fresh_until: u64,
}

/// A value that is shared by all, with a count of its own for those of one thread who hold it. On cache lines of its own:
/// threads that count at the same place cost each other more than all the rest of a hit.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Loan<V: ?Sized> {
    value: Arc<V>,
    /// The latest change that it can have seen.
    generation: u64,
}

/// A loan, and how long ago the server was asked for it in nanoseconds: little enough to be handed over in registers.
pub(crate) struct Lent<V: ?Sized> {
    pub(super) loan: Arc<Loan<V>>,
    pub(super) age: u64,
}

impl<K, V: ?Sized> Own<K, V> {
    pub(super) fn new() -> Self {
        Self { latest: None, hits: 0, calls_saved: 0 }
    }

    pub(super) fn hit(&mut self, calls_saved: u32) {
        self.hits += 1;
        self.calls_saved += u64::from(calls_saved);
    }
}

impl<K, V: ?Sized> Latest<K, V> {
    pub(super) fn new(entry: &Arc<Entry<K, V>>, lifetime: Lifetime) -> Self {
        Self {
            entry: Arc::clone(entry),
            loaded_at: nanos(entry.loaded_at),
            fresh_until: nanos(entry.fresh_until(lifetime)),
            loan: Arc::new(Loan { value: Arc::clone(&entry.value), generation: entry.generation }),
        }
    }
}

impl<V: ?Sized> Loan<V> {
    #[inline]
    pub(super) fn value(&self) -> &Arc<V> {
        &self.value
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }
}
