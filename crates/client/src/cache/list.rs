//! The cache of a list, and its fast path for hits.

use ultracart_transport::Instant;

use super::context::COARSE_LAG;
use super::entries::Entries;
use super::entry::{Entry, Freshness};
use super::policy::CachePolicy;
use super::read_through::ReadThrough;
use super::response::{Cached, Served};
use super::store::ListSlot;

/// The cache of a list, which has one entry.
pub(crate) type ListCache<L> = ReadThrough<ListSlot<L>>;

impl<L: Send + Sync + 'static> ListCache<L> {
    /// Returns the cached list if it is certainly fresh: without a lock, an allocation or the exact time.
    #[inline]
    pub(crate) fn try_hit(&self, policy: CachePolicy) -> Option<Cached<L>> {
        if !policy.reads_cache() {
            return None;
        }
        let entries = self.entries();
        let entry = entries.store.load();
        let entry = entry.as_ref()?;
        let now = entries.context.coarse_now();
        if entry.stamp.generation < entries.generations.of_list()
            || !is_fresh(entries, entry, now + COARSE_LAG)
        {
            return None;
        }
        self.count_hit(entry.pages);
        Some(entry.serve(Served::Fresh, now, 0))
    }
}

#[inline]
fn is_fresh<L: Send + Sync + 'static>(
    entries: &Entries<ListSlot<L>>,
    entry: &Entry<L>,
    now: Instant,
) -> bool {
    // Webhooks can keep a list fresh for longer.
    let is_kept_fresh = || entry.freshness(now, entries.lifetime(entry, now)) == Freshness::Fresh;
    now < entry.fresh_until || (entry.expires_by.is_none() && is_kept_fresh())
}
