//! A list and the objects in it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tracing::debug;
use ultracart_transport::Error;

use super::cached::Cached;
use super::entry::Age;
use super::flights::Begun;
use super::generations::Generations;
use super::policy::CachePolicy;
use super::read_through::{Load, Loaded, ReadThrough};
use super::stats::CacheStats;
use super::surroundings::Surroundings;
use crate::config::CacheRule;
use crate::list::Listing;

/// Objects that are kept beside the list: those that were read or written one by one.
const MAX_OBJECTS: u64 = 10_000;

/// A list and the objects in it, which change together.
pub(crate) struct Collection<L: Listing> {
    generations: Arc<Generations>,
    pub(crate) list: Arc<ReadThrough<(), L>>,
    one: Arc<ReadThrough<L::Id, L::Item>>,
    /// What the server leaves out of a list, as far as is known: a [`Shortfall`].
    shortfall: AtomicU8,
}

/// What an object is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// To be looked at: all that the server says of it.
    Everything,
    /// To be changed and written back: all that can be written.
    Writable,
}

/// What an object out of a list lacks, compared with the same object by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Shortfall {
    /// The two have not been compared yet.
    Unknown,
    Nothing,
    /// Fields that the server alone fills in.
    ReadOnly,
    More,
}

impl Shortfall {
    /// What an object lacks that another one has.
    fn of<L: Listing>(item: &L::Item, other: &L::Item) -> Self {
        let each = L::lacks(item, other)
            .map(|name| if L::READ_ONLY.contains(&name) { Self::ReadOnly } else { Self::More });
        each.max().unwrap_or(Self::Nothing)
    }

    fn allows(number: u8, need: Need) -> bool {
        number == Self::Nothing as u8 || (number == Self::ReadOnly as u8 && need == Need::Writable)
    }
}

