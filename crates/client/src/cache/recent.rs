//! What this client wrote a moment ago, for lists that do not show it yet.
//!
//! A list that is read right after a write can come from a server that has not caught up. So for some seconds each list
//! is compared with what the writes were answered with. Where it shows something else, what was written takes the place
//! of what is there, and the list is good only until those seconds are over: it may have been somebody else who was
//! quicker, and not the server that was slow.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::debug;
use ultracart_model::{Group, GroupOid, User, UserId};

use super::generations::Generations;
use super::write::Effect;
use super::{Caches, Collection};
use crate::list::{Groups, Listing, Users};

/// How long a list may lag behind.
const LAG: Duration = Duration::from_secs(5);

/// The same after a write of which nobody knows when the server was done with it.
const LONGEST_LAG: Duration = Duration::from_secs(15);

/// How long an event is looked for that only says what was written.
const ECHO: Duration = Duration::from_mins(5);

/// So many writes of an object are kept for whose events have not come yet.
const MOST_EARLIER: usize = 8;

#[derive(Default)]
pub(super) struct Recent(Mutex<Notes>);

#[derive(Default)]
pub(crate) struct Notes {
    users: HashMap<UserId, Note<User>>,
    groups: HashMap<GroupOid, Note<Group>>,
    /// When writes of something new ended whose outcome is not known.
    unknown: Vec<Duration>,
}

/// A kind of object that a client remembers.
pub(crate) trait Kind: Listing {
    fn notes(notes: &mut Notes) -> &mut HashMap<Self::Id, Note<Self::Item>>;

    fn collection(caches: &Caches) -> &Collection<Self>;

    /// Which one a write changes; `None` is a new one.
    fn changed_by(effect: Effect) -> Option<Self::Id>;
}

impl Kind for Users {
    fn notes(notes: &mut Notes) -> &mut HashMap<UserId, Note<User>> {
        &mut notes.users
    }

    fn collection(caches: &Caches) -> &Collection<Self> {
        &caches.users
    }

    fn changed_by(effect: Effect) -> Option<UserId> {
        if let Effect::User { id, .. } = effect { id } else { None }
    }
}

impl Kind for Groups {
    fn notes(notes: &mut Notes) -> &mut HashMap<GroupOid, Note<Group>> {
        &mut notes.groups
    }

    fn collection(caches: &Caches) -> &Collection<Self> {
        &caches.groups
    }

    fn changed_by(effect: Effect) -> Option<GroupOid> {
        if let Effect::Group(oid) = effect { oid } else { None }
    }
}

/// How a write has left an object.
pub(super) enum Outcome<T> {
    Stored(Arc<T>),
    Gone,
    Unknown,
}

impl<T> Clone for Outcome<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Stored(object) => Self::Stored(Arc::clone(object)),
            Self::Gone => Self::Gone,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// What is known of an object since its latest write. As soon as it has changed otherwise it says no more than that.
pub(crate) struct Note<T> {
    outcome: Outcome<T>,
    /// What it was before the write.
    before: Outcome<T>,
    /// What writes before it were answered with whose events have not come yet, if nothing else has changed it between.
    earlier: Vec<Arc<T>>,
    /// The number of the write's end.
    generation: u64,
    at: Duration,
}

impl<T> Note<T> {
    /// What it says of an object that was last changed by itself then.
    fn says(&self, changed: u64) -> &Outcome<T> {
        if changed <= self.generation { &self.outcome } else { &Outcome::Unknown }
    }

    fn clear(&mut self) {
        (self.outcome, self.before) = (Outcome::Unknown, Outcome::Unknown);
        self.earlier.clear();
    }

    /// Until when a list may not show it.
    fn late_until(&self) -> Duration {
        let lag = if matches!(self.outcome, Outcome::Unknown) { LONGEST_LAG } else { LAG };
        self.at.saturating_add(lag)
    }
}

impl Recent {
    /// A write of this object has ended; how is not known yet. `before` is the number of the change before it.
    pub(super) fn written<L: Kind>(&self, id: L::Id, before: u64, generation: u64, at: Duration) {
        let mut notes = self.notes();
        let notes = L::notes(&mut notes);
        forget_old(notes, at);
        let mut earlier = Vec::new();
        let before = notes.remove(&id).map_or(Outcome::Unknown, |note| {
            let said = note.says(before).clone();
            if let Outcome::Stored(stored) = &said {
                earlier = note.earlier;
                earlier.drain(..earlier.len().saturating_sub(MOST_EARLIER - 1));
                earlier.push(Arc::clone(stored));
            }
            said
        });
        notes.insert(id, Note { outcome: Outcome::Unknown, before, earlier, generation, at });
    }

