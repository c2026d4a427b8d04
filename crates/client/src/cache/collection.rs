//! A list and the objects in it.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;
use tracing::debug;

use ultracart_transport::{Error, ErrorKind};

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
                match self.list.get((), policy, load_list).await {
                    Ok(list) => {
                        if let Some(item) = list.find(id) {
                            return Ok(list.part(Arc::clone(item)));
                        }
                    }
                    // A list that cannot be read says nothing of one object.
                    Err(error) if is_about_the_list(&error) => {}
                    Err(error) => return Err(error),
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
        let begun = |generation, at| Begun { generation, at };
        let listed = listed.and_then(|(entry, _)| {
            Some((Arc::clone(entry.value.find(id)?), begun(entry.generation, entry.loaded_at)))
        });
        let since = listed.as_ref().map(|(_, begun)| begun.at);
        let stored = self.stored.newer_than(id, since).filter(|_| known.in_stored.allows(need));
        let stored = stored.map(|entry| (Arc::clone(&entry.value), begun(entry.generation, entry.loaded_at)));
        let (item, begun) = stored.or(listed)?;
        self.one.newer_than(id, Some(begun.at)).is_none().then(|| self.one.hit_by(item, begun))
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
        // A list that was mended says nothing of what the server leaves out.
        if self.known().flight == entry.flight || entry.good_until.is_some() {
            return;
        }
        // What others in the list have is not left out of it: this one has got it since.
        let is_elsewhere = |name: &str| {
            entry.value.iter().any(|item| !L::lacks(item, single).any(|lacking| lacking == name))
        };
        let mut shortfall = Shortfall::of::<L>(listed, single, is_elsewhere);
        // Where the object itself does not show it, it may be left out where it is empty.
        let nothing = L::Item::default();
        let shows = |name: &&str| L::lacks(&nothing, single).any(|shown| shown == *name);
        if !L::READ_ONLY.iter().all(shows) {
            shortfall = shortfall.max(Shortfall::ReadOnly);
        }
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

    /// Whether nothing has changed of an object since what was read has been asked for.
    pub(crate) fn is_current(&self, id: L::Id, read: &Cached<L::Item>) -> bool {
        read.generation() >= self.generations.of(L::number(id))
    }

    /// Whether the list was asked for after this.
    pub(crate) fn has_list_since(&self, then: Duration) -> bool {
        self.list.as_of((), 0).is_some_and(|(entry, _)| entry.loaded_at > then)
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

/// Whether an object can be had where the list cannot.
fn is_about_the_list(error: &Error) -> bool {
    let kinds = [ErrorKind::Decode, ErrorKind::EndlessList, ErrorKind::BodyTooLarge, ErrorKind::Refused];
    kinds.contains(&error.kind())
}

impl<L: Listing> fmt::Debug for Collection<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection").field("list", &self.list).finish_non_exhaustive()
    }
}
