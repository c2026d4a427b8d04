//! Logical clocks that order changes and reads.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ultracart_transport::Instant;

use super::sync::{AtomicInstant, lock};

/// Maximum number of objects whose changes are recorded one by one. Beyond it, all objects count as changed.
const MAX_CHANGED_OBJECTS: usize = 100_000;

/// How long lists may lag behind a write of this client. UltraCart documents no such lag.
pub(super) const LIST_LAG: Duration = Duration::from_secs(5);

/// A reading of a logical clock. A value that was read at a generation includes every change up to that
/// generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(u64);

/// The generation of a value, and the time at which the call that returned the value was sent. Of two values,
/// the one with the greater stamp is newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReadStamp {
    pub(crate) generation: Generation,
    pub(super) at: Instant,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The object with this raw id changed. The list contains it, so the list changed, too.
    Object(i32),
    /// Only the list: an object was inserted whose id is not known yet.
    List,
    /// All objects of this kind, because an object of the other kind changed: users contain data of their
    /// groups, and groups contain data of their users.
    Related,
    Everything,
}

/// The latest change of one object or of all objects.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LatestChange {
    pub(super) generation: Generation,
    /// Lists that are requested before this instant can still lack the change.
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

/// The logical clock of all objects of one kind. It ticks on every change and on every read with
/// `CachePolicy::Refresh`.
#[derive(Debug, Default)]
pub(crate) struct LogicalClock {
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

impl LogicalClock {
    /// Advances the clock. Loads that are sent from now on have at least the returned generation; loads sent
    /// earlier have a lower one.
    pub(super) fn tick(&self) -> Generation {
        Generation(self.now.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// Returns the stamp for a load that is sent now, and records that a load was sent.
    pub(super) fn stamp(&self, at: Instant) -> ReadStamp {
        self.latest_read.advance_to(at);
        ReadStamp { generation: Generation(self.now.load(Ordering::Acquire)), at }
    }

    /// Returns whether any load was sent after `instant`.
    pub(super) fn has_read_since(&self, instant: Instant) -> bool {
        self.latest_read.load() > instant
    }

    /// Returns the generation of the latest change of any object.
    pub(super) fn latest_change_of_any(&self) -> Generation {
        Generation(self.latest_change.load(Ordering::Acquire))
    }

    /// Returns the end of the time in which lists may lag behind a write of this client.
    pub(super) fn lists_lag_until(&self) -> Instant {
        self.lists_lag_until.load()
    }

    /// Returns the latest change that affects this object: a change of the object alone, or of all objects.
    pub(super) fn latest_change_of(&self, raw_id: i32) -> LatestChange {
        lock(&self.changes).latest_change_of(raw_id)
    }

    /// Returns the latest change that affects all objects.
    pub(super) fn latest_change_of_all(&self) -> LatestChange {
        lock(&self.changes).latest_change_of_all()
    }

    /// Records a change. Lists that are requested before `lists_lag_until` can still lack it.
    pub(super) fn record(&self, change: Change, lists_lag_until: Instant) -> RecordedChange {
        let mut changes = lock(&self.changes);
        let generation = self.tick();
        let latest = LatestChange { generation, lists_lag_until };
        self.lists_lag_until.advance_to(lists_lag_until);
        let previous = match change {
            Change::Object(raw_id) => changes.latest_change_of(raw_id).generation,
            _ => changes.latest_change_of_all().generation,
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
                // This change covers the dropped records.
                let lists_lag_until = self.lists_lag_until();
                changes.everything = LatestChange { generation, lists_lag_until };
                changes.objects.clear();
            }
        }
        self.latest_change.fetch_max(generation.0, Ordering::AcqRel);
        RecordedChange { generation, previous }
    }
}

/// The generation of a recorded change, and the generation of the change before it.
///
/// If one object changed, `previous` belongs to the latest earlier change that affected this object. If
/// anything else changed, `previous` belongs to the latest earlier change that affected all objects.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordedChange {
    pub(super) generation: Generation,
    pub(super) previous: Generation,
}

impl Changes {
    fn latest_change_of(&self, raw_id: i32) -> LatestChange {
        let all = self.latest_change_of_all();
        self.objects.get(&raw_id).map_or(all, |change| all.and(*change))
    }

    fn latest_change_of_all(&self) -> LatestChange {
        self.everything.and(self.related)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_changed_objects_invalidate_everything() {
        let logical_clock = LogicalClock::default();
        let change = |raw_id| logical_clock.record(Change::Object(raw_id), Instant::START);
        let ids = 1..=i32::try_from(MAX_CHANGED_OBJECTS).unwrap();
        ids.for_each(|raw_id| _ = change(raw_id));
        let read = logical_clock.stamp(Instant::START).generation;
        change(7);
        assert!(
            logical_clock.latest_change_of(7).generation > read
                && logical_clock.latest_change_of(8).generation <= read
        );
        change(0);
        assert!(
            logical_clock.latest_change_of(8).generation > read
                && logical_clock.latest_change_of(-1).generation > read
        );
        let read = logical_clock.stamp(Instant::START).generation;
        change(8);
        assert!(
            logical_clock.latest_change_of(8).generation > read
                && logical_clock.latest_change_of(7).generation <= read
        );
    }

    #[test]
    fn a_refresh_invalidates_nothing() {
        let logical_clock = LogicalClock::default();
        logical_clock.record(Change::Object(7), Instant::START);
        let before = logical_clock.stamp(Instant::START).generation;
        let refresh = logical_clock.tick();
        assert!(refresh > before && logical_clock.latest_change_of_any() <= before);
        assert!(logical_clock.stamp(Instant::START).generation >= refresh);
    }
}
