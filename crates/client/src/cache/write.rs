//! A write under way. What was read before it, or is read during it, is good for nothing afterwards.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ultracart_model::{Group, GroupOid, User, UserId};
use ultracart_transport::Watch;

use super::flights::Begun;
use super::{Caches, Generations};

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
    pub(crate) fn of_change(id: UserId, from: &User, to: &User) -> Self {
        let name = |user: &User| (user.login.clone(), user.email.clone(), user.full_name.clone());
        let groups = from.groups != to.groups || name(from) != name(to);
        Self::User { id: Some(id), groups, logins: from.login != to.login }
    }
}

/// That the object is not there any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone;

/// A write, as its caller knows it.
#[derive(Debug)]
pub(crate) struct Write {
    caches: Arc<Caches>,
    effect: Effect,
    course: Mutex<Course>,
}

/// How far a write is.
#[derive(Clone, Copy, Debug, Default)]
struct Course {
    begun: Option<Begun>,
    /// Its end, if no other change came between.
    ended_alone: Option<Begun>,
}

/// The same as the transport knows it: as long as this is there the server is at it.
#[derive(Debug)]
pub(crate) struct Sent(Arc<Write>);

impl Write {
    pub(crate) fn new(caches: &Arc<Caches>, effect: Effect) -> Arc<Self> {
        Arc::new(Self { caches: Arc::clone(caches), effect, course: Mutex::default() })
    }

    /// For the transport to hold.
    pub(crate) fn watch(self: &Arc<Self>) -> Arc<dyn Watch> {
        Arc::new(Sent(Arc::clone(self)))
    }

    /// The server has stored the user so.
    pub(crate) fn stored_user(&self, id: UserId, user: &Arc<User>) {
        let Course { begun, ended_alone } = *self.course();
        let outcome = ended_alone.map(|end| (Some(Arc::clone(user)), end.at));
        self.caches.recent.user(id, outcome, self.caches.now());
        if let (Some(begun), Some(end)) = (begun, ended_alone) {
            self.caches.users.stored(id, Arc::clone(user), Begun { at: begun.at, ..end });
        }
        self.caches.server_answers();
    }

    /// The server has stored the group so.
    pub(crate) fn stored_group(&self, oid: GroupOid, group: &Arc<Group>) {
        let Course { begun, ended_alone } = *self.course();
        let outcome = ended_alone.map(|end| (Some(Arc::clone(group)), end.at));
        self.caches.recent.group(oid, outcome, self.caches.now());
        if let (Some(begun), Some(end)) = (begun, ended_alone) {
            self.caches.groups.stored(oid, Arc::clone(group), Begun { at: begun.at, ..end });
        }
        self.caches.server_answers();
    }

    /// The server has no such object any more, or it is not known what it has.
    pub(crate) fn ended(&self, gone: Option<Gone>) {
        let Course { begun, ended_alone } = *self.course();
        if begun.is_none() {
            return; // It was not sent.
        }
        let (now, end) = (self.caches.now(), ended_alone.filter(|_| gone.is_some()));
        match self.effect {
            Effect::User { id: Some(id), .. } => {
                self.caches.recent.user(id, end.map(|end| (None, end.at)), now);
            }
            Effect::Group(Some(oid)) => self.caches.recent.group(oid, end.map(|end| (None, end.at)), now),
            Effect::User { id: None, .. } | Effect::Group(None) => {}
        }
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what was read so far, or is being read, a miss.
    fn change(&self) -> Begun {
        Begun { generation: self.caches.change(self.effect), at: self.caches.now() }
    }

    fn generations(&self) -> &Generations {
        match self.effect {
            Effect::User { .. } => self.caches.users.generations(),
            Effect::Group(_) => self.caches.groups.generations(),
        }
    }

    /// The latest change of what it changes.
    fn latest(&self) -> u64 {
        match self.effect {
            Effect::User { id: Some(id), .. } => self.generations().of(id.get()),
            Effect::Group(Some(oid)) => self.generations().of(oid.get()),
            Effect::User { id: None, .. } | Effect::Group(None) => self.generations().of_all(),
        }
    }
}

impl Watch for Sent {
    fn on_sending(&self) {
        self.0.course().begun = Some(self.0.change());
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let Some(begun) = self.0.course().begun else { return };
        let was_alone = self.0.latest() <= begun.generation;
        let end = self.0.change();
        self.0.course().ended_alone = was_alone.then_some(end);
    }
}

impl Caches {
    /// Makes what was read so far, or is being read, a miss; with the number of the change.
    pub(super) fn change(&self, effect: Effect) -> u64 {
        match effect {
            Effect::User { id, groups, logins } => {
                if groups {
                    self.groups.generations().change_all();
                }
                if let Some(id) = id.filter(|_| logins) {
                    self.of_logins.change(id.get());
                }
                let users = self.users.generations();
                id.map_or_else(|| users.change_list(), |id| users.change(id.get()))
            }
            Effect::Group(oid) => {
                self.users.generations().change_all();
                let groups = self.groups.generations();
                oid.map_or_else(|| groups.change_list(), |oid| groups.change(oid.get()))
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
