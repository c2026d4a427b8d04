//! A write under way. What was read before it, or is read during it, is good for nothing afterwards.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use std::ops::ControlFlow;
use tokio::sync::OwnedMutexGuard;
use ultracart_model::{GroupOid, User, UserId};
use ultracart_transport::{AttemptHook, EarlierAttempts};

use super::cached::Cached;
use super::flights::Begun;
use super::recent::{Kind, Outcome};
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

/// A write, as its caller knows it.
#[derive(Debug)]
pub(crate) struct Write<L: Kind> {
    caches: Arc<Caches>,
    effect: Effect,
    /// What it changes; `None` is something new.
    id: Option<L::Id>,
    /// When what it writes back was read.
    read_at: Option<Duration>,
    /// The number of the latest change that it may follow.
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
struct Sent<L: Kind> {
    write: Arc<Write<L>>,
    _alone: Option<OwnedMutexGuard<()>>,
}

impl<L: Kind> Write<L> {
    pub(crate) fn new(caches: &Arc<Caches>, effect: Effect) -> Arc<Self> {
        Self::of(caches, effect, None, None)
    }

    /// A write of what was read: where `may_withdraw`, it is not sent if that has changed when its turn comes.
    pub(crate) fn based_on(
        caches: &Arc<Caches>,
        effect: Effect,
        read: &Cached<L::Item>,
        may_withdraw: bool,
    ) -> Arc<Self> {
        let read_at = caches.now().saturating_sub(read.age());
        Self::of(caches, effect, Some(read_at), may_withdraw.then_some(read.generation()))
    }

    fn of(caches: &Arc<Caches>, effect: Effect, read_at: Option<Duration>, after: Option<u64>) -> Arc<Self> {
        let (caches, id) = (Arc::clone(caches), L::changed_by(effect));
        Arc::new(Self { caches, effect, id, read_at, after, course: Mutex::default() })
    }

    /// For the transport to hold, with what keeps others from changing the same meanwhile.
    pub(crate) fn watch(self: &Arc<Self>, alone: Option<OwnedMutexGuard<()>>) -> Arc<dyn AttemptHook> {
        Arc::new(Sent { write: Arc::clone(self), _alone: alone })
    }

    /// Whether what it is based on had changed when its turn came: it was not sent.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.course().is_withdrawn
    }

    /// The server has stored it so.
    pub(crate) fn has_stored(&self, object: &L::Item) {
        let Course { begun: Some(begun), ended: Some((end, was_alone)), .. } = *self.course() else { return };
        self.caches.server_answers();
        let Some(id) = L::id(object).filter(|id| self.id.is_none_or(|changed| changed == *id)) else {
            return;
        };
        if self.id.is_none() {
            L::collection(&self.caches).exists(id);
        }
        // Whoever knew the id of something new may have changed it since.
        if was_alone && (self.id.is_some() || self.generations().of(L::number(id)) <= begun.generation) {
            self.caches.recent.new_is_known(end.at);
            let object = Arc::new(object.clone());
            let outcome = Outcome::Stored(Arc::clone(&object));
            self.caches.recent.is::<L>(id, end.generation, end.at, Some(outcome));
            L::collection(&self.caches).stored(id, object, Begun { at: begun.at, ..end });
        }
    }

    /// What it was to delete is gone.
    pub(crate) fn has_deleted(&self) {
        self.caches.server_answers();
        self.has_left(Some(Outcome::Gone));
    }

    /// It has done nothing.
    pub(crate) fn has_done_nothing(&self) {
        self.has_left(None);
    }

    /// What was there is so now, or, with `None`, as it was.
    fn has_left(&self, outcome: Option<Outcome<L::Item>>) {
        let Course { ended: Some((end, was_alone)), .. } = *self.course() else { return };
        match self.id {
            Some(id) if was_alone => self.caches.recent.is::<L>(id, end.generation, end.at, outcome),
            Some(_) => {}
            None => self.caches.recent.new_is_known(end.at),
        }
    }

    /// What it changes, changes now; with the number of the change before this one, and of this.
    fn change(&self) -> (u64, u64) {
        let mut effect = self.effect;
        // What is remembered of groups may be newer than what it writes back of a user.
        if let (Effect::User { groups, .. }, Some(read_at)) = (&mut effect, self.read_at) {
            *groups |= self.caches.groups.has_read_since(read_at);
        }
        self.caches.change(effect)
    }

    fn generations(&self) -> &Generations {
        L::collection(&self.caches).generations()
    }

    /// The latest change of what it changes.
    fn latest(&self) -> u64 {
        self.id.map_or_else(|| self.generations().of_all(), |id| self.generations().of(L::number(id)))
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Kind> AttemptHook for Sent<L> {
    fn before_attempt(&self, earlier: EarlierAttempts) -> ControlFlow<()> {
        let mut course = self.write.course();
        // Once an attempt may have done it, what was there before it is of no use.
        let after =
            course.begun.map_or(self.write.after, |begun| self.write.after.and(Some(begun.generation)));
        if earlier == EarlierAttempts::HadNoEffect && after.is_some_and(|after| self.write.latest() > after) {
            course.is_withdrawn = true;
            return ControlFlow::Break(());
        }
        let (before, generation) = self.write.change();
        // Of several attempts the first one tells.
        course.before = if course.begun.is_none() { before } else { course.before };
        course.begun = Some(Begun { generation, at: self.write.caches.now() });
        ControlFlow::Continue(())
    }
}

impl<L: Kind> Drop for Sent<L> {
    fn drop(&mut self) {
        let (write, caches) = (&self.write, &self.write.caches);
        let Course { begun: Some(begun), before, .. } = *write.course() else { return };
        let (latest, generation) = write.change();
        let (at, was_alone) = (caches.now(), latest <= begun.generation);
        match write.id {
            Some(id) => caches.recent.written::<L>(id, before, generation, at),
            None => caches.recent.new_written(at),
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
                    self.groups.generations().change_related();
                }
                if let Some(id) = id.filter(|_| logins) {
                    self.of_logins.change(id.get());
                }
                change_of(self.users.generations(), id.map(UserId::get))
            }
            Effect::Group(oid) => {
                self.users.generations().change_related();
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
