//! The account itself: users, groups, and who is in which. It knows neither HTTP nor limits.

mod catalogue;
mod groups;
mod render;
mod seed;
mod users;

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use ultracart_model::{Group, GroupOid, User, UserId, UserLogin};

pub(crate) use self::catalogue::Selection;
pub(crate) use self::groups::GroupRow;
pub(crate) use self::render::write_list;
pub(crate) use self::seed::{Population, Rng, seed};
pub(crate) use self::users::{History, UserRow};

/// Logins are kept this long.
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);

#[derive(Debug)]
pub(crate) struct Account {
    users: BTreeMap<UserId, UserRow>,
    groups: BTreeMap<GroupOid, GroupRow>,
    /// Whose login is whose: no two users have the same.
    logins: HashMap<Box<str>, UserId>,
    next_user: i32,
    next_group: i32,
    started_at: Timestamp,
}

impl Account {
    fn new(started_at: Timestamp) -> Self {
        Self {
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            logins: HashMap::new(),
            next_user: 1,
            next_group: 101,
            started_at,
        }
    }

    pub(crate) fn user(&self, id: UserId) -> Option<&UserRow> {
        self.users.get(&id)
    }

    pub(crate) fn group(&self, oid: GroupOid) -> Option<&GroupRow> {
        self.groups.get(&oid)
    }

    pub(crate) fn users(&self) -> impl ExactSizeIterator<Item = (UserId, &UserRow)> {
        self.users.iter().map(|(id, row)| (*id, row))
    }

    pub(crate) fn groups(&self) -> impl ExactSizeIterator<Item = (GroupOid, &GroupRow)> {
        self.groups.iter().map(|(oid, row)| (*oid, row))
    }

    /// Who has this login.
    pub(crate) fn login_holder(&self, login: &str) -> Option<UserId> {
        self.logins.get(login).copied()
    }

    /// An identifier that no user has had. The account is full when there is none.
    pub(crate) fn free_user_id(&self) -> Option<UserId> {
        (self.next_user < i32::MAX).then_some(UserId::from(self.next_user))
    }

    /// An identifier that no group has had.
    pub(crate) fn free_group_oid(&self) -> Option<GroupOid> {
        (self.next_group < i32::MAX).then_some(GroupOid::from(self.next_group))
    }

    /// Puts a user in the place of whoever was there.
    pub(crate) fn put_user(&mut self, id: UserId, mut row: UserRow) {
        self.forget_login(id);
        row.user.user_id = Some(id);
        if let Some(login) = &row.user.login {
            self.logins.insert(login.as_str().into(), id);
        }
        self.next_user = self.next_user.max(id.get().saturating_add(1));
        self.users.insert(id, row);
    }

    /// Puts a group in the place of whichever was there. Who is in it stays as it was.
    pub(crate) fn put_group(&mut self, oid: GroupOid, mut row: GroupRow) {
        row.group.group_oid = Some(oid);
        self.next_group = self.next_group.max(oid.get().saturating_add(1));
        self.groups.insert(oid, row);
    }

    pub(crate) fn remove_user(&mut self, id: UserId) -> bool {
        self.forget_login(id);
        self.users.remove(&id).is_some()
    }

    pub(crate) fn remove_group(&mut self, oid: GroupOid) -> bool {
        for row in self.users.values_mut() {
            row.groups.remove(&oid);
        }
        self.groups.remove(&oid).is_some()
    }

    /// Makes exactly these users the members of a group.
    pub(crate) fn set_members(&mut self, oid: GroupOid, members: &std::collections::BTreeSet<UserId>) {
        for (id, row) in &mut self.users {
            if members.contains(id) {
                row.groups.insert(oid);
            } else {
                row.groups.remove(&oid);
            }
        }
    }

    fn forget_login(&mut self, id: UserId) {
        let login = self.users.get(&id).and_then(|row| row.user.login.as_deref());
        if let Some(login) = login
            && self.logins.get(login) == Some(&id)
        {
            self.logins.remove(login);
        }
    }

    /// The logins of the last 90 days, newest first. A time that can't be read is no reason to hide a login.
    pub(crate) fn history(&self, row: &UserRow, now: Timestamp) -> Vec<UserLogin> {
        let oldest = now.checked_sub(HISTORY).unwrap_or(Timestamp::MIN);
        let recent = |login: &UserLogin| {
            login
                .login_dts
                .as_ref()
                .and_then(ultracart_model::LoginDts::timestamp)
                .is_none_or(|at| at >= oldest)
        };
        let mut logins = row.history.logins(row.user.login.as_deref(), self.started_at);
        logins.retain(recent);
        logins
    }

    /// A user as an object, with the history.
    pub(crate) fn user_object(&self, row: &UserRow, now: Timestamp) -> User {
        let mut json = Vec::new();
        self.group_names().write_user(&mut json, row, Some(&self.history(row, now)));
        serde_json::from_slice(&json).unwrap_or_default()
    }

    /// A group as an object, with its users.
    pub(crate) fn group_object(&self, oid: GroupOid, row: &GroupRow) -> Group {
        let mut json = Vec::new();
        self.user_names().write_group(&mut json, oid, row);
        serde_json::from_slice(&json).unwrap_or_default()
    }
}
