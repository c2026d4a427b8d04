//! What makes looking up in a list quick, without a copy of anything that is in it.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

/// The positions of a list's items in the order of a key: four bytes for each, sorted when first asked for.
#[derive(Clone, Default)]
pub(super) struct Index(OnceLock<Box<[u32]>>);

/// As [`Index`], for items that each have any number of keys: eight bytes for each key of each item.
#[derive(Clone)]
pub(super) struct ManyKeys<K>(OnceLock<Box<[(K, u32)]>>);

/// Items with their positions. An id has 31 bits, so no account has more users or groups than a position can count.
pub(super) fn numbered<T>(items: &[Arc<T>]) -> impl Iterator<Item = (u32, &Arc<T>)> {
    (0..=u32::MAX).zip(items)
}

impl Index {
    /// The positions, in the list's order, of the items whose key is `wanted`. All but `wanted` has to be the same in
    /// each call.
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
            let mut positions: Vec<u32> = numbered(items).map(|(position, _)| position).collect();
            // Stable: those with the same key stay in the list's order.
            positions.sort_by(|a, b| compare(key(a), key(b)));
            positions.into()
        });
        equal(positions, |position| compare(key(position), Some(wanted)))
    }
}

impl<K: Copy + Ord> ManyKeys<K> {
    /// `wanted` with the positions, in the list's order, of the items that have it among their keys. `keys` has every
    /// key of every item, the same in each call, and is read in the first only.
    pub(super) fn find(&self, keys: impl Iterator<Item = (K, u32)>, wanted: K) -> &[(K, u32)] {
        let keys = self.0.get_or_init(|| {
            let mut keys: Vec<_> = keys.collect();
            keys.sort_unstable();
            // An item can say the same twice.
            keys.dedup();
            keys.into()
        });
        equal(keys, |(key, _)| key.cmp(&wanted))
    }
}

impl<K> Default for ManyKeys<K> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

/// The part of a sorted slice that is equal to what `compare` compares with.
fn equal<E>(sorted: &[E], compare: impl Fn(&E) -> Ordering) -> &[E] {
    let first = sorted.partition_point(|entry| compare(entry).is_lt());
    let rest = &sorted[first..];
    &rest[..rest.partition_point(|entry| compare(entry).is_eq())]
}
