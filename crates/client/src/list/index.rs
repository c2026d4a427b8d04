//! Indexes for look-ups in a list. They store positions and copy no item.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

/// An index for items that have at most one key each: their positions, sorted by key at the first look-up. It
/// takes 4 bytes for each item.
#[derive(Clone, Default)]
pub(super) struct Index(OnceLock<Box<[u32]>>);

/// An index for items that have any number of keys: pairs of a key and a position, sorted at the first
/// look-up. Each pair takes 8 bytes if a key takes 4.
#[derive(Clone)]
pub(super) struct MultiIndex<K>(OnceLock<Box<[(K, u32)]>>);

/// Returns the items with their positions. A `u32` is large enough: ids are positive `i32`s, so an account
/// has fewer than 2³¹ users and groups.
pub(super) fn with_positions<T>(items: &[Arc<T>]) -> impl Iterator<Item = (u32, &Arc<T>)> {
    (0..=u32::MAX).zip(items)
}

impl Index {
    /// Returns the positions of the items whose key is `wanted`, in the order of the list. `key` returns the
    /// key of an item, and `order` compares two keys. Only the first look-up sorts, so every look-up must
    /// pass the same `items`, `key` and `order`.
    pub(super) fn find<T, K: ?Sized>(
        &self,
        items: &[Arc<T>],
        key: impl Fn(&T) -> Option<&K>,
        order: impl Fn(&K, &K) -> Ordering,
        wanted: &K,
    ) -> &[u32] {
        let key = |position: &u32| key(&items[*position as usize]);
        let compare = |a: Option<&K>, b: Option<&K>| match (a, b) {
            (Some(a), Some(b)) => order(a, b),
            // Items without a key come first.
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        let positions = self.0.get_or_init(|| {
            let mut positions: Vec<u32> = with_positions(items).map(|(position, _)| position).collect();
            // A stable sort: items with the same key stay in the order of the list.
            positions.sort_by(|a, b| compare(key(a), key(b)));
            positions.into()
        });
        equal_range(positions, |position| compare(key(position), Some(wanted)))
    }
}

impl<K: Copy + Ord> MultiIndex<K> {
    /// Returns a `(key, position)` pair for each item that has the key `wanted`, in the order of the list.
    ///
    /// `keys` yields such a pair for every key of every item. Only the first look-up reads `keys`.
    pub(super) fn find(&self, keys: impl Iterator<Item = (K, u32)>, wanted: K) -> &[(K, u32)] {
        let keys = self.0.get_or_init(|| {
            let mut keys: Vec<_> = keys.collect();
            keys.sort_unstable();
            // An item can have the same key twice.
            keys.dedup();
            keys.into()
        });
        equal_range(keys, |(key, _)| key.cmp(&wanted))
    }
}

impl<K> Default for MultiIndex<K> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

/// Returns the entries of a sorted slice for which `compare` returns `Equal`.
fn equal_range<E>(sorted: &[E], compare: impl Fn(&E) -> Ordering) -> &[E] {
    let first = sorted.partition_point(|entry| compare(entry).is_lt());
    let rest = &sorted[first..];
    &rest[..rest.partition_point(|entry| compare(entry).is_eq())]
}
