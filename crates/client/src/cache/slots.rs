//! The same thing once for each thread, so that threads need not meet at it.

use super::sync::{Mutex, MutexGuard, lock};

/// Things behind locks, each on cache lines of its own: whoever takes one of them costs nobody else anything.
#[derive(Debug)]
pub(crate) struct Slots<T>(Box<[Slot<T>]>);

#[derive(Debug)]
#[repr(align(128))]
struct Slot<T>(Mutex<T>);

impl<T> Slots<T> {
    pub(crate) fn new(count: usize, empty: impl Fn() -> T) -> Self {
        Self((0..count).map(|_| Slot(Mutex::new(empty()))).collect())
    }

    /// The one for the thread with this number. Where there are more threads than slots, some have one together.
    #[inline]
    pub(crate) fn of(&self, thread: usize) -> MutexGuard<'_, T> {
        lock(&self.0[thread % self.0.len()].0)
    }

    /// All of them at once: nobody sees one that is changed and then one that is not.
    pub(crate) fn all(&self) -> Vec<MutexGuard<'_, T>> {
        self.0.iter().map(|slot| lock(&slot.0)).collect()
    }
}
