//! Users and groups as JSON.
//!
//! A user says of every group whether they are in it, and a group of every user: the same few texts, very often. They
//! are written once for each answer and copied from there, so a list of a hundred thousand users takes no time.

use std::collections::BTreeMap;

use ultracart_model::{GroupOid, GroupUserMembership, UserGroupMembership, UserId, UserLogin};

use super::{Account, GroupRow, UserRow};

/// The start of each membership entry: all of it but the flag and the end.
#[derive(Debug)]
pub(crate) struct GroupNames(BTreeMap<GroupOid, Vec<u8>>);

/// The same for the users, in one piece.
pub(crate) struct UserNames<'a> {
    account: &'a Account,
    json: Vec<u8>,
    ends: Vec<usize>,
}

impl Account {
    pub(crate) fn group_names(&self) -> GroupNames {
        let start = |(oid, row): (GroupOid, &GroupRow)| {
            let mut entry = UserGroupMembership::new().group_oid(oid);
            entry.name.clone_from(&row.group.name);
            (oid, open(serde_json::to_vec(&entry).unwrap_or_default()))
        };
        GroupNames(self.groups().map(start).collect())
    }

    pub(crate) fn user_names(&self) -> UserNames<'_> {
        let mut names =
            UserNames { account: self, json: Vec::new(), ends: Vec::with_capacity(self.users.len()) };
        for (id, row) in self.users() {
            let mut entry = GroupUserMembership::new().user_id(id);
            entry.login.clone_from(&row.user.login);
            entry.email.clone_from(&row.user.email);
            entry.full_name.clone_from(&row.user.full_name);
            names.json.extend(open(serde_json::to_vec(&entry).unwrap_or_default()));
            names.ends.push(names.json.len());
        }
        names
    }
}

impl GroupNames {
    /// Writes a user; `logins` are the ones that come with them.
    pub(crate) fn write_user(&self, out: &mut Vec<u8>, row: &UserRow, logins: Option<&[UserLogin]>) {
        let mut object = Object::open(out, serde_json::to_vec(&row.user).unwrap_or_default());
        object.field("permissions", |out| row.permissions.write(out));
        object.field("notifications", |out| row.notifications.write(out));
        object.field("groups", |out| {
            write_list(out, self.0.iter(), |out, (oid, start)| member(out, start, row.groups.contains(oid)));
            true
        });
        if let Some(logins) = logins {
            object.field("login_histories", |out| {
                out.extend(serde_json::to_vec(logins).unwrap_or_default());
                true
            });
        }
        object.close();
    }
}

impl UserNames<'_> {
    /// Writes a group.
    pub(crate) fn write_group(&self, out: &mut Vec<u8>, oid: GroupOid, row: &GroupRow) {
        let mut object = Object::open(out, serde_json::to_vec(&row.group).unwrap_or_default());
        object.field("permissions", |out| row.permissions.write(out));
        object.field("notifications", |out| row.notifications.write(out));
        object.field("users", |out| {
            let starts = std::iter::once(&0).chain(&self.ends);
            let entries = self.account.users().zip(starts.zip(&self.ends));
            write_list(out, entries, |out, ((_, user), (start, end)): ((UserId, &UserRow), _)| {
                member(out, &self.json[*start..*end], user.groups.contains(&oid));
            });
            true
        });
        object.close();
    }
}

/// Takes the closing brace off an object.
fn open(mut json: Vec<u8>) -> Vec<u8> {
    json.pop();
    json
}

fn member(out: &mut Vec<u8>, start: &[u8], is_member: bool) {
    out.extend_from_slice(start);
    out.extend_from_slice(if is_member { br#","member":true}"# } else { br#","member":false}"# });
}

/// Writes a JSON list.
pub(crate) fn write_list<T>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    mut item: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (place, value) in items.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        item(out, value);
    }
    out.push(b']');
}

/// An object that gets more fields than its type has written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut Vec<u8>, object: Vec<u8>) -> Self {
        out.extend(open(object));
        Self { out }
    }

    /// Adds a field, unless `value` says that there is none.
    fn field(&mut self, name: &str, value: impl FnOnce(&mut Vec<u8>) -> bool) {
        let before = self.out.len();
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        if !value(self.out) {
            self.out.truncate(before);
        }
    }

    fn close(self) {
        self.out.push(b'}');
    }
}
