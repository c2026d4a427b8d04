//! Users, groups and memberships, independent of HTTP and limits.

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

/// Maximum age of the logins that the API returns.
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);

#[derive(Debug)]
pub(crate) struct Account {
    users: BTreeMap<UserId, UserRow>,
    groups: BTreeMap<GroupOid, GroupRow>,
    /// Maps each login name to its user. If tests give several users the same name, it maps to the user that
    /// was stored last.
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

    /// Returns the user with this login name.
    pub(crate) fn login_holder(&self, login: &str) -> Option<UserId> {
        self.logins.get(login).copied()
    }

    /// Returns an ID greater than every ID that a user has had, or `None` if no such ID is left.
    pub(crate) fn free_user_id(&self) -> Option<UserId> {
        (self.next_user < i32::MAX).then_some(UserId::from(self.next_user))
    }

    /// Returns an OID greater than every OID that a group has had, or `None` if no such OID is left.
    pub(crate) fn free_group_oid(&self) -> Option<GroupOid> {
        (self.next_group < i32::MAX).then_some(GroupOid::from(self.next_group))
    }

    /// Adds a user, or replaces the user with this ID.
    pub(crate) fn put_user(&mut self, id: UserId, mut row: UserRow) {
        self.release_login(id);
        row.user.user_id = Some(id);
        if let Some(login) = &row.user.login {
            self.logins.insert(login.as_str().into(), id);
        }
        self.next_user = self.next_user.max(id.get().saturating_add(1));
        self.users.insert(id, row);
    }

    /// Adds a group, or replaces the group with this OID. Memberships do not change.
    pub(crate) fn put_group(&mut self, oid: GroupOid, mut row: GroupRow) {
        row.group.group_oid = Some(oid);
        self.next_group = self.next_group.max(oid.get().saturating_add(1));
        self.groups.insert(oid, row);
    }

    pub(crate) fn remove_user(&mut self, id: UserId) -> bool {
        self.release_login(id);
        self.users.remove(&id).is_some()
    }

    pub(crate) fn remove_group(&mut self, oid: GroupOid) -> bool {
        for row in self.users.values_mut() {
            row.groups.remove(&oid);
        }
        self.groups.remove(&oid).is_some()
    }

    /// Sets the members of a group to exactly these users.
    pub(crate) fn set_members(&mut self, oid: GroupOid, members: &std::collections::BTreeSet<UserId>) {
        for (id, row) in &mut self.users {
            if members.contains(id) {
                row.groups.insert(oid);
            } else {
                row.groups.remove(&oid);
            }
        }
    }

    fn release_login(&mut self, id: UserId) {
        let login = self.users.get(&id).and_then(|row| row.user.login.as_deref());
        if let Some(login) = login
            && self.logins.get(login) == Some(&id)
        {
            self.logins.remove(login);
        }
    }

    /// Returns a user's login history, as stored or generated, but without logins older than 90 days. Logins
    /// whose time cannot be parsed are included.
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

    /// Returns a user as in an API response, with the login history.
    pub(crate) fn user_object(&self, row: &UserRow, now: Timestamp) -> User {
        let mut json = Vec::new();
        self.user_writer().write_user(&mut json, row, Some(&self.history(row, now)));
        serde_json::from_slice(&json).unwrap_or_default()
    }

    /// Returns a group as in an API response, with its users.
    pub(crate) fn group_object(&self, oid: GroupOid, row: &GroupRow) -> Group {
        let mut json = Vec::new();
        self.group_writer().write_group(&mut json, oid, row);
        serde_json::from_slice(&json).unwrap_or_default()
    }
}
