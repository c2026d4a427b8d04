//! The eleven operations.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;
use ultracart_model::{Group, GroupOid, User, UserId, UserLogin};
use ultracart_transport::{AttemptHook, Call, Error, ErrorKind};

use crate::cache::{CachePolicy, Cached, Effect, Kind, Load, Loaded, Need, Write};
use crate::client::Inner;
use crate::list::{Groups, Users};
use crate::operation::{
    DeleteGroup, DeleteUser, GetGroup, GetGroups, GetUser, GetUserLogins, GetUsers, InsertGroup, InsertUser,
    ListOperation, Operation, Page, UpdateGroup, UpdateUser,
};

/// UltraCart's operations on the users and groups of an account. Clones share everything.
///
/// What is read is remembered for a while (`[cache]` of the configuration), and what is written makes the client forget
/// what it changes. So a read that begins after a write has returned never sees what was there before. How a read goes about
/// what is remembered can be said for each: see [`cache_policy`](Self::cache_policy).
///
/// # Errors
/// Every operation fails with an [`Error`] that says whether the server may have done it all the same. The error of a read
/// is remembered, too, for 5 seconds and up to 5 minutes if it fails again and again.
///
/// # Cancel safety
/// A write that is dropped before its turn came costs nothing. Dropped later it is finished in the background. A read
/// that is dropped before its turn came costs nothing, unless others wait for the same. Dropped later it goes on, and what it
/// brings is remembered (with [`CachePolicy::Bypass`] it is not).
///
/// See UltraCart's documentation of the [User API](https://www.ultracart.com/api/#resource_user.html).
#[derive(Clone)]
pub struct UserApi {
    client: Arc<Inner>,
    policy: CachePolicy,
}

impl UserApi {
    pub(crate) fn new(client: Arc<Inner>) -> Self {
        Self { client, policy: CachePolicy::Default }
    }

    pub(crate) fn client(&self) -> &Inner {
        &self.client
    }

    /// The same operations, whose reads go about what is remembered in this way.
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// use ultracart_client::CachePolicy;
    ///
    /// let users = api.cache_policy(CachePolicy::Refresh).get_users().await?; // as they are now, for one call
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cache_policy(&self, policy: CachePolicy) -> Self {
        Self { client: Arc::clone(&self.client), policy }
    }

    /// Every user of the account (`getUsers`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::PaginationLoop`] if the server never comes to the list's end.
    ///
    /// # Calls
    /// None while the list is good (`cache.users.ttl`); else one, and one more for each further part of a long list.
    pub async fn get_users(&self) -> Result<Cached<Users>, Error> {
        let list = &self.client.caches.users.list;
        if let Some(hit) = list.lent_hit((), self.policy) {
            return Ok(hit.into());
        }
        list.get((), self.policy, |load| self.load_users(load)).await
    }

    /// One user (`getUser`).
    ///
    /// It comes out of the list of users where that is good and has all that UltraCart says of a user, which is found out
    /// by the first call for one. Its `login_histories` are from then: [`get_user_logins`](Self::get_user_logins) hears of
    /// logins, this does not.
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such user.
    ///
    /// # Calls
    /// None while the user or the list is good (`cache.users.ttl`); else one.
    pub async fn get_user(&self, user_id: UserId) -> Result<Cached<User>, Error> {
        self.user(user_id, self.policy, Need::Everything).await
    }

    async fn user(&self, id: UserId, policy: CachePolicy, need: Need) -> Result<Cached<User>, Error> {
        let load = |load| {
            let api = self.clone();
            async move { api.read(GetUser(id), &load).await.map(|(user, calls)| Loaded::new(user, calls)) }
        };
        self.client.caches.users.one(id, policy, need, load, |load| self.load_users(load)).await
    }