impl<L: Listing> Collection<L> {
    pub(super) fn new(
        operations: [&'static str; 2],
        rule: &CacheRule,
        surroundings: &Arc<Surroundings>,
        follows_webhooks: bool,
    ) -> Self {
        let generations = Arc::new(Generations::new());
        let list = ReadThrough::new(
            operations[0],
            rule,
            16,
            &generations,
            |generations, ()| generations.latest(),
            surroundings,
            follows_webhooks,
        );
        // What was asked for once may never be asked for again.
        let rule = CacheRule { refresh_at: 1.0, ..rule.clone() };
        let one = ReadThrough::new(
            operations[1],
            &rule,
            MAX_OBJECTS,
            &generations,
            |generations, id| generations.of(L::number(id)),
            surroundings,
            follows_webhooks,
        );
        Self {
            generations,
            list: Arc::new(list),
            one: Arc::new(one),
            shortfall: AtomicU8::new(Shortfall::Unknown as u8),
        }
    }

    pub(super) fn generations(&self) -> &Generations {
        &self.generations
    }

    /// One object: by itself or out of the list, whichever is newer, and else by a call. Where that call may as well be
    /// the one for the list that is too old, it is that: it serves the next one too.
    pub(crate) async fn one<F, G>(
        &self,
        id: L::Id,
        policy: CachePolicy,
        need: Need,
        load: impl Fn(Load) -> F,
        load_list: impl Fn(Load) -> G,
    ) -> Result<Cached<L::Item>, Error>
    where
        F: Future<Output = Result<Loaded<L::Item>, Error>> + Send + 'static,
        G: Future<Output = Result<Loaded<L>, Error>> + Send + 'static,
    {
        if !matches!(policy, CachePolicy::Refresh | CachePolicy::Bypass) {
            if let Some(hit) = self.listed(id, need) {
                return Ok(hit);
            }
            if matches!(policy, CachePolicy::Default | CachePolicy::NeverStale) && self.is_outdated(id, need)
            {
                let list = self.list.get((), policy, load_list).await?;
                if let Some(item) = list.find(id) {
                    return Ok(list.part(Arc::clone(item)));
                }
            }
        }
        let answer = self.one.get(id, policy, load).await?;
        if answer.calls() > 0 {
            self.compare(id, &answer);
        }
        Ok(answer)
    }

    /// Whether a list at the price of one call would do, if it were not too old.
    fn is_outdated(&self, id: L::Id, need: Need) -> bool {
        Shortfall::allows(self.shortfall.load(Ordering::Relaxed), need)
            && self.one.good(id).is_none()
            && self.list.as_of((), self.generations.of(L::number(id))).is_some_and(|(entry, age)| {
                age == Age::TooOld && entry.parts == 1 && entry.value.find(id).is_some()
            })
    }

    /// The object out of the list, if it is good and no older than what is remembered by itself.
    fn listed(&self, id: L::Id, need: Need) -> Option<Cached<L::Item>> {
        if !Shortfall::allows(self.shortfall.load(Ordering::Relaxed), need) {
            return None;
        }
        let (entry, age) = self.list.as_of((), self.generations.of(L::number(id)))?;
        if !matches!(age, Age::Fresh | Age::Due) {
            return None;
        }
        if self.one.newer_than(id, entry.loaded_at).is_some() {
            return None;
        }
        let item = Arc::clone(entry.value.find(id)?);
        Some(self.list.hit_in(&entry, item))
    }

    /// Learns from an object by itself what the server leaves out of a list.
    fn compare(&self, id: L::Id, single: &L::Item) {
        let Some((entry, _)) = self.list.as_of((), 0) else { return };
        let Some(listed) = entry.value.find(id) else { return };
        let shortfall = Shortfall::of::<L>(listed, single);
        let before = self.shortfall.fetch_max(shortfall as u8, Ordering::Relaxed);
        if before != self.shortfall.load(Ordering::Relaxed) {
            debug!(?shortfall, "what objects out of a list lack");
        }
    }

    /// The server has stored an object so.
    pub(super) fn stored(&self, id: L::Id, item: Arc<L::Item>, at: Begun) {
        self.compare(id, &item);
        self.one.put(id, item, at);
    }

    /// Whether all that is remembered of an object says the same as `object`, no less and no more, but for what the server
    /// alone fills in; `None` is that it is not there.
    #[cfg(feature = "webhook")]
    pub(super) fn says(&self, id: L::Id, object: Option<&L::Item>) -> bool {
        let list = self.list.as_of((), self.generations.latest());
        let listed = list.as_ref().map(|(entry, _)| entry.value.find(id));
        let single = self.one.as_of(id, self.generations.of(L::number(id)));
        let single = single.as_ref().map(|(entry, _)| Some(&entry.value));
        let is_same = |known: Option<&Arc<L::Item>>| match (known, object) {
            (Some(known), Some(object)) => {
                let shortfalls = [Shortfall::of::<L>(known, object), Shortfall::of::<L>(object, known)];
                L::agree(known, object) && !shortfalls.contains(&Shortfall::More)
            }
            (None, None) => true,
            _ => false,
        };
        (listed.is_some() || single.is_some()) && [listed, single].into_iter().flatten().all(is_same)
    }

    /// What is remembered of an object, as long as it has not changed.
    #[cfg(feature = "webhook")]
    pub(super) fn known(&self, id: L::Id) -> Option<Arc<L::Item>> {
        let required = self.generations.of(L::number(id));
        if let Some((entry, _)) = self.one.as_of(id, required) {
            return Some(Arc::clone(&entry.value));
        }
        let (entry, _) = self.list.as_of((), required)?;
        entry.value.find(id).cloned()
    }

    pub(super) fn clear(&self) {
        self.generations.change_all();
        self.list.clear();
        self.one.clear();
    }

    pub(super) fn forget_failures(&self) {
        self.list.forget_failures();
        self.one.forget_failures();
    }

    pub(super) fn stats(&self) -> CacheStats {
        let mut stats = self.list.stats();
        stats += self.one.stats();
        stats
    }
}

impl<L: Listing> fmt::Debug for Collection<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection").field("list", &self.list).finish_non_exhaustive()
    }
}
