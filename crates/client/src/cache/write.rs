//! A write under way. What was read before it, or is read during it, is good for nothing afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// The number of its beginning; 0 before it.
    begun: AtomicU64,
    /// The number of its end; 0 before it, and where another change came between.
    ended_alone: AtomicU64,
}

/// The same as the transport knows it: as long as this is there the server is at it.
#[derive(Debug)]
pub(crate) struct Sent(Arc<Write>);

impl Write {
    pub(crate) fn new(caches: &Arc<Caches>, effect: Effect) -> Arc<Self> {
        let caches = Arc::clone(caches);
        Arc::new(Self { caches, effect, begun: AtomicU64::new(0), ended_alone: AtomicU64::new(0) })
    }

    /// For the transport to hold.
    pub(crate) fn watch(self: &Arc<Self>) -> Arc<dyn Watch> {
        Arc::new(Sent(Arc::clone(self)))
    }

    /// When the caches may take over what the server answered with: when no other change came between the beginning and
    /// the end. `None` if one did, or it has not ended.
    fn end(&self) -> Option<Begun> {
        let generation = self.ended_alone.load(Ordering::Acquire);
        (generation > 0).then(|| Begun { generation, at: self.caches.now() })
    }

    /// The server has stored the user so.
    pub(crate) fn stored_user(&self, id: UserId, user: &Arc<User>) {
        let end = self.end();
        self.caches.recent.user(id, end.map(|end| (Some(Arc::clone(user)), end.at)), self.caches.now());
        if let Some(end) = end {
            self.caches.users.stored(id, Arc::clone(user), end);
        }
        self.caches.server_answers();
    }

    /// The server has stored the group so.
    pub(crate) fn stored_group(&self, oid: GroupOid, group: &Arc<Group>) {
        let end = self.end();
        self.caches.recent.group(oid, end.map(|end| (Some(Arc::clone(group)), end.at)), self.caches.now());
        if let Some(end) = end {
            self.caches.groups.stored(oid, Arc::clone(group), end);
        }
        self.caches.server_answers();
    }

    /// The server has no such object any more, or it is not known what it has.
    pub(crate) fn ended(&self, gone: Option<Gone>) {
        if self.begun.load(Ordering::Acquire) == 0 {
            return; // It was not sent.
        }
        let now = self.caches.now();
        let end = self.end().filter(|_| gone.is_some()).map(|end| end.at);
        match self.effect {
            Effect::User { id: Some(id), .. } => {
                self.caches.recent.user(id, end.map(|at| (None, at)), now);
            }
            Effect::Group(Some(oid)) => self.caches.recent.group(oid, end.map(|at| (None, at)), now),
            Effect::User { id: None, .. } | Effect::Group(None) => {}
        }
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
        self.0.begun.store(self.0.caches.change(self.0.effect), Ordering::Release);
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let begun = self.0.begun.load(Ordering::Acquire);
        if begun == 0 {
            return; // It was not sent.
        }
        let was_alone = self.0.latest() <= begun;
        let ended = self.0.caches.change(self.0.effect);
        if was_alone {
            self.0.ended_alone.store(ended, Ordering::Release);
        }
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
