//! Where the entries of a cache are kept.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;

use super::entry::Entry;

/// Objects that a cache keeps at most; the least recently used leave it first.
const MAX_OBJECTS: u64 = 10_000;

/// Stores entries. Each read decides whether an entry may be served.
pub(super) enum Entries<K, V: ?Sized> {
    /// One list, whatever the key. It is read without a lock.
    List(ArcSwapOption<Entry<V>>),
    Objects(moka::sync::Cache<K, Arc<Entry<V>>>),
}

impl<K, V> Entries<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
{
    pub(super) fn list() -> Self {
        Self::List(ArcSwapOption::empty())
    }

    /// Entries older than `max_age` leave memory whenever the cache is used.
    pub(super) fn objects(max_age: Duration) -> Self {
        // moka takes no more than 1,000 years.
        let max_age = max_age.clamp(Duration::from_secs(1), Duration::from_hours(24 * 800));
        let objects = moka::sync::Cache::builder().max_capacity(MAX_OBJECTS).time_to_live(max_age);
        Self::Objects(objects.eviction_policy(EvictionPolicy::lru()).build())
    }

    pub(super) fn get(&self, key: K) -> Option<Arc<Entry<V>>> {
        match self {
            Self::List(list) => list.load_full(),
            Self::Objects(objects) => objects.get(&key),
        }
    }

    pub(super) fn insert(&self, key: K, entry: Arc<Entry<V>>) {
        match self {
            Self::List(list) => list.store(Some(entry)),
            Self::Objects(objects) => objects.insert(key, entry),
        }
    }

    /// Removes `entry`, unless another one has taken its place.
    pub(super) fn remove(&self, key: K, entry: &Arc<Entry<V>>) {
        match self {
            Self::List(list) => _ = list.compare_and_swap(entry, None),
            Self::Objects(objects) => {
                objects.entry(key).and_compute_with(|kept| match kept {
                    Some(kept) if Arc::ptr_eq(kept.value(), entry) => Op::Remove,
                    _ => Op::Nop,
                });
                objects.run_pending_tasks();
            }
        }
    }

    pub(super) fn clear(&self) {
        match self {
            Self::List(list) => list.store(None),
            Self::Objects(objects) => {
                objects.iter().for_each(|(key, _)| objects.invalidate(&*key));
                objects.run_pending_tasks();
            }
        }
    }
}
