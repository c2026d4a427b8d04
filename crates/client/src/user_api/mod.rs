//! `UserApi`: UltraCart's operations on users and groups.

mod change;
mod exchange;
mod load;

use std::fmt;
use std::sync::Arc;

use ultracart_model::{Group, GroupOid, User, UserId, UserLogin};
use ultracart_transport::Error;
#[expect(unused_imports, reason = "for the documentation")]
use ultracart_transport::ErrorKind;

use crate::cache::{CachePolicy, Cached, Effect, Write};
use crate::inner::Inner;
use crate::list::{Groups, Users};
use crate::operation::{
    DeleteGroup, DeleteUser, GetGroup, GetGroups, GetUser, GetUsers, InsertGroup, InsertUser, UpdateGroup,
    UpdateUser,
};

/// UltraCart's operations on the users and groups of an account. Clones share everything.
///
/// Reads are cached (`[cache]` in the configuration, 5 minutes by default); a write invalidates what it affects. So a read
/// that begins after a write has returned never sees an older version of what was written, except with
/// [`CachePolicy::StaleAllowed`], and except in a whole list for 5 seconds if the server's lists lag behind its writes.
/// [`cache_policy`](Self::cache_policy) changes how reads use the cache.
///
/// # Errors
/// Every operation fails with an [`Error`] that says whether the server may have carried it out all the same. A failed read
/// is remembered for 5 seconds, and for up to 5 minutes if it fails again and again, so that a storm of callers makes one
/// call.
///
/// # Cancel safety
/// A write that is dropped before it is sent costs nothing. Dropped later, it is finished in the background. A read that is
/// dropped before it is sent costs nothing, unless other callers wait for the same. Dropped later, it goes on, and its result
/// is cached (except with [`CachePolicy::Bypass`]).
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

    /// Returns the same operations with another policy for reads.
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

    /// Returns every user of the account (`getUsers`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::PaginationLoop`] if the server never comes to the list's end.
    ///
    /// # Calls
    /// None while the list is fresh (`cache.users.ttl`); else one, and one more for each further page of a long list.
    pub async fn get_users(&self) -> Result<Cached<Users>, Error> {
        let list = &self.client.caches.users.list;
        if let Some(hit) = list.try_hit(self.policy) {
            return Ok(hit);
        }
        list.get((), self.policy.into(), |load| self.clone().load_list::<GetUsers, _>(load)).await
    }

    /// Returns one user (`getUser`).
    ///
    /// The user comes out of the cached list if it is fresh and has all fields. The first single read finds out whether lists
    /// have them. The user's `login_histories` are then as old as the list:
    /// [`get_user_logins`](Self::get_user_logins) knows of later logins.
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such user.
    ///
    /// # Calls
    /// None if the user, or a complete list, is fresh (`cache.users.ttl`); otherwise one, or two if a reloaded list no longer has
    /// the user.
    pub async fn get_user(&self, user_id: UserId) -> Result<Cached<User>, Error> {
        self.user(user_id, self.policy.into()).await
    }

    /// Returns a user's logins of the last 90 days (`getUserLogins`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such user.
    ///
    /// # Calls
    /// None while the logins are fresh (`cache.logins.ttl`); else one.
    pub async fn get_user_logins(&self, user_id: UserId) -> Result<Cached<[UserLogin]>, Error> {
        let call = |load| self.clone().load_logins(user_id, load);
        self.client.caches.logins.get(user_id, self.policy.into(), call).await
    }

    /// Inserts a user (`insertUser`) and returns it as UltraCart stored it.
    ///
    /// # Errors
    /// See [`UserApi`]. An insert that may have reached the server is not sent again: look for the login first.
    ///
    /// # Calls
    /// One.
    pub async fn insert_user(&self, user: &User) -> Result<User, Error> {
        let write = Arc::new(Write::<Users>::new(&self.client.caches, None, Effect::OF_WHOLE_USER));
        self.store(InsertUser(user), &write).await
    }

    /// Updates a user (`updateUser`) and returns it as UltraCart stored it. Fields that are not set stay as they are.
    ///
    /// # Errors
    /// See [`UserApi`].
    ///
    /// # Calls
    /// One.
    pub async fn update_user(&self, user_id: UserId, user: &User) -> Result<User, Error> {
        let write =
            Arc::new(Write::<Users>::new(&self.client.caches, Some(user_id), Effect::of_update(user)));
        self.store(UpdateUser(user_id, user), &write).await
    }

    /// Reads a user, changes it and writes it back, including fields that this version of the library doesn't know. Nothing
    /// is written if `change` changes nothing.
    ///
    /// The user is read from the cache if it is fresh there: after one [`get_users`](Self::get_users), a thousand users are
    /// changed with little more than a thousand calls. [`CachePolicy::Refresh`] always reads it from the server.
    ///
    /// If the user is known to have changed before the write is sent, the user is read again and `change` is called again, up
    /// to three times. After that the write is sent without a check. Concurrent calls of this function for one user through one
    /// client never undo each other. They can undo what another program, another client or another operation writes between
    /// the reading and the writing, since UltraCart has no conditional update.
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
    /// One for the write, if anything changed, and one for each time that the user is read from the server.
    pub async fn update_user_with(
        &self,
        user_id: UserId,
        change: impl FnMut(&mut User),
    ) -> Result<User, Error> {
        self.change::<Users>(user_id, change).await
    }

    /// Deletes a user (`deleteUser`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such user.
    ///
    /// # Calls
    /// One. If UltraCart refuses with a 400, which can also mean that there is no such user, one more to find out.
    pub async fn delete_user(&self, user_id: UserId) -> Result<(), Error> {
        let write = Arc::new(Write::<Users>::new(&self.client.caches, Some(user_id), Effect::OF_WHOLE_USER));
        self.delete(DeleteUser(user_id), GetUser(user_id), &write).await
    }

    /// Returns every group of the account (`getGroups`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::PaginationLoop`] if the server never comes to the list's end.
    ///
    /// # Calls
    /// None while the list is fresh (`cache.groups.ttl`); else one, and one more for each further page of a long list.
    pub async fn get_groups(&self) -> Result<Cached<Groups>, Error> {
        let list = &self.client.caches.groups.list;
        if let Some(hit) = list.try_hit(self.policy) {
            return Ok(hit);
        }
        list.get((), self.policy.into(), |load| self.clone().load_list::<GetGroups, _>(load)).await
    }

    /// Returns one group (`getGroup`).
    ///
    /// The group comes out of the cached list as [a user](Self::get_user) does. UltraCart documents that the call returns
    /// nothing: after the first empty response, groups are read with the list.
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such group.
    ///
    /// # Calls
    /// None if the group, or a complete list, is fresh (`cache.groups.ttl`); otherwise one. The first empty response also costs
    /// a list.
    pub async fn get_group(&self, group_oid: GroupOid) -> Result<Cached<Group>, Error> {
        self.group(group_oid, self.policy.into()).await
    }

    /// Inserts a group (`insertGroup`) and returns it as UltraCart stored it.
    ///
    /// # Errors
    /// See [`UserApi`]. An insert that may have reached the server is not sent again: look for the name first.
    ///
    /// # Calls
    /// One.
    pub async fn insert_group(&self, group: &Group) -> Result<Group, Error> {
        let write = Arc::new(Write::<Groups>::new(&self.client.caches, None, Effect::OF_GROUP));
        self.store(InsertGroup(group), &write).await
    }

    /// Updates a group (`updateGroup`) and returns it as UltraCart stored it. Fields that are not set stay as they are.
    ///
    /// # Errors
    /// See [`UserApi`].
    ///
    /// # Calls
    /// One.
    pub async fn update_group(&self, group_oid: GroupOid, group: &Group) -> Result<Group, Error> {
        let write = Arc::new(Write::<Groups>::new(&self.client.caches, Some(group_oid), Effect::OF_GROUP));
        self.store(UpdateGroup(group_oid, group), &write).await
    }

    /// Reads a group, changes it and writes it back, including fields that this version of the library doesn't know.
    /// Nothing is written if `change` changes nothing.
    ///
    /// See [`update_user_with`](Self::update_user_with) for when the group is read, and which changes can undo each other.
    ///
    /// # Errors
    /// See [`UserApi`].
    ///
    /// # Calls
    /// One for the write, if anything changed, plus one for each time that the group, or its list, is read from the server.
    pub async fn update_group_with(
        &self,
        group_oid: GroupOid,
        change: impl FnMut(&mut Group),
    ) -> Result<Group, Error> {
        self.change::<Groups>(group_oid, change).await
    }

    /// Deletes a group (`deleteGroup`).
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such group.
    ///
    /// # Calls
    /// One. If UltraCart refuses with a 400, which can also mean that there is no such group, one more to find out.
    pub async fn delete_group(&self, group_oid: GroupOid) -> Result<(), Error> {
        let write = Arc::new(Write::<Groups>::new(&self.client.caches, Some(group_oid), Effect::OF_GROUP));
        self.delete(DeleteGroup(group_oid), GetGroup(group_oid), &write).await
    }
}

impl fmt::Debug for UserApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserApi").field("transport", &self.client.transport).finish_non_exhaustive()
    }
}
