//! Where entries are kept: one list, or a bounded map of objects.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;

use super::entry::Entry;

/// Keeps entries by key. Decides nothing: whether an entry is an answer is checked at each read.
pub(crate) trait EntryStore: Send + Sync + 'static {
    type Key: Copy + Debug + Eq + Hash + Send + Sync + 'static;
    type Value: ?Sized + Send + Sync + 'static;

    fn get(&self, key: Self::Key) -> Option<Arc<Entry<Self::Value>>>;

    fn insert(&self, key: Self::Key, entry: Arc<Entry<Self::Value>>);

    /// Removes `entry`, unless another one has taken its place.
    fn remove(&self, key: Self::Key, entry: &Arc<Entry<Self::Value>>);

    fn clear(&self);
}

/// A store of one entry, for a list. Reading it takes no lock.
pub(crate) struct ListSlot<L>(ArcSwapOption<Entry<L>>);

impl<L> ListSlot<L> {
    pub(super) fn new() -> Self {
        Self(ArcSwapOption::empty())
    }

    /// Returns the entry without counting a reference to it.
    #[inline]
    pub(super) fn load(&self) -> Guard<Option<Arc<Entry<L>>>> {
        self.0.load()
    }
}

impl<L: Send + Sync + 'static> EntryStore for ListSlot<L> {
    type Key = ();
    type Value = L;

    fn get(&self, (): ()) -> Option<Arc<Entry<L>>> {
        self.0.load_full()
    }

    fn insert(&self, (): (), entry: Arc<Entry<L>>) {
        self.0.store(Some(entry));
    }

    fn remove(&self, (): (), entry: &Arc<Entry<L>>) {
        self.0.compare_and_swap(entry, None);
    }

    fn clear(&self) {
        self.0.store(None);
    }
}

/// A store of many entries that evicts the least recently used.
pub(crate) struct ObjectMap<K, V: ?Sized>(moka::sync::Cache<K, Arc<Entry<V>>>);

impl<K, V> ObjectMap<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
{
    /// A store that also drops entries older than `max_age`, whenever it is used.
    pub(super) fn new(max_entries: u64, max_age: Duration) -> Self {
        // moka refuses more than 1,000 years, and drops at once what lives for no time.
        let max_age = max_age.clamp(Duration::from_secs(1), Duration::from_hours(24 * 800));
        let map = moka::sync::Cache::builder()
            .max_capacity(max_entries)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(max_age);
        Self(map.build())
    }
}

impl<K, V> EntryStore for ObjectMap<K, V>
where
    K: Copy + Debug + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
{
    type Key = K;
    type Value = V;

    fn get(&self, key: K) -> Option<Arc<Entry<V>>> {
        self.0.get(&key)
    }

    fn insert(&self, key: K, entry: Arc<Entry<V>>) {
        self.0.insert(key, entry);
    }

    fn remove(&self, key: K, entry: &Arc<Entry<V>>) {
        self.0.entry(key).and_compute_with(|kept| match kept {
            Some(kept) if Arc::ptr_eq(kept.value(), entry) => Op::Remove,
            _ => Op::Nop,
        });
        self.0.run_pending_tasks();
    }

    fn clear(&self) {
        for (key, _) in &self.0 {
            self.0.invalidate(&*key);
        }
        self.0.run_pending_tasks();
    }
}
