//! A write under way. What was read before it, or is read during it, is good for nothing afterwards.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;
use ultracart_model::{Group, GroupOid, User, UserId};
use ultracart_transport::{Sending, Watch};

use super::flights::Begun;
use super::{Caches, Generations, recent};

/// What a write changes. Users name the groups that they are in, and groups their users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// One user, or a new one.
    User {
        id: Option<UserId>,
        /// Whether it changes what groups say of the user: membership and names.
        groups: bool,
        /// Whether it changes what their logins say of the user.
        logins: bool,
    },
    /// One group, or a new one. Users say of every group whether they are in it, and its permissions are theirs.
    Group(Option<GroupOid>),
}

impl Effect {
    /// What sending this user does: a field that is not sent stays as it is.
    pub(crate) fn of_user(id: Option<UserId>, user: &User) -> Self {
        let names = [&user.login, &user.email, &user.full_name];
        let groups = id.is_none() || user.groups.is_some() || names.iter().any(|name| name.is_some());
        Self::User { id, groups, logins: user.login.is_some() }
    }

    /// What the difference between the two does.
    pub(crate) fn of_change(id: UserId, from: &User, to: &User, are_groups_newer: bool) -> Self {
        let name = |user: &User| (user.login.clone(), user.email.clone(), user.full_name.clone());
        let groups = are_groups_newer || from.groups != to.groups || name(from) != name(to);
        Self::User { id: Some(id), groups, logins: from.login != to.login }
    }
}

/// What is known of a write when it is over.
pub(crate) enum Outcome {
    User(Arc<User>),
    Group(Arc<Group>),
    Deleted,
    /// It has done nothing.
    Nothing,
    /// Nobody knows.
    Unknown,
}

/// A write, as its caller knows it.
#[derive(Debug)]
pub(crate) struct Write {
    caches: Arc<Caches>,
    effect: Effect,
    /// The number of the latest change that it may follow: what is written was read then.
    after: Option<u64>,
    course: Mutex<Course>,
}

/// How far a write is.
#[derive(Clone, Copy, Debug, Default)]
struct Course {
    begun: Option<Begun>,
    /// The number of the change before it.
    before: u64,
    /// Its end, and whether no other change came between.
    ended: Option<(Begun, bool)>,
    /// Whether what it is based on had changed when its turn came.
    is_withdrawn: bool,
}

/// The same as the transport knows it: as long as this is there the server is at it, and no other change is based on what
/// was there before.
#[derive(Debug)]
struct Sent {
    write: Arc<Write>,
    _alone: Option<OwnedMutexGuard<()>>,
}

impl Write {
    pub(crate) fn new(caches: &Arc<Caches>, effect: Effect) -> Arc<Self> {
        Self::after(caches, effect, None)
    }

    /// A write of what was read when the latest change had this number: it is not sent after another.
    pub(crate) fn after(caches: &Arc<Caches>, effect: Effect, after: Option<u64>) -> Arc<Self> {
        Arc::new(Self { caches: Arc::clone(caches), effect, after, course: Mutex::default() })
    }

    /// For the transport to hold, with what keeps others from changing the same meanwhile.
    pub(crate) fn watch(self: &Arc<Self>, alone: Option<OwnedMutexGuard<()>>) -> Arc<dyn Watch> {
        Arc::new(Sent { write: Arc::clone(self), _alone: alone })
    }

