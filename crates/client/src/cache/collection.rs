//! A list and the objects in it.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// What the server answered writes with.
    stored: ReadThrough<L::Id, L::Item>,
    /// What the server leaves out of a list, and out of the answer to a write.
    known: Mutex<Known>,
}

/// What an object is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// To be looked at: all that the server says of it.
    Everything,
    /// To be changed and written back: all that can be written.
    Writable,
}

/// What an object out of a list, or out of the answer to a write, lacks, compared with the same object by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Shortfall {
    /// The two have not been compared yet.
    #[default]
    Unknown,
    Nothing,
    /// Fields that the server alone fills in.
    ReadOnly,
    More,
}

impl Shortfall {
    /// What an object lacks that another one has, but for what `is_elsewhere` says is not left out on principle.
    fn of<L: Listing>(item: &L::Item, other: &L::Item, is_elsewhere: impl Fn(&str) -> bool) -> Self {
        let lacking = L::lacks(item, other).filter(|name| !is_elsewhere(name));
        let each = lacking.map(|name| if L::READ_ONLY.contains(&name) { Self::ReadOnly } else { Self::More });
        each.max().unwrap_or(Self::Nothing)
    }

    fn allows(self, need: Need) -> bool {
        self == Self::Nothing || (self == Self::ReadOnly && need == Need::Writable)
    }
}

/// What is known of the shortfalls.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    in_list: Shortfall,
    /// The list that this was learned from.
    flight: u64,
    in_stored: Shortfall,
}

impl<L> Collection<L>
where
    L: Listing + Deref<Target = [Arc<<L as Listing>::Item>]>,
{
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
        let objects = || {
            ReadThrough::new(
                operations[1],
                &rule,
                MAX_OBJECTS,
                &generations,
                |generations, id| generations.of(L::number(id)),
                surroundings,
                follows_webhooks,
            )
        };
        let (one, stored) = (Arc::new(objects()), objects());
        Self { generations, list: Arc::new(list), one, stored, known: Mutex::default() }
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
            if let Some(hit) = self.remembered(id, need) {
                return Ok(hit);
            }
            let may_wait = matches!(policy, CachePolicy::Default | CachePolicy::NeverStale);
            if may_wait && self.is_outdated(id, need) {
                let list = self.list.get((), policy, load_list).await?;
                if let Some(item) = list.find(id) {
                    return Ok(list.part(Arc::clone(item)));
                }
            }
        }
        let answer = self.one.get(id, policy, load).await?;
        if answer.calls() > 0 {
            self.compare_list(id, &answer);
        }
        Ok(answer)
    }

    /// The object out of the list or as a write has left it, whichever is newer, if it is good and nothing newer is
    /// remembered of it by itself.
    fn remembered(&self, id: L::Id, need: Need) -> Option<Cached<L::Item>> {
        let known = *self.known();
        let required = self.generations.of(L::number(id));
        let is_good = |age: &Age| matches!(age, Age::Fresh | Age::Due);
        let listed =
            self.list.as_of((), required).filter(|(_, age)| known.in_list.allows(need) && is_good(age));
        let listed = listed.and_then(|(entry, _)| Some((Arc::clone(entry.value.find(id)?), entry.loaded_at)));
        let since = listed.as_ref().map(|(_, loaded_at)| *loaded_at);
        let stored = self.stored.newer_than(id, since).filter(|_| known.in_stored.allows(need));
        let stored = stored.map(|entry| (Arc::clone(&entry.value), entry.loaded_at));
        let (item, loaded_at) = stored.or(listed)?;
        self.one.newer_than(id, Some(loaded_at)).is_none().then(|| self.one.hit_by(item, loaded_at))
    }

    /// Whether a list at the price of one call would do, if it were not too old.
    fn is_outdated(&self, id: L::Id, need: Need) -> bool {
        self.known().in_list.allows(need)
            && self.one.good(id).is_none()
            && self.list.as_of((), self.generations.of(L::number(id))).is_some_and(|(entry, age)| {
                age == Age::TooOld && entry.parts == 1 && entry.value.find(id).is_some()
            })
    }

    /// Learns from an object by itself what the server leaves out of a list: once for each list.
    fn compare_list(&self, id: L::Id, single: &L::Item) {
        let Some((entry, _)) = self.list.as_of((), self.generations.of(L::number(id))) else { return };
        let Some(listed) = entry.value.find(id) else { return };
        if self.known().flight == entry.flight {
            return;
        }
        // What others in the list have is not left out of it: this one has got it since.
        let is_elsewhere = |name: &str| {
            entry.value.iter().any(|item| !L::lacks(item, single).any(|lacking| lacking == name))
        };
        let shortfall = Shortfall::of::<L>(listed, single, is_elsewhere);
        debug!(?shortfall, "what the objects of a list lack");
        let mut known = self.known();
        (known.in_list, known.flight) = (shortfall, entry.flight);
    }

    /// Learns what the server leaves out of the answer to a write.
    fn compare_stored(&self, id: L::Id, stored: &L::Item) {
        let Some((entry, _)) = self.one.as_of(id, 0) else { return };
        let shortfall = Shortfall::of::<L>(stored, &entry.value, |_| false);
        let mut known = self.known();
        known.in_stored = known.in_stored.max(shortfall);
    }

    /// The server has stored an object so.
    pub(super) fn stored(&self, id: L::Id, item: Arc<L::Item>, at: Begun) {
        self.compare_stored(id, &item);
        self.stored.put(id, item, at);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all that is remembered of an object says the same as `object`, no less and no more, but for what the server
    /// alone fills in; `None` is that it is not there.
    #[cfg(feature = "webhook")]
    pub(super) fn says(&self, id: L::Id, object: Option<&L::Item>) -> bool {
        let list = self.list.as_of((), self.generations.latest());
        let listed = list.as_ref().map(|(entry, _)| entry.value.find(id));
        let singles = [self.one.as_ref(), &self.stored].map(|cache| self.unchanged(cache, id));
        let singles = singles.iter().map(|single| single.as_ref().map(Some));
        let mut all = singles.chain([listed]).flatten().peekable();
        all.peek().is_some()
            && all.all(|known| match (known, object) {
                (Some(known), Some(object)) => {
                    let lacks = |one, other| Shortfall::of::<L>(one, other, |_| false) == Shortfall::More;
                    L::agree(known, object) && !lacks(known, object) && !lacks(object, known)
                }
                (known, object) => known.is_none() && object.is_none(),
            })
    }

    /// What is remembered of an object, as long as it has not changed.
    #[cfg(feature = "webhook")]
    pub(super) fn unchanged_object(&self, id: L::Id) -> Option<Arc<L::Item>> {
        let listed = || {
            let (entry, _) = self.list.as_of((), self.generations.of(L::number(id)))?;
            entry.value.find(id).cloned()
        };
        self.unchanged(&self.one, id).or_else(|| self.unchanged(&self.stored, id)).or_else(listed)
    }

    #[cfg(feature = "webhook")]
    fn unchanged(&self, cache: &ReadThrough<L::Id, L::Item>, id: L::Id) -> Option<Arc<L::Item>> {
        cache.as_of(id, self.generations.of(L::number(id))).map(|(entry, _)| Arc::clone(&entry.value))
    }

    pub(super) fn clear(&self) {
        self.generations.change_all();
        self.list.clear();
        self.one.clear();
        self.stored.clear();
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