    /// A write of something new has ended; how is not known yet.
    pub(super) fn new_written(&self, at: Duration) {
        let unknown = &mut self.notes().unknown;
        unknown.retain(|ended| at < ended.saturating_add(LONGEST_LAG));
        unknown.push(at);
    }

    /// What became of the write of something new that ended then is known.
    pub(super) fn new_is_known(&self, at: Duration) {
        let unknown = &mut self.notes().unknown;
        if let Some(place) = unknown.iter().position(|ended| *ended == at) {
            unknown.swap_remove(place);
        }
    }

    /// How the write of this object that ended so has left it; `None` is that it has done nothing.
    pub(super) fn is<L: Kind>(
        &self,
        id: L::Id,
        generation: u64,
        at: Duration,
        outcome: Option<Outcome<L::Item>>,
    ) {
        let mut notes = self.notes();
        let notes = L::notes(&mut notes);
        match (notes.get_mut(&id), outcome) {
            (Some(note), outcome) if note.generation == generation => {
                note.outcome = outcome.unwrap_or_else(|| note.before.clone());
            }
            (None, Some(outcome)) => {
                forget_old(notes, at);
                let before = Outcome::Unknown;
                _ = notes.insert(id, Note { outcome, before, earlier: Vec::new(), generation, at });
            }
            // A later write knows better.
            _ => {}
        }
    }

    /// Whether an event that says this of a user says what this client has written, and nobody else has changed it since.
    #[cfg(feature = "webhook")]
    pub(super) fn has_written(&self, id: UserId, user: Option<&User>, generations: &Generations) -> bool {
        let mut notes = self.notes();
        let Some(note) = notes.users.get_mut(&id) else { return false };
        let is_same = |stored: &Arc<User>, user| shows::<Users>(stored, user) && shows::<Users>(user, stored);
        match (note.says(generations.of(id.get())), user) {
            (Outcome::Stored(stored), Some(user)) if is_same(stored, user) => true,
            (Outcome::Gone, None) => true,
            (Outcome::Stored(_) | Outcome::Gone, Some(user)) => {
                // Each of them comes once: what comes again is what somebody else has put back.
                let place = note.earlier.iter().position(|stored| is_same(stored, user));
                place.map(|place| note.earlier.remove(place)).is_some()
            }
            _ => false,
        }
    }

    /// Nothing stays but that lists may lag.
    pub(super) fn clear(&self) {
        let mut notes = self.notes();
        notes.users.values_mut().for_each(Note::clear);
        notes.groups.values_mut().for_each(Note::clear);
    }

    /// The users as this client left them, and until when that is good, if the list does not show it.
    pub(super) fn settle_users(
        &self,
        users: Users,
        sent_at: Duration,
        generations: &Generations,
    ) -> (Users, Option<Duration>) {
        let notes = &mut *self.notes();
        let (users, mut late) = settle(users, &mut notes.users, &notes.unknown, sent_at, generations);
        for (oid, note) in current(&notes.groups, sent_at) {
            match &note.outcome {
                Outcome::Stored(group) if users_show(&users, *oid, Some(group)) => {}
                Outcome::Gone if users_show(&users, *oid, None) => {}
                _ => late.by(note.late_until()),
            }
        }
        (users, late.until("get_users"))
    }

