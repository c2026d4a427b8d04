//! The read-change-write cycle of `update_user_with` and `update_group_with`.

use std::sync::Arc;

use ultracart_model::{Group, GroupOid, User, UserId};
use ultracart_transport::Error;

use super::UserApi;
use crate::cache::{Cached, Effect, Kind, Read, RequiredFields, Write};
use crate::list::{Groups, Users};
use crate::operation::{Operation, UpdateGroup, UpdateUser};

/// Maximum number of reads for one change. After that many reads, the object is written back without a check
/// for other changes.
const MAX_READS: u32 = 4;

/// A kind of object that can be read, changed and written back.
pub(super) trait Changeable: Kind {
    fn read(
        api: &UserApi,
        id: Self::Id,
        read: Read,
    ) -> impl Future<Output = Result<Cached<Self::Item>, Error>> + Send;

    fn update(id: Self::Id, item: &Self::Item) -> impl Operation<Output = Self::Item> + Send;

    fn effect(before: &Self::Item, after: &Self::Item) -> Effect;
}

impl Changeable for Users {
    fn read(
        api: &UserApi,
        id: UserId,
        read: Read,
    ) -> impl Future<Output = Result<Cached<User>, Error>> + Send {
        api.user(id, read)
    }

    fn update(id: UserId, user: &User) -> impl Operation<Output = User> + Send {
        UpdateUser(id, user)
    }

    fn effect(before: &User, after: &User) -> Effect {
        Effect::of_change(before, after)
    }
}

impl Changeable for Groups {
    fn read(
        api: &UserApi,
        oid: GroupOid,
        read: Read,
    ) -> impl Future<Output = Result<Cached<Group>, Error>> + Send {
        api.group(oid, read)
    }

    fn update(oid: GroupOid, group: &Group) -> impl Operation<Output = Group> + Send {
        UpdateGroup(oid, group)
    }

    fn effect(_: &Group, _: &Group) -> Effect {
        Effect::OF_GROUP
    }
}

impl UserApi {
    /// Reads an object, changes it and writes it back. Starts again if this client learns of another change
    /// of the object before the write is sent.
    pub(super) async fn change<L: Changeable>(
        &self,
        id: L::Id,
        mut change: impl FnMut(&mut L::Item),
    ) -> Result<L::Item, Error> {
        let caches = &self.client.caches;
        let resource = L::resource(caches);
        let read = Read { policy: self.policy.for_change(), fields: RequiredFields::Writable };
        let mut reads = 0;
        loop {
            reads += 1;
            let lock = resource.lock(id).await;
            let before = L::read(self, id, read).await?;
            let unless_changed_since = (reads < MAX_READS).then(|| before.stamp().generation);
            if unless_changed_since.is_some() && !resource.is_current(id, &before) {
                continue;
            }
            let mut after = L::Item::clone(&before);
            change(&mut after);
            if after == *before {
                return Ok(after);
            }
            let write = Write::<L>::new(caches, Some(id), L::effect(&before, &after));
            let write = Arc::new(write.based_on(&before, unless_changed_since, lock));
            match self.store(L::update(id, &after), &write).await {
                // The object is read again.
                Err(_) if write.is_overtaken() => {}
                result => return result,
            }
        }
    }
}
