//! Logical clocks that order changes and reads.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ultracart_transport::Instant;

use super::sync::{AtomicInstant, lock};

/// Objects whose changes are recorded one by one. With one more, all objects count as changed.
const MAX_CHANGED_OBJECTS: usize = 100_000;

/// How long lists may lag behind a write of this client. UltraCart documents no such lag.
pub(super) const LIST_LAG: Duration = Duration::from_secs(5);

/// A reading of a logical clock. A value that was read at a generation has seen every change up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(u64);

/// The generation and the time at which a value was read. Of two values, the one with the greater stamp is newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReadStamp {
    pub(crate) generation: Generation,
    pub(super) at: Instant,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// One object, by its raw id, and so the list.
    Object(i32),
    /// The list: there is a new object, whose id is not known yet.
    List,
    /// What every object says about objects of the other kind, which have changed.
    Related,
    Everything,
}

/// The latest change of an object, or of all objects.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LatestChange {
    pub(super) generation: Generation,
    /// Lists that were sent before this instant may not show it yet.
    pub(super) lists_lag_until: Instant,
}

impl LatestChange {
    fn and(self, other: Self) -> Self {
        Self {
            generation: self.generation.max(other.generation),
            lists_lag_until: self.lists_lag_until.max(other.lists_lag_until),
        }
    }
}

/// The logical clock of all objects of one kind. It ticks on every change and on every request for a refresh.
#[derive(Debug, Default)]
pub(crate) struct Generations {
    now: AtomicU64,
    latest_change: AtomicU64,
    latest_read: AtomicInstant,
    lists_lag_until: AtomicInstant,
    changes: Mutex<Changes>,
}

#[derive(Debug, Default)]
struct Changes {
    everything: LatestChange,
    related: LatestChange,
    objects: HashMap<i32, LatestChange>,
}

impl Generations {
    /// Advances the clock. Only loads that are sent from now on have at least the returned generation.
    pub(super) fn tick(&self) -> Generation {
        Generation(self.now.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// Returns the stamp of a load that is sent next, and notes that one is sent.
    pub(super) fn stamp(&self, at: Instant) -> ReadStamp {
        self.latest_read.advance_to(at);
        ReadStamp { generation: Generation(self.now.load(Ordering::Acquire)), at }
    }

    /// Returns whether any load was sent after `instant`.
    pub(super) fn has_read_since(&self, instant: Instant) -> bool {
        self.latest_read.load() > instant
    }

    /// Returns the generation of the latest change of anything, which a whole list must have seen.
    pub(super) fn of_list(&self) -> Generation {
        Generation(self.latest_change.load(Ordering::Acquire))
    }

    /// Returns until when lists may lag behind a write of this client.
    pub(super) fn lists_lag_until(&self) -> Instant {
        self.lists_lag_until.load()
    }

    /// Returns the latest change of one object.
    pub(super) fn of_object(&self, raw_id: i32) -> LatestChange {
        lock(&self.changes).of_object(raw_id)
    }

    /// Returns the latest change that affects all objects.
    pub(super) fn of_all_objects(&self) -> LatestChange {
        lock(&self.changes).of_all_objects()
    }

    /// Records a change, which lists may not show until `lists_lag_until`. Returns its generation, and that of the previous
    /// change of the same object (of all objects, if it is not a change of one).
    pub(super) fn record(&self, change: Change, lists_lag_until: Instant) -> Recorded {
        let mut changes = lock(&self.changes);
        let generation = self.tick();
        let latest = LatestChange { generation, lists_lag_until };
        self.lists_lag_until.advance_to(lists_lag_until);
        let previous = match change {
            Change::Object(raw_id) => changes.of_object(raw_id).generation,
            _ => changes.of_all_objects().generation,
        };
        match change {
            Change::List => {}
            Change::Related => changes.related = changes.related.and(latest),
            Change::Object(raw_id)
                if changes.objects.len() < MAX_CHANGED_OBJECTS || changes.objects.contains_key(&raw_id) =>
            {
                let known = changes.objects.entry(raw_id).or_default();
                *known = known.and(latest);
            }
            Change::Object(_) | Change::Everything => {
                // It covers the records that are dropped.
                let lists_lag_until = self.lists_lag_until();
                changes.everything = LatestChange { generation, lists_lag_until };
                changes.objects.clear();
            }
        }
        self.latest_change.fetch_max(generation.0, Ordering::AcqRel);
        Recorded { generation, previous }
    }
}

/// A change, and the latest change of the same object before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded {
    pub(super) generation: Generation,
    pub(super) previous: Generation,
}

impl Changes {
    fn of_object(&self, raw_id: i32) -> LatestChange {
        let all = self.of_all_objects();
        self.objects.get(&raw_id).map_or(all, |change| all.and(*change))
    }

    fn of_all_objects(&self) -> LatestChange {
        self.everything.and(self.related)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_changed_objects_invalidate_everything() {
        let generations = Generations::default();
        let change = |raw_id| generations.record(Change::Object(raw_id), Instant::START);
        let ids = 1..=i32::try_from(MAX_CHANGED_OBJECTS).unwrap();
        ids.for_each(|raw_id| _ = change(raw_id));
        let read = generations.stamp(Instant::START).generation;
        change(7);
        assert!(generations.of_object(7).generation > read && generations.of_object(8).generation <= read);
        change(0);
        assert!(generations.of_object(8).generation > read && generations.of_object(-1).generation > read);
        let read = generations.stamp(Instant::START).generation;
        change(8);
        assert!(generations.of_object(8).generation > read && generations.of_object(7).generation <= read);
    }

    #[test]
    fn a_refresh_invalidates_nothing() {
        let generations = Generations::default();
        generations.record(Change::Object(7), Instant::START);
        let before = generations.stamp(Instant::START).generation;
        let refresh = generations.tick();
        assert!(refresh > before && generations.of_list() <= before);
        assert!(generations.stamp(Instant::START).generation >= refresh);
    }
}