    /// The groups as this client left them, and until when that is good, if the list does not show it.
    pub(super) fn settle_groups(
        &self,
        groups: Groups,
        sent_at: Duration,
        generations: &Generations,
    ) -> (Groups, Option<Duration>) {
        let notes = &mut *self.notes();
        let (groups, mut late) = settle(groups, &mut notes.groups, &notes.unknown, sent_at, generations);
        for (id, note) in current(&notes.users, sent_at) {
            match &note.outcome {
                Outcome::Stored(user) if groups_show(&groups, *id, Some(user)) => {}
                Outcome::Gone if groups_show(&groups, *id, None) => {}
                _ => late.by(note.late_until()),
            }
        }
        (groups, late.until("get_groups"))
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It holds personal data.
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

/// Takes out those whose events are not waited for any more.
fn forget_old<K, T>(notes: &mut HashMap<K, Note<T>>, now: Duration) {
    notes.retain(|_, note| now < note.at.saturating_add(ECHO));
}

/// Those that a list which was asked for then may not show.
fn current<K, T>(notes: &HashMap<K, Note<T>>, sent_at: Duration) -> impl Iterator<Item = (&K, &Note<T>)> {
    notes.iter().filter(move |(_, note)| sent_at < note.late_until())
}

/// Whether an object says what the other one does, and has all that it has, but for what the server alone fills in.
fn shows<L: Listing>(shown: &L::Item, written: &L::Item) -> bool {
    L::agree(shown, written) && L::lacks(shown, written).all(|name| L::READ_ONLY.contains(&name))
}

/// The list with what was written where it shows something else.
fn settle<L: Listing>(
    list: L,
    notes: &mut HashMap<L::Id, Note<L::Item>>,
    unknown: &[Duration],
    sent_at: Duration,
    generations: &Generations,
) -> (L, Late) {
    let (mut late, mut items) = (Late::default(), None::<Vec<Arc<L::Item>>>);
    let unknown = unknown.iter().map(|at| at.saturating_add(LONGEST_LAG));
    unknown.filter(|until| sent_at < *until).for_each(|until| late.by(until));
    forget_old(notes, sent_at);
    let mut notes: Vec<_> = notes.iter_mut().collect();
    notes.sort_unstable_by_key(|(id, _)| L::number(**id));
    for (id, note) in notes {
        let (shown, number) = (list.find(*id), L::number(*id));
        let mut outcome = note.says(generations.of_itself(number)).clone();
        if let Outcome::Stored(written) = &mut outcome
            && generations.of(number) > note.generation
        {
            *written = Arc::new(L::by_itself(written));
        }
        let is_shown = match (&outcome, shown) {
            (Outcome::Stored(written), Some(shown)) => shows::<L>(shown, written),
            (Outcome::Gone, None) => true,
            _ => false,
        };
        if is_shown {
            continue;
        }
        if sent_at >= note.late_until() {
            // It is not the list that is late: somebody else has changed it.
            note.clear();
            continue;
        }
        late.by(note.late_until());
        match outcome {
            Outcome::Unknown => {}
            Outcome::Gone => {
                items.get_or_insert_with(|| list.to_vec()).retain(|item| L::id(item) != Some(*id));
            }
            Outcome::Stored(written) => {
                let items = items.get_or_insert_with(|| list.to_vec());
                let places = items.iter_mut().filter(|item| L::id(item) == Some(*id));
                places.for_each(|item| *item = Arc::new(L::filled(&written, item)));
                if shown.is_none() {
                    items.push(written);
                }
            }
        }
    }
    (items.map_or(list, L::from_iter), late)
}

/// Whether the users say of a group what was written.
fn users_show(users: &Users, oid: GroupOid, written: Option<&Group>) -> bool {
    let members: Option<HashMap<_, _>> = written
        .and_then(|group| group.users.as_ref())
        .map(|users| users.iter().map(|user| (user.user_id, user.member)).collect());
    users.iter().filter_map(|user| Some((user, user.groups.as_ref()?))).all(|(user, groups)| {
        let shown = groups.iter().find(|group| group.group_oid == Some(oid));
        let (Some(written), Some(shown)) = (written, shown) else {
            return written.is_none() && shown.is_none();
        };
        let member = members.as_ref().and_then(|members| *members.get(&user.user_id)?);
        same(shown.name.as_ref(), written.name.as_ref()) && same(shown.member, member)
    })
}

/// Whether the groups say of a user what was written.
fn groups_show(groups: &Groups, id: UserId, written: Option<&User>) -> bool {
    groups.iter().filter_map(|group| Some((group, group.users.as_ref()?))).all(|(group, users)| {
        let shown = users.iter().find(|user| user.user_id == Some(id));
        let (Some(written), Some(shown)) = (written, shown) else {
            return written.is_none() && shown.is_none();
        };
        let memberships = written.groups.iter().flatten();
        let membership = memberships.into_iter().find(|membership| membership.group_oid == group.group_oid);
        same(shown.login.as_ref(), written.login.as_ref())
            && same(shown.email.as_ref(), written.email.as_ref())
            && same(shown.full_name.as_ref(), written.full_name.as_ref())
            && same(shown.member, membership.and_then(|membership| membership.member))
    })
}

/// Whether two that are both known are the same.
fn same<T: Copy + PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// Until when a list is good that does not show everything.
#[derive(Default)]
struct Late(Option<Duration>);

impl Late {
    fn by(&mut self, until: Duration) {
        self.0 = self.0.max(Some(until));
    }

    fn until(self, operation: &'static str) -> Option<Duration> {
        if self.0.is_some() {
            debug!(operation, "it does not show what was written a moment ago");
        }
        self.0
    }
}
