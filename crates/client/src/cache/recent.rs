//! What this client wrote a moment ago, for lists that do not show it yet.
//!
//! A list that is read right after a write can come from a server that has not caught up. So for some seconds each list
//! is compared with what the writes were answered with. Where it shows something else, what was written takes the place
//! of what is there, and the list is good only until those seconds are over: it may have been somebody else who was
//! quicker, and not the server that was slow.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::debug;
use ultracart_model::{Group, GroupOid, User, UserId};

use crate::list::{Groups, Listing, Users};

/// How long a list may lag behind.
const LAG: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    users: HashMap<UserId, Note<User>>,
    groups: HashMap<GroupOid, Note<Group>>,
}

/// An object as a write has left it: nothing, where it was deleted.
#[derive(Debug)]
struct Note<T> {
    object: Option<Arc<T>>,
    at: Duration,
}

impl Recent {
    /// A write of this user has ended: when, and with what, if that is known.
    pub(super) fn user(&self, id: UserId, outcome: Option<(Option<Arc<User>>, Duration)>, now: Duration) {
        note(&mut self.notes().users, id, outcome, now);
    }

    /// A write of this group has ended: when, and with what, if that is known.
    pub(super) fn group(
        &self,
        oid: GroupOid,
        outcome: Option<(Option<Arc<Group>>, Duration)>,
        now: Duration,
    ) {
        note(&mut self.notes().groups, oid, outcome, now);
    }

    pub(super) fn clear(&self) {
        *self.notes() = Notes::default();
    }

    /// The users as this client left them, and until when that is good, if the list does not show it.
    pub(super) fn settle_users(&self, users: Users, sent_at: Duration) -> (Users, Option<Duration>) {
        let notes = self.notes();
        let (users, mut late) = settle(users, &notes.users, sent_at);
        for (oid, note) in current(&notes.groups, sent_at) {
            if !users_show(&users, *oid, note.object.as_deref()) {
                late.by(note.at);
            }
        }
        (users, late.until("get_users"))
    }

    /// The groups as this client left them, and until when that is good, if the list does not show it.
    pub(super) fn settle_groups(&self, groups: Groups, sent_at: Duration) -> (Groups, Option<Duration>) {
        let notes = self.notes();
        let (groups, mut late) = settle(groups, &notes.groups, sent_at);
        for (id, note) in current(&notes.users, sent_at) {
            if !groups_show(&groups, *id, note.object.as_deref()) {
                late.by(note.at);
            }
        }
        (groups, late.until("get_groups"))
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note<K: Eq + Hash, T>(
    notes: &mut HashMap<K, Note<T>>,
    key: K,
    outcome: Option<(Option<Arc<T>>, Duration)>,
    now: Duration,
) {
    notes.retain(|_, note| now < note.at.saturating_add(LAG));
    match outcome {
        Some((object, at)) => _ = notes.insert(key, Note { object, at }),
        None => _ = notes.remove(&key),
    }
}

/// Those that a list which was asked for then may not show.
fn current<K, T>(notes: &HashMap<K, Note<T>>, sent_at: Duration) -> impl Iterator<Item = (&K, &Note<T>)> {
    notes.iter().filter(move |(_, note)| sent_at < note.at.saturating_add(LAG))
}

/// The list with what was written where it shows something else.
fn settle<L>(list: L, notes: &HashMap<L::Id, Note<L::Item>>, sent_at: Duration) -> (L, Late)
where
    L: Listing + Deref<Target = [Arc<L::Item>]> + FromIterator<Arc<L::Item>>,
{
    let (mut late, mut items) = (Late::default(), None);
    for (id, note) in current(notes, sent_at) {
        let (shown, written) = (list.find(*id), note.object.as_ref());
        let is_shown = match (shown, written) {
            (Some(shown), Some(written)) => L::agree(shown, written),
            (shown, written) => shown.is_none() && written.is_none(),
        };
        if is_shown {
            continue;
        }
        late.by(note.at);
        let items = items.get_or_insert_with(|| list.to_vec());
        let place = shown.and_then(|shown| items.iter().position(|item| Arc::ptr_eq(item, shown)));
        match (place, written) {
            (Some(place), Some(written)) => items[place] = Arc::new(L::filled(written, &items[place])),
            (Some(place), None) => _ = items.remove(place),
            (None, written) => items.extend(written.cloned()),
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
    fn by(&mut self, written_at: Duration) {
        self.0 = self.0.max(Some(written_at.saturating_add(LAG)));
    }

    fn until(self, operation: &'static str) -> Option<Duration> {
        if self.0.is_some() {
            debug!(operation, "it does not show what was written a moment ago");
        }
        self.0
    }
}
