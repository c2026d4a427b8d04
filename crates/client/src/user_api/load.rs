//! The calls that load values into the cache.

use std::collections::HashSet;
use std::sync::Arc;

use ultracart_model::{Group, GroupOid, User, UserId, UserLogin};
use ultracart_transport::{Error, ErrorKind};

use super::UserApi;
use crate::cache::{CachePolicy, Cached, LoadRequest, LoadedValue, Read};
use crate::operation::{GetGroup, GetGroups, GetUser, GetUserLogins, GetUsers, ListOperation, Page};

type LoadResult<T> = Result<LoadedValue<T>, Error>;

impl UserApi {
    pub(super) async fn user(&self, id: UserId, read: Read) -> Result<Cached<User>, Error> {
        let call = |load| self.clone().load_user(id, load);
        self.client.caches.users.get(id, read, call, |load| self.clone().load_list::<GetUsers, _>(load)).await
    }

    pub(super) async fn group(&self, oid: GroupOid, read: Read) -> Result<Cached<Group>, Error> {
        let call = |load| self.clone().load_group(oid, read.policy, load);
        self.client
            .caches
            .groups
            .get(oid, read, call, |load| self.clone().load_list::<GetGroups, _>(load))
            .await
    }

    pub(super) async fn load_logins(self, user_id: UserId, load: LoadRequest) -> LoadResult<[UserLogin]> {
        let (logins, calls) = self.send_load(GetUserLogins(user_id), &load).await?;
        Ok(LoadedValue { value: logins.into(), calls, pages: 1 })
    }

    async fn load_user(self, id: UserId, load: LoadRequest) -> LoadResult<User> {
        let (user, calls) = self.send_load(GetUser(id), &load).await?;
        Ok(LoadedValue::one(user, calls))
    }

    async fn load_group(self, oid: GroupOid, policy: CachePolicy, load: LoadRequest) -> LoadResult<Group> {
        let mut first = None;
        let find_out = async {
            let response = self.send_load(GetGroup(oid), &load).await?;
            Ok::<_, Error>(first.insert(response).0.is_none())
        };
        // One load finds out whether the server returns a body, and others wait for it.
        let returns_nothing = *self.client.get_group_returns_nothing.get_or_try_init(|| find_out).await?;
        let (group, calls) = match first {
            Some(response) => response,
            None if returns_nothing => (None, 0),
            None => self.send_load(GetGroup(oid), &load).await?,
        };
        match group {
            Some(group) => Ok(LoadedValue::one(group, calls)),
            None => self.load_group_from_list(oid, policy, &load, calls).await,
        }
    }

    /// Requests the list of groups and returns the group `oid` from it. `calls` is the number of calls of
    /// `getGroup` that this load has already made. It is 0 if another load found that `getGroup` returns
    /// nothing, so that this load skipped it.
    async fn load_group_from_list(
        &self,
        oid: GroupOid,
        policy: CachePolicy,
        load: &LoadRequest,
        calls: u32,
    ) -> LoadResult<Group> {
        load.mark_sent().map_err(|error| error.with_attempts(calls))?;
        let policy = if policy == CachePolicy::Bypass { policy } else { CachePolicy::Refresh };
        let groups = self.cache_policy(policy).get_groups().await.map_err(|error| {
            let calls = calls + error.attempts();
            error.with_attempts(calls)
        })?;
        let calls = calls + groups.calls();
        let group = groups.get(oid).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no group {oid}"))
                .with_operation("get_group")
                .mark_sent()
                .with_attempts(calls)
        })?;
        Ok(LoadedValue { value: Arc::clone(group), calls, pages: 1 })
    }

    /// Loads all pages of a list.
    pub(super) async fn load_list<O, L>(self, mut load: LoadRequest) -> LoadResult<L>
    where
        O: ListOperation,
        L: FromIterator<O::Item>,
    {
        let (mut items, mut ids) = (Vec::new(), HashSet::new());
        let (mut calls, mut pages) = (0, 0);
        let mut page = Page::default();
        loop {
            let operation = O::page(page);
            let name = operation.call()?.operation;
            let ((new_items, metadata), attempts) =
                self.send_load(operation, &load).await.map_err(|error| {
                    let calls = calls + error.attempts();
                    error.with_attempts(calls)
                })?;
            // Only the first page stamps the load.
            load.hook = None;
            (calls, pages) = (calls + attempts, pages + 1);
            let new_ids = new_items.iter().filter_map(O::id).filter(|id| ids.insert(*id)).count();
            let next = page.next(metadata.as_ref(), new_ids);
            let next = next.map_err(|error| error.with_operation(name).with_attempts(calls))?;
            items.extend(new_items);
            match next {
                Some(next) => page = next,
                None => {
                    return Ok(LoadedValue { value: Arc::new(items.into_iter().collect()), calls, pages });
                }
            }
        }
    }
}
