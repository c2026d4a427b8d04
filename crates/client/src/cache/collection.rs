//! A list and the objects in it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;
use tracing::debug;

use ultracart_transport::{Error, ErrorKind};

use super::cached::Cached;
use super::entry::Age;
use super::flights::Begun;
use super::generations::Generations;
use super::load::{Load, Loaded};
use super::policy::CachePolicy;
use super::read_through::ReadThrough;
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
            if policy != CachePolicy::OnlyIfCached && self.is_listed(id, policy, need) {
                match self.list.get((), policy, load_list).await {
                    Ok(list) => {
                        // It has not changed since the list that is too old: this one does not lag behind in it.
                        if let Some(item) = list.find(id) {
                            return Ok(list.part(Arc::clone(item)));
                        }
                    }
                    // A list that cannot be read says nothing of one object.
                    Err(error) if is_about_the_list(&error) => {}
                    Err(error) => return self.better_than(error, id, policy, need),
                }
            }
        }
        match self.one.get(id, policy, load).await {
            Ok(answer) => {
                if answer.calls() > 0 {
                    self.compare_list(id, &answer);
                    if let Some((entry, _)) = self.stored.as_of(id, self.generations.of(L::number(id))) {
                        self.compare_stored(&entry.value, &answer, false);
                    }
                }
                Ok(answer)
            }
            Err(error) => {
                if error.is_not_found() && error.attempts() > 0 {
                    self.is_gone(id);
                }
                self.better_than(error, id, policy, need)
            }
        }
    }

    /// The object out of the list, where it cannot be had otherwise: it may be too old, and has not changed.
    fn better_than(
        &self,
        error: Error,
        id: L::Id,
        policy: CachePolicy,
        need: Need,
    ) -> Result<Cached<L::Item>, Error> {
        if policy != CachePolicy::Default || !self.known().in_list.allows(need) {
            return Err(error);
        }
        let required = self.generations.of(L::number(id));
        let stale = self.list.as_of((), required).map(|(list, _)| list);
        let Some(item) = stale.as_ref().and_then(|list| list.value.find(id)) else { return Err(error) };
        let list = self.list.better_than(error, stale.as_ref(), required)?;
        Ok(list.part(Arc::clone(item)))
    }

    /// A call has said that there is no such object: what says otherwise is from before.
    fn is_gone(&self, id: L::Id) {
        let required = self.generations.of(L::number(id));
        let list = self.list.as_of((), required);
        if list.is_some_and(|(list, _)| list.value.find(id).is_some()) || self.stored.good(id).is_some() {
            self.generations.change(L::number(id));
        }
    }

    /// The object out of the list or as a write has left it, whichever is newer, if it is good and nothing newer is
    /// remembered of it by itself.
    fn remembered(&self, id: L::Id, need: Need) -> Option<Cached<L::Item>> {
        let known = *self.known();
        let required = self.generations.of(L::number(id));
        let listed =
            self.list.as_of((), required).filter(|(_, age)| known.in_list.allows(need) && age.is_good());
        // One that does not show all that has been written may show what has been overwritten.
        let listed = listed.filter(|(entry, _)| need == Need::Everything || entry.good_until.is_none());
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

    /// Whether the list that is too old, or another one at the price of one call, would do.
    fn is_listed(&self, id: L::Id, policy: CachePolicy, need: Need) -> bool {
        let may_be_invalid = policy == CachePolicy::StaleAllowed;
        let required = if may_be_invalid { 0 } else { self.generations.of(L::number(id)) };
        let is_remembered =
            self.one.as_of(id, required).is_some_and(|(_, age)| may_be_invalid || age.is_good());
        let known = self.known().in_list.allows(need);
        known
            && !is_remembered
            && self.list.as_of((), required).is_some_and(|(entry, age)| {
                (may_be_invalid || age == Age::TooOld) && entry.parts == 1 && entry.value.find(id).is_some()
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

    /// Learns what the server leaves out of the answer to a write from what has been read of the same object: after it,
    /// or before it, which tells no better than what was known already.
    fn compare_stored(&self, stored: &L::Item, read: &L::Item, is_before: bool) {
        let shortfall = Shortfall::of::<L>(stored, read, |_| false);
        let mut known = self.known();
        known.in_stored = if is_before { known.in_stored.max(shortfall) } else { shortfall };
    }

    /// The server has stored an object so.
    pub(super) fn stored(&self, id: L::Id, item: Arc<L::Item>, at: Begun) {
        if let Some((entry, _)) = self.one.as_of(id, 0) {
            self.compare_stored(&item, &entry.value, true);
        }
        self.stored.put(id, item, at);
    }

    /// There is such an object, whatever has been said before.
    pub(super) fn exists(&self, id: L::Id) {
        self.one.forget_failure(id);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing has changed of an object since what was read has been asked for.
    pub(crate) fn is_current(&self, id: L::Id, read: &Cached<L::Item>) -> bool {
        read.generation() >= self.generations.of(L::number(id))
    }

    /// Whether any of it has been asked for since.
    pub(super) fn has_read_since(&self, then: Duration) -> bool {
        self.list.has_read_since(then) || self.one.has_read_since(then)
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
    let kinds = [ErrorKind::Decode, ErrorKind::PaginationLoop, ErrorKind::BodyTooLarge, ErrorKind::Api];
    kinds.contains(&error.kind())
}

impl<L: Listing> fmt::Debug for Collection<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection").field("list", &self.list).finish_non_exhaustive()
    }
}
