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
/// Reads are cached (`[cache]` in the configuration, 5 minutes by default), and a write invalidates the
/// objects that it affects. [`cache_policy`](Self::cache_policy) changes how reads use the cache.
///
/// A read that begins after a write has returned never sees an older version of the written object, except
/// with [`CachePolicy::StaleAllowed`]. A whole list can still have the older version, because the server's
/// lists can lag behind writes. This ends 5 seconds after the write, or 15 seconds if its outcome is unknown.
///
/// # Errors
/// If an operation fails, its [`Error`] says whether the server may have carried out the operation. The
/// failure of a read is cached for 5 seconds. If the read fails repeatedly, the failure is cached for up to 5
/// minutes. So a failing read costs few calls, even if it has many callers.
///
/// # Cancel safety
/// A write that is dropped before it is sent is never sent and costs no call. The same holds for a read,
/// unless other callers wait for the same value. A write or read that is dropped later completes in the
/// background. The result of such a read is cached, except with [`CachePolicy::Bypass`].
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

    /// Returns a clone of this `UserApi` with another policy for reads.
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// use ultracart_client::CachePolicy;
    ///
    /// let users = api.cache_policy(CachePolicy::Refresh).get_users().await?; // makes one call
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cache_policy(&self, policy: CachePolicy) -> Self {
        Self { client: Arc::clone(&self.client), policy }
    }

    /// Returns every user of the account (`getUsers`).
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// let users = api.get_users().await?;
    /// println!("{} users, read {:?} ago", users.len(), users.age());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::PaginationLoop`] if the server repeats pages of the list.
    ///
    /// # Calls
    /// None while the list is fresh (`cache.users.ttl`); otherwise one for each page of the list.
    pub async fn get_users(&self) -> Result<Cached<Users>, Error> {
        let list = &self.client.caches.users.list;
        if let Some(hit) = list.try_hit(self.policy) {
            return Ok(hit);
        }
        list.get((), self.policy.into(), |load| self.clone().load_list::<GetUsers, _>(load)).await
    }

    /// Returns one user (`getUser`).
    ///
    /// The user is taken from the cached list if the list is fresh and complete. A list is complete if its
    /// users have all fields that `getUser` returns; the first call for a single user finds this out. The
    /// `login_histories` of a user from the list are as old as the list;
    /// [`get_user_logins`](Self::get_user_logins) returns later logins.
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// let user = api.get_user(7.into()).await?;
    /// println!("{:?}", user.email);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such user.
    ///
    /// # Calls
    /// None if the user is cached and fresh (`cache.users.ttl`), alone or in a complete list. Otherwise one,
    /// which either reads the user or reloads an outdated list that contained the user. A second call reads
    /// the user if the reloaded list lacks the user or cannot be decoded.
    pub async fn get_user(&self, user_id: UserId) -> Result<Cached<User>, Error> {
        self.user(user_id, self.policy.into()).await
    }

    /// Returns a user's logins of the last 90 days (`getUserLogins`).
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// for login in api.get_user_logins(7.into()).await?.iter() {
    ///     println!("{:?} from {:?}", login.login_dts, login.ip_address);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such user.
    ///
    /// # Calls
    /// None while the logins are fresh (`cache.logins.ttl`), otherwise one.
    pub async fn get_user_logins(&self, user_id: UserId) -> Result<Cached<[UserLogin]>, Error> {
        let call = |load| self.clone().load_logins(user_id, load);
        self.client.caches.logins.get(user_id, self.policy.into(), call).await
    }

    /// Inserts a user (`insertUser`) and returns it as UltraCart stored it.
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// use ultracart_client::model::User;
    ///
    /// let user = api.insert_user(&User::new().login("ada").email("ada@example.com")).await?;
    /// println!("{:?}", user.user_id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`UserApi`]. An insert that may have reached the server is not sent again. Before you repeat it,
    /// check whether a user with this login exists.
    ///
    /// # Calls
    /// One.
    pub async fn insert_user(&self, user: &User) -> Result<User, Error> {
        let write = Arc::new(Write::<Users>::new(&self.client.caches, None, Effect::OF_WHOLE_USER));
        self.store(InsertUser(user), &write).await
    }

    /// Updates a user (`updateUser`) and returns it as UltraCart stored it. Fields that are not set stay as
    /// they are.
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// use ultracart_client::model::User;
    ///
    /// api.update_user(7.into(), &User::new().phone("555-0100")).await?;
    /// # Ok(())
    /// # }
    /// ```
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

    /// Reads a user, changes it and writes it back, including fields that this version of the library doesn't
    /// know. Returns the user as UltraCart stored it. If `change` changes nothing, nothing is written and the
    /// user is returned as it was read.
    ///
    /// The user is read from the cache if it is not stale there: after one [`get_users`](Self::get_users),
    /// changing a thousand users takes little more than a thousand calls. With [`CachePolicy::Refresh`], the
    /// user is always read from the server.
    ///
    /// If this client learns of another change before the write is sent, it reads the user and calls `change`
    /// again, up to three times. After that it sends the write without a check.
    ///
    /// Concurrent calls of this function for one user never undo each other, if all use the same client. But
    /// other programs, clients and operations can also write the user. If they do so between this function's
    /// read and write, this function can undo their changes. UltraCart has no conditional update that would
    /// prevent this.
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
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// api.delete_user(7.into()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such user.
    ///
    /// # Calls
    /// One. After a 400, a second call finds out whether the user exists: a 400 can also mean that there is
    /// no such user.
    pub async fn delete_user(&self, user_id: UserId) -> Result<(), Error> {
        let write = Arc::new(Write::<Users>::new(&self.client.caches, Some(user_id), Effect::OF_WHOLE_USER));
        self.delete(DeleteUser(user_id), GetUser(user_id), &write).await
    }

    /// Returns every group of the account (`getGroups`).
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// for group in api.get_groups().await?.iter() {
    ///     println!("{:?}", group.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::PaginationLoop`] if the server repeats pages of the list.
    ///
    /// # Calls
    /// None while the list is fresh (`cache.groups.ttl`); otherwise one for each page of the list.
    pub async fn get_groups(&self) -> Result<Cached<Groups>, Error> {
        let list = &self.client.caches.groups.list;
        if let Some(hit) = list.try_hit(self.policy) {
            return Ok(hit);
        }
        list.get((), self.policy.into(), |load| self.clone().load_list::<GetGroups, _>(load)).await
    }

    /// Returns one group (`getGroup`).
    ///
    /// The group is taken from the cached list under the same conditions as in [`get_user`](Self::get_user).
    /// UltraCart's documentation says that the response of `getGroup` is empty. After the first empty
    /// response, groups are always taken from the list.
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// let group = api.get_group(3.into()).await?;
    /// println!("{:?}", group.name);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such group.
    ///
    /// # Calls
    /// None if the group is cached and fresh (`cache.groups.ttl`), alone or in a complete list. Otherwise
    /// one, or two as in [`get_user`](Self::get_user). If the response of `getGroup` is empty, the list is
    /// requested, too. Later reads request only the list.
    pub async fn get_group(&self, group_oid: GroupOid) -> Result<Cached<Group>, Error> {
        self.group(group_oid, self.policy.into()).await
    }

    /// Inserts a group (`insertGroup`) and returns it as UltraCart stored it.
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// use ultracart_client::model::Group;
    ///
    /// let group = api.insert_group(&Group::new().name("Support")).await?;
    /// println!("{:?}", group.group_oid);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`UserApi`]. An insert that may have reached the server is not sent again. Before you repeat it,
    /// check whether a group with this name exists.
    ///
    /// # Calls
    /// One.
    pub async fn insert_group(&self, group: &Group) -> Result<Group, Error> {
        let write = Arc::new(Write::<Groups>::new(&self.client.caches, None, Effect::OF_GROUP));
        self.store(InsertGroup(group), &write).await
    }

    /// Updates a group (`updateGroup`) and returns it as UltraCart stored it. Fields that are not set stay as
    /// they are.
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// use ultracart_client::model::Group;
    ///
    /// api.update_group(3.into(), &Group::new().name("Support")).await?;
    /// # Ok(())
    /// # }
    /// ```
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

    /// Reads a group, changes it and writes it back, including fields that this version of the library
    /// doesn't know. Returns the group as UltraCart stored it. If `change` changes nothing, nothing is
    /// written and the group is returned as it was read.
    ///
    /// [`update_user_with`](Self::update_user_with) describes when the object is read, and which changes can
    /// undo each other.
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// api.update_group_with(3.into(), |group| group.name = Some("Support".into())).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`UserApi`].
    ///
    /// # Calls
    /// One for the write, if anything changed, plus one for each time that the group, or its list, is read
    /// from the server.
    pub async fn update_group_with(
        &self,
        group_oid: GroupOid,
        change: impl FnMut(&mut Group),
    ) -> Result<Group, Error> {
        self.change::<Groups>(group_oid, change).await
    }

    /// Deletes a group (`deleteGroup`).
    ///
    /// ```no_run
    /// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
    /// api.delete_group(3.into()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`UserApi`]; [`ErrorKind::NotFound`] if there is no such group.
    ///
    /// # Calls
    /// One. After a 400, a second call finds out whether the group exists: a 400 can also mean that there is
    /// no such group.
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
