//! Writes users and groups as JSON.
//!
//! A user contains an entry for every group, and a group contains an entry for every user, each with a
//! `member` flag. A list of users or groups repeats these entries in each object. So an entry is serialized
//! once, up to the flag, and then copied. This keeps a list of 100,000 users fast.

use std::collections::BTreeMap;

use ultracart_model::{GroupOid, GroupUserMembership, UserGroupMembership, UserId, UserLogin};

use super::{Account, GroupRow, UserRow};

/// Writes users. Holds, for each group, the JSON of the entry that every user contains. The entry ends before
/// its last field, the `member` flag, because the flag differs between users.
#[derive(Debug)]
pub(crate) struct UserWriter(BTreeMap<GroupOid, Vec<u8>>);

/// Writes groups. `json` holds the membership entries of all users, one after another. Each entry ends before
/// its last field, the `member` flag, because the flag differs between groups.
pub(crate) struct GroupWriter<'a> {
    account: &'a Account,
    json: Vec<u8>,
    /// The offset in `json` at which each entry ends.
    ends: Vec<usize>,
}

impl Account {
    pub(crate) fn user_writer(&self) -> UserWriter {
        let start = |(oid, row): (GroupOid, &GroupRow)| {
            let mut entry = UserGroupMembership::new().group_oid(oid);
            entry.name.clone_from(&row.group.name);
            (oid, strip_closing_brace(serde_json::to_vec(&entry).unwrap_or_default()))
        };
        UserWriter(self.groups().map(start).collect())
    }

    pub(crate) fn group_writer(&self) -> GroupWriter<'_> {
        let mut writer =
            GroupWriter { account: self, json: Vec::new(), ends: Vec::with_capacity(self.users.len()) };
        for (id, row) in self.users() {
            let mut entry = GroupUserMembership::new().user_id(id);
            entry.login.clone_from(&row.user.login);
            entry.email.clone_from(&row.user.email);
            entry.full_name.clone_from(&row.user.full_name);
            writer.json.extend(strip_closing_brace(serde_json::to_vec(&entry).unwrap_or_default()));
            writer.ends.push(writer.json.len());
        }
        writer
    }
}

impl UserWriter {
    /// Writes a user, with `login_histories` if `logins` is given.
    pub(crate) fn write_user(&self, out: &mut Vec<u8>, row: &UserRow, logins: Option<&[UserLogin]>) {
        let mut object = Object::reopen(out, serde_json::to_vec(&row.user).unwrap_or_default());
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

impl GroupWriter<'_> {
    /// Writes a group.
    pub(crate) fn write_group(&self, out: &mut Vec<u8>, oid: GroupOid, row: &GroupRow) {
        let mut object = Object::reopen(out, serde_json::to_vec(&row.group).unwrap_or_default());
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

/// Removes the closing brace of a JSON object, so that fields can be appended.
fn strip_closing_brace(mut json: Vec<u8>) -> Vec<u8> {
    json.pop();
    json
}

fn member(out: &mut Vec<u8>, start: &[u8], is_member: bool) {
    out.extend_from_slice(start);
    out.extend_from_slice(if is_member { br#","member":true}"# } else { br#","member":false}"# });
}

/// Writes a JSON array.
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

/// A JSON object to which fields can be appended.
struct Object<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Object<'a> {
    fn reopen(out: &'a mut Vec<u8>, object: Vec<u8>) -> Self {
        out.extend(strip_closing_brace(object));
        Self { out }
    }

    /// Appends a field. `value` writes the field's JSON, or returns `false` to omit the field.
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
