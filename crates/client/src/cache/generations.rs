//! What changed when: numbers to compare, never a mark to set and to clear.

use std::collections::HashMap;

use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering, lock};

/// So many objects that have changed are told apart. One more, and all of them count as changed.
const MOST_CHANGED: usize = 100_000;

/// Numbers the changes of all objects of one kind.
///
/// What was read before a change has a lower number than the change, and no change is ever forgotten.
#[derive(Debug)]
pub(crate) struct Generations {
    latest: AtomicU64,
    changes: Mutex<Changes>,
}

#[derive(Debug, Default)]
struct Changes {
    /// The latest change of everything at once.
    all: u64,
    /// The latest change of what all objects say of those of another kind.
    related: u64,
    /// Later changes of one object.
    one: HashMap<i32, u64>,
}

impl Changes {
    fn of(&self, id: i32) -> u64 {
        self.related.max(self.of_itself(id))
    }

    fn of_itself(&self, id: i32) -> u64 {
        self.one.get(&id).map_or(self.all, |number| self.all.max(*number))
    }
}

impl Generations {
    pub(crate) fn new() -> Self {
        Self { latest: AtomicU64::new(0), changes: Mutex::new(Changes::default()) }
    }

    /// The latest change of anything: what a whole list has to be as new as, and the number of what is read from now on.
    pub(crate) fn latest(&self) -> u64 {
        self.latest.load(Ordering::Acquire)
    }

    /// The latest change of one object.
    pub(crate) fn of(&self, id: i32) -> u64 {
        self.changes().of(id)
    }

    /// The same, but for what it says of objects of another kind.
    pub(crate) fn of_itself(&self, id: i32) -> u64 {
        self.changes().of_itself(id)
    }

    /// The latest change of everything.
    pub(crate) fn of_all(&self) -> u64 {
        let changes = self.changes();
        changes.all.max(changes.related)
    }

    /// One object changes, and so does the list of all.
    pub(crate) fn change(&self, id: i32) -> u64 {
        self.change_after(id).1
    }

    /// The same, with the number of the change before it.
    pub(crate) fn change_after(&self, id: i32) -> (u64, u64) {
        let mut changes = self.changes();
        let before = changes.of(id);
        let number = self.change_list();
        if changes.one.len() >= MOST_CHANGED && !changes.one.contains_key(&id) {
            changes.all = number;
            changes.one.clear();
        }
        changes.one.insert(id, number);
        (before, number)
    }

    /// The list changes, and nothing that is in it.
    pub(crate) fn change_list(&self) -> u64 {
        self.latest.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// What all objects say of those of another kind changes.
    pub(crate) fn change_related(&self) {
        let mut changes = self.changes();
        changes.related = self.change_list();
    }

    /// Everything changes.
    pub(crate) fn change_all(&self) -> u64 {
        let mut changes = self.changes();
        let number = self.change_list();
        changes.all = number;
        changes.one.clear();
        number
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        lock(&self.changes)
    }
}

/// Puts a value where all find it, if nothing has changed since it was read. `place` is behind a lock, so that of two
/// the newer one stays.
pub(crate) fn publish<T>(
    place: &mut T,
    generation: u64,
    required: impl FnOnce() -> u64,
    put: impl FnOnce(&mut T),
) -> bool {
    let is_current = generation >= required();
    if is_current {
        put(place);
    }
    is_current
}