    /// Whether what it is based on had changed when its turn came: it was not sent.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.course().is_withdrawn
    }

    /// What has become of it.
    pub(crate) fn is_over(&self, outcome: Outcome) {
        let Course { begun: Some(begun), ended: Some((end, was_alone)), .. } = *self.course() else { return };
        let (caches, at) = (&self.caches, Begun { at: begun.at, ..end });
        if !matches!(outcome, Outcome::Unknown) {
            caches.recent.new_is_known(end.at);
        }
        match (outcome, self.effect) {
            (Outcome::User(user), Effect::User { id, .. }) => {
                caches.server_answers();
                let Some(new) = user.user_id.filter(|new| id.is_none_or(|id| id == *new)) else { return };
                // Whoever knew the id of something new may have changed it since.
                if was_alone && (id.is_some() || caches.users.generations().of(new.get()) <= begun.generation)
                {
                    caches.recent.user_is(
                        new,
                        end.generation,
                        end.at,
                        Some(recent::Outcome::Stored(Arc::clone(&user))),
                    );
                    caches.users.stored(new, user, at);
                }
            }
            (Outcome::Group(group), Effect::Group(oid)) => {
                caches.server_answers();
                let Some(new) = group.group_oid.filter(|new| oid.is_none_or(|oid| oid == *new)) else {
                    return;
                };
                if was_alone
                    && (oid.is_some() || caches.groups.generations().of(new.get()) <= begun.generation)
                {
                    caches.recent.group_is(
                        new,
                        end.generation,
                        end.at,
                        Some(recent::Outcome::Stored(Arc::clone(&group))),
                    );
                    caches.groups.stored(new, group, at);
                }
            }
            (Outcome::Deleted, effect) => {
                caches.server_answers();
                if was_alone {
                    self.leaves(effect, end, Some(()));
                }
            }
            (Outcome::Nothing, effect) if was_alone => self.leaves(effect, end, None),
            _ => {}
        }
    }

    /// What was there is gone, or, with `None`, as it was.
    fn leaves(&self, effect: Effect, end: Begun, gone: Option<()>) {
        match effect {
            Effect::User { id: Some(id), .. } => {
                self.caches.recent.user_is(id, end.generation, end.at, gone.map(|()| recent::Outcome::Gone));
            }
            Effect::Group(Some(oid)) => {
                self.caches.recent.group_is(
                    oid,
                    end.generation,
                    end.at,
                    gone.map(|()| recent::Outcome::Gone),
                );
            }
            Effect::User { id: None, .. } | Effect::Group(None) => {}
        }
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The latest change of what it changes.
    fn latest(&self) -> u64 {
        match self.effect {
            Effect::User { id: Some(id), .. } => self.caches.users.generations().of(id.get()),
            Effect::Group(Some(oid)) => self.caches.groups.generations().of(oid.get()),
            Effect::User { id: None, .. } => self.caches.users.generations().of_all(),
            Effect::Group(None) => self.caches.groups.generations().of_all(),
        }
    }
}

impl Watch for Sent {
    fn on_sending(&self) -> Sending {
        let mut course = self.write.course();
        if course.begun.is_none() && self.write.after.is_some_and(|after| self.write.latest() > after) {
            course.is_withdrawn = true;
            return Sending::Withdraw;
        }
        let (before, generation) = self.write.caches.change(self.write.effect);
        // Of several attempts the first one tells.
        course.before = if course.begun.is_none() { before } else { course.before };
        course.begun = Some(Begun { generation, at: self.write.caches.now() });
        Sending::GoOn
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let (write, caches) = (&self.write, &self.write.caches);
        let Course { begun: Some(begun), before, .. } = *write.course() else { return };
        let (latest, generation) = caches.change(write.effect);
        let (at, was_alone) = (caches.now(), latest <= begun.generation);
        match write.effect {
            Effect::User { id: Some(id), .. } => {
                caches.recent.user_written(id, before, generation, at);
            }
            Effect::Group(Some(oid)) => caches.recent.group_written(oid, before, generation, at),
            Effect::User { id: None, .. } | Effect::Group(None) => caches.recent.new_written(at),
        }
        write.course().ended = Some((Begun { generation, at }, was_alone));
    }
}

impl Caches {
    /// Makes what was read so far, or is being read, a miss; with the number of the change before this one, and of this.
    pub(super) fn change(&self, effect: Effect) -> (u64, u64) {
        match effect {
            Effect::User { id, groups, logins } => {
                if groups {
                    self.groups.generations().change_all();
                }
                if let Some(id) = id.filter(|_| logins) {
                    self.of_logins.change(id.get());
                }
                change_of(self.users.generations(), id.map(UserId::get))
            }
            Effect::Group(oid) => {
                self.users.generations().change_all();
                change_of(self.groups.generations(), oid.map(GroupOid::get))
            }
        }
    }

    /// A write has succeeded: what failed a moment ago may be tried again.
    fn server_answers(&self) {
        self.users.forget_failures();
        self.groups.forget_failures();
        self.logins.forget_failures();
    }
}

fn change_of(generations: &Generations, id: Option<i32>) -> (u64, u64) {
    match id {
        Some(id) => generations.change_after(id),
        None => (generations.of_all(), generations.change_list()),
    }
}
