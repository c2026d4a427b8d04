//! The eleven operations.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use ultracart_model::{Group, GroupOid, User, UserId, UserLogin};
use ultracart_transport::{Error, ErrorKind};

use crate::client::Inner;
use crate::list::{Groups, Users};
use crate::operation::{
    DeleteGroup, DeleteUser, GetGroup, GetGroups, GetUser, GetUserLogins, GetUsers, InsertGroup, InsertUser,
    ListOperation, Operation, Page, UpdateGroup, UpdateUser,
};

/// UltraCart's operations on the users and groups of an account. Clones share everything.
///
/// # Errors
/// Every operation fails with an [`Error`] that says whether the server may have done it all the same.
///
/// # Cancel safety
/// Dropped before its turn came, a call costs nothing. Dropped later it is finished in the background.
///
/// See UltraCart's documentation of the [User API](https://www.ultracart.com/api/#resource_user.html).
#[derive(Clone)]
pub struct UserApi(Arc<Inner>);

impl UserApi {
    pub(crate) fn new(client: Arc<Inner>) -> Self {
        Self(client)
    }

    pub(crate) fn client(&self) -> &Inner {
        &self.0
    }

    /// Every user of the account (`getUsers`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::EndlessList`] if the server never comes to the list's end.
    ///
    /// # Calls
    /// None while the list is good (`cache.users.ttl`); else one, and one more for each further part of a long list.
    pub async fn get_users(&self) -> Result<Arc<Users>, Error> {
        self.users(|_| true).await
    }

    /// Every user: as they are remembered, if that will do.
    pub(crate) async fn users(&self, will_do: impl Fn(&Users) -> bool) -> Result<Arc<Users>, Error> {
        let load = async { Ok(Arc::new(self.list::<GetUsers>().await?.into_iter().collect())) };
        self.0.caches.users.get((), |users| will_do(users), load).await
    }

    /// One user (`getUser`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such user.
    ///
    /// # Calls
    /// One.
    pub async fn get_user(&self, user_id: UserId) -> Result<Arc<User>, Error> {
        self.send(GetUser(user_id)).await.map(Arc::new)
    }

    /// A user's logins of the last 90 days (`getUserLogins`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such user.
    ///
    /// # Calls
    /// None while they are good (`cache.logins.ttl`); else one.
    pub async fn get_user_logins(&self, user_id: UserId) -> Result<Arc<[UserLogin]>, Error> {
        self.logins(user_id, |_| true).await
    }

    /// A user's logins: as they are remembered, if that will do.
    pub(crate) async fn logins(
        &self,
        user_id: UserId,
        will_do: impl Fn(&[UserLogin]) -> bool,
    ) -> Result<Arc<[UserLogin]>, Error> {
        let load = async { Ok(self.send(GetUserLogins(user_id)).await?.into()) };
        self.0.caches.logins.get(user_id, |logins| will_do(logins), load).await
    }

    /// Makes a user (`insertUser`) and gives it as UltraCart stored it.
    ///
    /// # Errors
    /// See [`UserApi`]. It is not sent again when it may have reached the server: look for the login first.
    ///
    /// # Calls
    /// One.
    pub async fn insert_user(&self, user: &User) -> Result<User, Error> {
        let _changing = Changing::users(&self.0);
        self.send(InsertUser(user)).await
    }

    /// Stores a user (`updateUser`) and gives it as UltraCart has it then.
    ///
    /// # Errors
    /// See [`UserApi`].
    ///
    /// # Calls
    /// One.
    pub async fn update_user(&self, user_id: UserId, user: &User) -> Result<User, Error> {
        let _changing = Changing::users(&self.0);
        self.send(UpdateUser(user_id, user)).await
    }

    /// Reads a user, changes it and writes it back, with all that this version does not know. A user that the change
    /// leaves as it was is not written.
    ///
    /// Changes that are made so through one client never undo each other: each is read after the one before it is
    /// written. They can still undo what another program, another client or any other operation of this one writes
    /// between their two calls: UltraCart does not say that somebody else was quicker.
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
    /// Two, or one if nothing changed.
    pub async fn update_user_with(
        &self,
        user_id: UserId,
        change: impl FnOnce(&mut User),
    ) -> Result<User, Error> {
        let _alone = self.0.changing.lock().await;
        let read = self.send(GetUser(user_id)).await?;
        let mut changed = read.clone();
        change(&mut changed);
        if changed == read {
            return Ok(read);
        }
        self.update_user(user_id, &changed).await
    }

    /// Deletes a user (`deleteUser`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such user.
    ///
    /// # Calls
    /// One. Where UltraCart refuses with a 400, which also means that there is no such user, one more to find out.
    pub async fn delete_user(&self, user_id: UserId) -> Result<(), Error> {
        let _changing = Changing::users(&self.0);
        match self.send(DeleteUser(user_id)).await {
            Err(error) => not_deleted(error, self.send(GetUser(user_id))).await,
            Ok(()) => Ok(()),
        }
    }

    /// Every group of the account (`getGroups`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::EndlessList`] if the server never comes to the list's end.
    ///
    /// # Calls
    /// None while the list is good (`cache.groups.ttl`); else one, and one more for each further part of a long list.
    pub async fn get_groups(&self) -> Result<Arc<Groups>, Error> {
        self.groups(|_| true).await
    }

    /// Every group: as they are remembered, if that will do.
    pub(crate) async fn groups(&self, will_do: impl Fn(&Groups) -> bool) -> Result<Arc<Groups>, Error> {
        let load = async { Ok(Arc::new(self.list::<GetGroups>().await?.into_iter().collect())) };
        self.0.caches.groups.get((), |groups| will_do(groups), load).await
    }

