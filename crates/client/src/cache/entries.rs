//! The storage of cache entries: one list, or a bounded map of objects.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;

use super::entry::Entry;
use super::list_entry::ListEntry;
use super::stats::CacheStats;

/// Maximum number of cached objects. The least recently used are evicted first.
const MAX_OBJECTS: u64 = 10_000;

/// Stored entries. They are not checked for freshness here: each read does that.
pub(super) enum Entries<K, V: ?Sized> {
    /// One list, whatever the key.
    List(ListEntry<V>),
    Objects(moka::sync::Cache<K, Arc<Entry<V>>>),
}

impl<K, V> Entries<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
{
    pub(super) fn list() -> Self {
        Self::List(ListEntry::new())
    }

    /// Creates an empty map. Entries older than `max_age` are evicted whenever the map is used.
    pub(super) fn objects(max_age: Duration) -> Self {
        // moka accepts at most 1,000 years.
        let max_age = max_age.clamp(Duration::from_secs(1), Duration::from_hours(24 * 800));
        let objects = moka::sync::Cache::builder().max_capacity(MAX_OBJECTS).time_to_live(max_age);
        Self::Objects(objects.eviction_policy(EvictionPolicy::lru()).build())
    }

    pub(super) fn get(&self, key: K) -> Option<Arc<Entry<V>>> {
        match self {
            Self::List(list) => list.get(),
            Self::Objects(objects) => objects.get(&key),
        }
    }

    pub(super) fn insert(&self, key: K, entry: Arc<Entry<V>>) {
        match self {
            Self::List(list) => list.insert(&entry),
            Self::Objects(objects) => objects.insert(key, entry),
        }
    }

    /// Removes `entry`, unless another one has replaced it.
    pub(super) fn remove(&self, key: K, entry: &Arc<Entry<V>>) {
        match self {
            Self::List(list) => list.remove_if(|present| Arc::ptr_eq(present, entry)),
            Self::Objects(objects) => {
                objects.entry(key).and_compute_with(|kept| match kept {
                    Some(kept) if Arc::ptr_eq(kept.value(), entry) => Op::Remove,
                    _ => Op::Nop,
                });
                objects.run_pending_tasks();
            }
        }
    }

    /// Returns the hits that a list has counted. A map of objects counts no hits, so its counts are all 0.
    pub(super) fn stats(&self) -> CacheStats {
        if let Self::List(list) = self { list.stats() } else { CacheStats::default() }
    }

    pub(super) fn clear(&self) {
        match self {
            Self::List(list) => list.remove_if(|_| true),
            Self::Objects(objects) => {
                objects.iter().for_each(|(key, _)| objects.invalidate(&*key));
                objects.run_pending_tasks();
            }
        }
    }
}