    fn load_users(
        &self,
        load: Load,
    ) -> impl Future<Output = Result<Loaded<Users>, Error>> + Send + 'static + use<> {
        let api = self.clone();
        async move {
            let sent = load.sent.clone();
            let (users, calls, parts) = api.list::<GetUsers>(load).await?;
            let (users, good_until) = api.client.caches.settle_users(users.into_iter().collect(), sent.at());
            Ok(Loaded { parts, good_until, ..Loaded::new(users, calls) })
        }
    }

    /// A user's logins of the last 90 days (`getUserLogins`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such user.
    ///
    /// # Calls
    /// None while they are good (`cache.logins.ttl`); else one.
    pub async fn get_user_logins(&self, user_id: UserId) -> Result<Cached<[UserLogin]>, Error> {
        let load = |load| {
            let api = self.clone();
            async move {
                let (logins, calls) = api.read(GetUserLogins(user_id), &load).await?;
                Ok(Loaded { value: logins.into(), calls, parts: 1, good_until: None })
            }
        };
        self.client.caches.logins.get(user_id, self.policy, load).await
    }

    /// Makes a user (`insertUser`) and gives it as UltraCart stored it.
    ///
    /// # Errors
    /// See [`UserApi`]. It is not sent again when it may have reached the server: look for the login first.
    ///
    /// # Calls
    /// One.
    pub async fn insert_user(&self, user: &User) -> Result<User, Error> {
        let write = Write::<Users>::new(&self.client.caches, Effect::of_user(None, user));
        let stored = self.send_write(InsertUser(user), &write, None).await?;
        write.has_stored(&stored);
        Ok(stored)
    }

    /// Stores a user (`updateUser`) and gives it as UltraCart has it then.
    ///
    /// # Errors
    /// See [`UserApi`].
    ///
    /// # Calls
    /// One.
    pub async fn update_user(&self, user_id: UserId, user: &User) -> Result<User, Error> {
        let write = Write::<Users>::new(&self.client.caches, Effect::of_user(Some(user_id), user));
        let stored = self.send_write(UpdateUser(user_id, user), &write, None).await?;
        write.has_stored(&stored);
        Ok(stored)
    }

    /// Reads a user, changes it and writes it back, with all that this version does not know. A user that the change
    /// leaves as it was is not written.
    ///
    /// Where the user is remembered and has not changed since, as far as this client knows, it is not read: after one
    /// [`get_users`](Self::get_users) a thousand users are changed with little more than a thousand calls. With
    /// [`CachePolicy::Refresh`] it is always read.
    ///
    /// It is read again, and `change` called again, where it is known to have changed before its turn to be written came:
    /// three times at the most, and then what was read last is written. Changes that are made so through one client never undo each other. They can still undo what another program,
    /// another client or any other operation of this one writes between the reading and the writing: UltraCart does not
    /// say that somebody else was quicker.
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// api.update_user_with(7.into(), |user| user.phone = Some("555-0100".into())).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`UserApi`].
    ///
    /// # Calls
    /// One, and one more if the user is to be read; none of the former if nothing changed.
    pub async fn update_user_with(
        &self,
        user_id: UserId,
        mut change: impl FnMut(&mut User),
    ) -> Result<User, Error> {
        let caches = &self.client.caches;
        let mut reads = 0;
        loop {
            let alone = Arc::clone(&self.client.changing).lock_owned().await;
            reads += 1;
            let may_read_again = reads < MOST_READS;
            let read = self.user(user_id, self.policy.for_a_change(), Need::Writable).await?;
            if may_read_again && !caches.users.is_current(user_id, &read) {
                continue;
            }
            let mut changed = User::clone(&read);
            change(&mut changed);
            if changed == *read {
                return Ok(changed);
            }
            let effect = Effect::of_change(user_id, &read, &changed);
            let write = Write::<Users>::based_on(caches, effect, &read, may_read_again);
            match self.send_write(UpdateUser(user_id, &changed), &write, Some(alone)).await {
                Err(_) if write.is_withdrawn() => {}
                Err(error) => return Err(error),
                Ok(stored) => {
                    write.has_stored(&stored);
                    return Ok(stored);
                }
            }
        }
    }

    /// Deletes a user (`deleteUser`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such user.
    ///
    /// # Calls
    /// One. Where UltraCart refuses with a 400, which also means that there is no such user, one more to find out.
    pub async fn delete_user(&self, user_id: UserId) -> Result<(), Error> {
        let effect = Effect::User { id: Some(user_id), groups: true, logins: true };
        let write = Write::<Users>::new(&self.client.caches, effect);
        let deleted = match self.send_write(DeleteUser(user_id), &write, None).await {
            Err(error) => not_deleted(error, self.look(GetUser(user_id))).await,
            Ok(()) => Ok(()),
        };
        if deleted.is_ok() {
            write.has_deleted();
        }
        deleted
    }

    /// Every group of the account (`getGroups`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::PaginationLoop`] if the server never comes to the list's end.
    ///
    /// # Calls
    /// None while the list is good (`cache.groups.ttl`); else one, and one more for each further part of a long list.
    pub async fn get_groups(&self) -> Result<Cached<Groups>, Error> {
        let list = &self.client.caches.groups.list;
        if let Some(hit) = list.lent_hit((), self.policy) {
            return Ok(hit.into());
        }
        list.get((), self.policy, |load| self.load_groups(load)).await
    }

    fn load_groups(
        &self,
        load: Load,
    ) -> impl Future<Output = Result<Loaded<Groups>, Error>> + Send + 'static + use<> {
        let api = self.clone();
        async move {
            let sent = load.sent.clone();
            let (groups, calls, parts) = api.list::<GetGroups>(load).await?;
            let (groups, good_until) =
                api.client.caches.settle_groups(groups.into_iter().collect(), sent.at());
            Ok(Loaded { parts, good_until, ..Loaded::new(groups, calls) })
        }
    }

    /// One group (`getGroup`).
    ///
    /// It comes out of the list of groups as [a user](Self::get_user) does out of that of users. UltraCart documents that
    /// the call returns nothing. Once that has been seen to be so, groups are looked up in the list only.
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such group.
    ///
    /// # Calls
    /// None while the group or the list is good (`cache.groups.ttl`); else one. Where the server is seen to return
    /// nothing, also those for the list.
    pub async fn get_group(&self, group_oid: GroupOid) -> Result<Cached<Group>, Error> {
        self.group(group_oid, self.policy, Need::Everything).await
    }

    async fn group(&self, oid: GroupOid, policy: CachePolicy, need: Need) -> Result<Cached<Group>, Error> {
        let load = |load| self.clone().load_group(oid, policy, load);
        self.client.caches.groups.one(oid, policy, need, load, |load| self.load_groups(load)).await
    }

    async fn load_group(
        self,
        oid: GroupOid,
        policy: CachePolicy,
        load: Load,
    ) -> Result<Loaded<Group>, Error> {
        let mut first = None;
        let found_out = async {
            let answer = self.read(GetGroup(oid), &load).await?;
            Ok::<_, Error>(first.insert(answer).0.is_none())
        };
        // One finds out, and others wait for that.
        let returns_nothing = *self.client.get_group_returns_nothing.get_or_try_init(|| found_out).await?;
        let (group, calls) = match first {
            Some(answer) => answer,
            None if returns_nothing => (None, 0),
            None => self.read(GetGroup(oid), &load).await?,
        };
        if let Some(group) = group {
            return Ok(Loaded::new(group, calls));
        }
        load.begin()?;
        let policy = if policy == CachePolicy::Bypass { policy } else { CachePolicy::Refresh };
        let groups = self.cache_policy(policy).get_groups().await;
        let groups = groups.map_err(|error| {
            let attempts = error.attempts() + calls;
            error.with_attempts(attempts)
        })?;
        let calls = calls + groups.calls();
        let group = groups.get(oid).ok_or_else(|| no_group(oid).with_attempts(calls))?;
        Ok(Loaded { value: Arc::clone(group), calls, parts: 1, good_until: None })
    }

    /// Makes a group (`insertGroup`) and gives it as UltraCart stored it.
    ///
    /// # Errors
    /// See [`UserApi`]. It is not sent again when it may have reached the server: look for the name first.
    ///
    /// # Calls
    /// One.
    pub async fn insert_group(&self, group: &Group) -> Result<Group, Error> {
        let write = Write::<Groups>::new(&self.client.caches, Effect::Group(None));
        let stored = self.send_write(InsertGroup(group), &write, None).await?;
        write.has_stored(&stored);
        Ok(stored)
    }

    /// Stores a group (`updateGroup`) and gives it as UltraCart has it then.
    ///
    /// # Errors
    /// See [`UserApi`].
    ///
    /// # Calls
    /// One.
    pub async fn update_group(&self, group_oid: GroupOid, group: &Group) -> Result<Group, Error> {
        let write = Write::<Groups>::new(&self.client.caches, Effect::Group(Some(group_oid)));
        let stored = self.send_write(UpdateGroup(group_oid, group), &write, None).await?;
        write.has_stored(&stored);
        Ok(stored)
    }

    /// Reads a group, changes it and writes it back, with all that this version does not know. A group that the
    /// change leaves as it was is not written.
    ///
    /// For when it is read, what it undoes and what it does not, see [`update_user_with`](Self::update_user_with).
    ///
    /// # Errors
    /// See [`UserApi`].
    ///
    /// # Calls
    /// One, and those to read the group if it is to be read; none of the former if nothing changed.
    pub async fn update_group_with(
        &self,
        group_oid: GroupOid,
        mut change: impl FnMut(&mut Group),
    ) -> Result<Group, Error> {
        let caches = &self.client.caches;
        let mut reads = 0;
        loop {
            let alone = Arc::clone(&self.client.changing).lock_owned().await;
            reads += 1;
            let may_read_again = reads < MOST_READS;
            let read = self.group(group_oid, self.policy.for_a_change(), Need::Writable).await?;
            if may_read_again && !caches.groups.is_current(group_oid, &read) {
                continue;
            }
            let mut changed = Group::clone(&read);
            change(&mut changed);
            if changed == *read {
                return Ok(changed);
            }
            let effect = Effect::Group(Some(group_oid));
            let write = Write::<Groups>::based_on(caches, effect, &read, may_read_again);
            match self.send_write(UpdateGroup(group_oid, &changed), &write, Some(alone)).await {
                Err(_) if write.is_withdrawn() => {}
                Err(error) => return Err(error),
                Ok(stored) => {
                    write.has_stored(&stored);
                    return Ok(stored);
                }
            }
        }
    }

    /// Deletes a group (`deleteGroup`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such group.
    ///
    /// # Calls
    /// One. Where UltraCart refuses with a 400, which also means that there is no such group, one more to find out.
    pub async fn delete_group(&self, group_oid: GroupOid) -> Result<(), Error> {
        let write = Write::<Groups>::new(&self.client.caches, Effect::Group(Some(group_oid)));
        let deleted = match self.send_write(DeleteGroup(group_oid), &write, None).await {
            Err(error) => not_deleted(error, self.look(GetGroup(group_oid))).await,
            Ok(()) => Ok(()),
        };
        if deleted.is_ok() {
            write.has_deleted();
        }
        deleted
    }

    /// Sends a write. From when it is sent until it is over, what it changes is good for nothing. `alone` is let go of
    /// then, and not before.
    async fn send_write<L: Kind, O: Operation>(
        &self,
        operation: O,
        write: &Arc<Write<L>>,
        alone: Option<OwnedMutexGuard<()>>,
    ) -> Result<O::Output, Error> {
        let call = operation.call()?;
        let result = self.exchange(operation, call, Some(write.watch(alone))).await;
        if let Err(error) = &result {
            let has_done_nothing =
                matches!(error.status(), Some(400..500)) && !error.earlier_attempt_may_have_applied();
            if has_done_nothing {
                write.has_done_nothing();
            }
        }
        result.map(|(output, _)| output)
    }

    /// Sends a call of the caches; with what it gives, how often it was sent.
    async fn read<O: Operation>(&self, operation: O, load: &Load) -> Result<(O::Output, u32), Error> {
        let call = operation.call()?.cache(load.cache).priority(load.priority);
        self.exchange(operation, call, load.watch.clone()).await
    }

    /// Sends a call past the caches, to see whether something is there.
    async fn look<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        let call = operation.call()?;
        self.exchange(operation, call, None).await.map(|(output, _)| output)
    }

    async fn exchange<O: Operation>(
        &self,
        operation: O,
        call: Call,
        watch: Option<Arc<dyn AttemptHook>>,
    ) -> Result<(O::Output, u32), Error> {
        let name = call.operation;
        let answer = self.client.transport.send_with_hook(call, watch).await?;
        let (attempts, status) = (answer.attempts, answer.status.as_u16());
        let output = operation.decode(&answer);
        let output =
            output.map_err(|error| error.with_operation(name).with_attempts(attempts).with_status(status))?;
        Ok((output, attempts))
    }

    /// All parts of a list; with them, how many calls they took, and how many parts they are.
    async fn list<O: ListOperation>(&self, mut load: Load) -> Result<(Vec<O::Item>, u32, u32), Error> {
        let (mut all, mut ids) = (Vec::new(), HashSet::new());
        let (mut calls, mut parts) = (0, 0);
        let mut page = Page::default();
        loop {
            let operation = O::page(page);
            let name = operation.call()?.operation;
            let read = self.read(operation, &load).await;
            let ((items, metadata), attempts) = read.map_err(|error| {
                let attempts = calls + error.attempts();
                error.with_attempts(attempts)
            })?;
            // The whole is as old as its first part.
            load.watch = None;
            (calls, parts) = (calls + attempts, parts + 1);
            let new = items.iter().filter_map(O::id).filter(|id| ids.insert(*id)).count();
            let next = page.next(metadata.as_ref(), new);
            let next = next.map_err(|error| error.with_operation(name).with_attempts(calls))?;
            all.extend(items);
            match next {
                Some(next) => page = next,
                None => return Ok((all, calls, parts)),
            }
        }
    }
}

impl fmt::Debug for UserApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserApi").field("transport", &self.client.transport).finish_non_exhaustive()
    }
}

/// What is changed is read so often at the most, where it is known to have changed before it is written.
const MOST_READS: u32 = 4;

/// What a deletion that failed comes to. A 400 can say that there is nothing to delete, or that it may not be deleted:
/// `look` tells which.
async fn not_deleted<T>(error: Error, look: impl Future<Output = Result<T, Error>>) -> Result<(), Error> {
    let is_gone = match error.kind() {
        ErrorKind::NotFound => true,
        ErrorKind::BadRequest => look.await.is_err_and(|error| error.is_not_found()),
        _ => false,
    };
    match (is_gone, error.earlier_attempt_may_have_applied()) {
        // An attempt whose end was not seen has done it.
        (true, true) => Ok(()),
        (true, false) => Err(error.with_kind(ErrorKind::NotFound)),
        (false, _) => Err(error),
    }
}

fn no_group(group_oid: GroupOid) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no group {group_oid}"))
        .with_operation("get_group")
        .after_sending()
}