    /// One group (`getGroup`).
    ///
    /// UltraCart documents that the call returns nothing. Where that is so the group is looked up in the list.
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such group.
    ///
    /// # Calls
    /// One. Where the server returns nothing, also those for the list of groups, unless the group is in one that is
    /// still good.
    pub async fn get_group(&self, group_oid: GroupOid) -> Result<Arc<Group>, Error> {
        if let Some(group) = self.send(GetGroup(group_oid)).await? {
            return Ok(Arc::new(group));
        }
        // The server has just said that the group is there: a list without it is too old.
        let groups = self.groups(|groups| groups.get(group_oid).is_some()).await?;
        groups.get(group_oid).cloned().ok_or_else(|| no_group(group_oid))
    }

    /// Makes a group (`insertGroup`) and gives it as UltraCart stored it.
    ///
    /// # Errors
    /// See [`UserApi`]. It is not sent again when it may have reached the server: look for the name first.
    ///
    /// # Calls
    /// One.
    pub async fn insert_group(&self, group: &Group) -> Result<Group, Error> {
        let _changing = Changing::users(&self.0);
        self.send(InsertGroup(group)).await
    }

    /// Stores a group (`updateGroup`) and gives it as UltraCart has it then.
    ///
    /// # Errors
    /// See [`UserApi`].
    ///
    /// # Calls
    /// One.
    pub async fn update_group(&self, group_oid: GroupOid, group: &Group) -> Result<Group, Error> {
        let _changing = Changing::users(&self.0);
        self.send(UpdateGroup(group_oid, group)).await
    }

    /// Reads a group, changes it and writes it back, with all that this version does not know. A group that the
    /// change leaves as it was is not written.
    ///
    /// For what it undoes and what it does not, see [`update_user_with`](Self::update_user_with).
    ///
    /// # Errors
    /// See [`UserApi`].
    ///
    /// # Calls
    /// Two, or one if nothing changed; one more where the server returns no group.
    pub async fn update_group_with(
        &self,
        group_oid: GroupOid,
        change: impl FnOnce(&mut Group),
    ) -> Result<Group, Error> {
        let _alone = self.0.changing.lock().await;
        let read = match self.send(GetGroup(group_oid)).await? {
            Some(group) => group,
            // What is remembered will not do for a change.
            None => self
                .list::<GetGroups>()
                .await?
                .into_iter()
                .find(|group| group.group_oid == Some(group_oid))
                .ok_or_else(|| no_group(group_oid))?,
        };
        let mut changed = read.clone();
        change(&mut changed);
        if changed == read {
            return Ok(read);
        }
        self.update_group(group_oid, &changed).await
    }

    /// Deletes a group (`deleteGroup`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such group.
    ///
    /// # Calls
    /// One. Where UltraCart refuses with a 400, which also means that there is no such group, one more to find out.
    pub async fn delete_group(&self, group_oid: GroupOid) -> Result<(), Error> {
        let _changing = Changing::users(&self.0);
        match self.send(DeleteGroup(group_oid)).await {
            Err(error) => not_deleted(error, self.send(GetGroup(group_oid))).await,
            Ok(()) => Ok(()),
        }
    }

    async fn send<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        self.exchange(operation).await.map(|(output, _)| output)
    }

    /// Sends a call; with what it gives, how often it was sent.
    async fn exchange<O: Operation>(&self, operation: O) -> Result<(O::Output, u32), Error> {
        let call = operation.call()?.cache(O::CACHE);
        let name = call.operation;
        let answer = self.0.transport.send(call).await?;
        let (attempts, status) = (answer.attempts, answer.status.as_u16());
        let output = operation.decode(&answer);
        let output =
            output.map_err(|error| error.with_operation(name).with_attempts(attempts).with_status(status))?;
        Ok((output, attempts))
    }

    /// All parts of a list.
    async fn list<O: ListOperation>(&self) -> Result<Vec<O::Item>, Error> {
        let (mut all, mut ids) = (Vec::new(), HashSet::new());
        let mut page = Page::default();
        loop {
            let operation = O::page(page);
            let name = operation.call()?.operation;
            let ((items, metadata), attempts) = self.exchange(operation).await?;
            let new = items.iter().filter_map(O::id).filter(|id| ids.insert(*id)).count();
            let next = page.next(metadata.as_ref(), new);
            let next = next.map_err(|error| error.with_operation(name).with_attempts(attempts))?;
            all.extend(items);
            match next {
                Some(next) => page = next,
                None => return Ok(all),
            }
        }
    }
}

impl fmt::Debug for UserApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserApi").field("transport", &self.0.transport).finish_non_exhaustive()
    }
}

/// What a deletion that failed comes to. A 400 can say that there is nothing to delete, or that it may not be deleted:
/// `look` tells which.
async fn not_deleted<T>(error: Error, look: impl Future<Output = Result<T, Error>>) -> Result<(), Error> {
    let is_gone = match error.kind() {
        ErrorKind::NotFound => true,
        ErrorKind::BadRequest => look.await.is_err_and(|error| error.is_not_found()),
        _ => false,
    };
    match (is_gone, error.follows_unseen_attempt()) {
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

/// A write under way. What was read before it, or is read during it, is good for nothing afterwards.
///
/// Users and groups name each other, so a change of either is one of both.
struct Changing<'a>(&'a Inner);

impl<'a> Changing<'a> {
    fn users(client: &'a Inner) -> Self {
        let changing = Self(client);
        changing.invalidate();
        changing
    }

    fn invalidate(&self) {
        self.0.caches.users.invalidate();
        self.0.caches.groups.invalidate();
        self.0.caches.logins.invalidate();
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.invalidate();
    }
}
