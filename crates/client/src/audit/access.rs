//! Combines the lists of users and groups into memberships and permissions.
//!
//! UltraCart returns each membership twice, in the user and in the group, and the two can disagree. A user
//! counts as a member if the user or the group contains the membership: overlooking access would be worse
//! than reporting too much. The review notes each disagreement.
//!
//! A user has the permissions that are selected in the user or in any of the user's groups. UltraCart does
//! not document whether the user's list repeats the permissions of the groups. So a permission counts as held
//! outside groups only if none of the user's groups grants it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use ultracart_model::{Group, GroupOid, Text, User, UserId};

use super::finding::{GroupRef, UserRef};
use super::review::{Held, HeldPermission, ReviewedGroup};

/// Maximum number of examples in a note.
const MAX_EXAMPLES: usize = 5;

/// Groups with their members, and users with their access.
pub(super) struct ResolvedAccess {
    pub(super) groups: Vec<ReviewedGroup>,
    pub(super) users: Vec<Access>,
    pub(super) notes: Vec<String>,
}

/// The groups and permissions of one user. The groups are positions in the `groups` of [`ResolvedAccess`].
pub(super) struct Access {
    pub(super) groups: Vec<usize>,
    pub(super) permissions: Vec<HeldPermission>,
}

/// Where a membership is listed: in the user's groups, in the group's users, or in both.
#[derive(Clone, Copy, Default)]
struct ListedBy {
    user: bool,
    group: bool,
}

/// Returns the groups with their members, and the groups and permissions of every user. `listed` is the list
/// of groups, or `None` if it could not be read.
pub(super) fn resolve(users: &[Arc<User>], listed: Option<&[Arc<Group>]>) -> ResolvedAccess {
    let mut groups: Vec<ReviewedGroup> = listed
        .unwrap_or_default()
        .iter()
        .map(|group| ReviewedGroup { group: Arc::clone(group), listed: true, members: Vec::new() })
        .collect();
    let mut notes = Vec::new();
    let memberships = memberships(users, &mut groups, &mut notes);
    if listed.is_some() {
        notes.extend(disagreements(users, &groups, &memberships));
    }
    for (user, groups_of) in memberships.iter().enumerate() {
        for &group in groups_of.keys() {
            groups[group].members.push(user);
        }
    }
    let grants: Vec<Option<Vec<Grant<'_>>>> = groups.iter().map(|group| grants(&group.group)).collect();
    let accesses = users
        .iter()
        .zip(&memberships)
        .map(|(user, groups_of)| {
            let groups: Vec<usize> = groups_of.keys().copied().collect();
            let permissions = permissions(user, &groups, &grants);
            Access { groups, permissions }
        })
        .collect();
    ResolvedAccess { groups, users: accesses, notes }
}

/// Returns the memberships of each user. Each key is the position of a group in `groups`; the value tells
/// whether the user, the group or both list the membership.
///
/// Appends to `groups` the groups that appear only in users. Appends a note to `notes` if a group lists
/// members who are not in `users`.
fn memberships(
    users: &[Arc<User>],
    groups: &mut Vec<ReviewedGroup>,
    notes: &mut Vec<String>,
) -> Vec<BTreeMap<usize, ListedBy>> {
    let mut memberships = vec![BTreeMap::<usize, ListedBy>::new(); users.len()];
    let mut by_id: HashMap<UserId, usize> = HashMap::new();
    for (position, user) in users.iter().enumerate() {
        if let Some(id) = user.user_id {
            by_id.entry(id).or_insert(position);
        }
    }
    let mut with_unknown_members = BTreeSet::new();
    for (position, group) in groups.iter().enumerate() {
        for entry in group.group.users.iter().flatten().filter(|entry| entry.member == Some(true)) {
            match entry.user_id.and_then(|id| by_id.get(&id)) {
                Some(&user) => memberships[user].entry(position).or_default().group = true,
                None => _ = with_unknown_members.insert(GroupRef::new(position, &group.group).label()),
            }
        }
    }
    if !with_unknown_members.is_empty() {
        let names: Vec<_> = with_unknown_members.into_iter().take(MAX_EXAMPLES).collect();
        notes.push(format!(
            "These groups have members who are not in the list of users: {}",
            names.join(", ")
        ));
    }
    let mut positions: HashMap<(Option<GroupOid>, Option<Text>), usize> = HashMap::new();
    for (position, group) in groups.iter().enumerate() {
        positions.entry(key(group.group.group_oid, group.group.name.as_ref())).or_insert(position);
    }
    for (position, user) in users.iter().enumerate() {
        for entry in user.groups.iter().flatten().filter(|entry| entry.member == Some(true)) {
            let group = *positions.entry(key(entry.group_oid, entry.name.as_ref())).or_insert_with(|| {
                let mut group = Group::new();
                group.group_oid = entry.group_oid;
                group.name.clone_from(&entry.name);
                groups.push(ReviewedGroup { group: Arc::new(group), listed: false, members: Vec::new() });
                groups.len() - 1
            });
            memberships[position].entry(group).or_default().user = true;
        }
    }
    memberships
}

/// Returns the key that identifies a group: its identifier, or its name if it has no identifier.
fn key(oid: Option<GroupOid>, name: Option<&Text>) -> (Option<GroupOid>, Option<Text>) {
    (oid, if oid.is_some() { None } else { name.cloned() })
}

/// Returns a note about the memberships that only the user or only the group lists, or `None` if there are
/// none.
///
/// The note includes a membership only if UltraCart returned both lists: the user's groups and the group's
/// users.
fn disagreements(
    users: &[Arc<User>],
    groups: &[ReviewedGroup],
    memberships: &[BTreeMap<usize, ListedBy>],
) -> Option<String> {
    let (mut count, mut examples) = (0_usize, String::new());
    for (position, groups_of) in memberships.iter().enumerate() {
        let user = &users[position];
        for (&group, listed_by) in groups_of {
            let ReviewedGroup { group, listed, .. } = &groups[group];
            let only = if listed_by.user && !listed_by.group && *listed && group.users.is_some() {
                "only in the list of users"
            } else if listed_by.group && !listed_by.user && user.groups.is_some() {
                "only in the list of groups"
            } else {
                continue;
            };
            count += 1;
            if count <= MAX_EXAMPLES {
                let user = UserRef::new(position, user).label();
                let group = GroupRef::new(0, group).label();
                let separator = if examples.is_empty() { "" } else { "; " };
                _ = write!(examples, "{separator}{user} in {group} ({only})");
            }
        }
    }
    let more =
        if count > MAX_EXAMPLES { format!("; and {} more", count - MAX_EXAMPLES) } else { String::new() };
    (count > 0).then(|| {
        format!(
            "The lists of users and groups disagree about these memberships, which this review counts: \
             {examples}{more}"
        )
    })
}

/// A granted permission with its heading.
#[derive(Clone, Copy)]
struct Grant<'a> {
    name: &'a Text,
    permission_group: Option<&'a Text>,
}

/// Returns the permissions that a group grants, or `None` if UltraCart returned the group without a list of
/// permissions.
fn grants(group: &Group) -> Option<Vec<Grant<'_>>> {
    let selected = group.permissions.as_ref()?.iter().filter(|permission| permission.selected == Some(true));
    Some(
        selected
            .filter_map(|permission| {
                let name = permission.permission_name.as_ref()?;
                Some(Grant { name, permission_group: permission.permission_group.as_ref() })
            })
            .collect(),
    )
}

/// Returns the permissions of a user: first those of the user's own list, then those that only groups grant.
/// `groups` contains the positions of the user's groups in `grants`.
fn permissions(user: &User, groups: &[usize], grants: &[Option<Vec<Grant<'_>>>]) -> Vec<HeldPermission> {
    let all_known = groups.iter().all(|&group| grants[group].is_some());
    let mut held: Vec<(Grant<'_>, Vec<usize>)> = Vec::new();
    let mut positions: HashMap<&Text, usize> = HashMap::new();
    let own = user.permissions.iter().flatten().filter(|permission| permission.selected == Some(true));
    for permission in own {
        let Some(name) = &permission.permission_name else { continue };
        positions.entry(name).or_insert_with(|| {
            held.push((Grant { name, permission_group: permission.permission_group.as_ref() }, Vec::new()));
            held.len() - 1
        });
    }
    for &group in groups {
        for &grant in grants[group].iter().flatten() {
            let position = *positions.entry(grant.name).or_insert_with(|| {
                held.push((grant, Vec::new()));
                held.len() - 1
            });
            let through = &mut held[position].1;
            if through.last() != Some(&group) {
                through.push(group);
            }
        }
    }
    held.into_iter()
        .map(|(grant, through)| HeldPermission {
            name: grant.name.clone(),
            permission_group: grant.permission_group.cloned(),
            held: match (through.is_empty(), all_known) {
                (false, _) => Held::ThroughGroup { groups: through },
                (true, true) => Held::Outside,
                (true, false) => Held::Unknown,
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ultracart_model::{GroupUserMembership, Permission, UserGroupMembership};

    use super::*;

    fn permission(name: &str, selected: bool) -> Permission {
        Permission::new().permission_name(name).selected(selected)
    }

    fn user(id: i32, groups: &[(i32, bool)], permissions: &[&str]) -> Arc<User> {
        let groups =
            groups.iter().map(|&(oid, member)| UserGroupMembership::new().group_oid(oid).member(member));
        let permissions = permissions.iter().map(|name| permission(name, true));
        let user = User::new().user_id(id).login(format!("u{id}"));
        Arc::new(user.groups(groups.collect::<Vec<_>>()).permissions(permissions.collect::<Vec<_>>()))
    }

    fn group(oid: i32, members: &[i32], permissions: &[&str]) -> Arc<Group> {
        let members = members.iter().map(|&id| GroupUserMembership::new().user_id(id).member(true));
        let permissions = permissions.iter().map(|name| permission(name, true));
        let group = Group::new().group_oid(oid).name(format!("g{oid}"));
        Arc::new(group.users(members.collect::<Vec<_>>()).permissions(permissions.collect::<Vec<_>>()))
    }

    #[test]
    fn membership_named_once_counts_and_is_noted() {
        let users = [user(1, &[(10, true)], &[]), user(2, &[(10, false)], &[]), user(3, &[(10, true)], &[])];
        let resolved = resolve(&users, Some(&[group(10, &[2, 3], &[])]));
        assert_eq!(resolved.groups[0].members, [0, 1, 2]);
        assert_eq!(
            resolved.notes,
            ["The lists of users and groups disagree about these memberships, which this review counts: \
              u1 in g10 (only in the list of users); u2 in g10 (only in the list of groups)"]
        );
    }

    #[test]
    fn absent_list_is_not_a_disagreement() {
        let mut user_without_groups = User::new().user_id(1);
        user_without_groups.groups = None;
        let mut group_without_users = (*group(11, &[], &[])).clone();
        group_without_users.users = None;
        let users = [Arc::new(user_without_groups), user(2, &[(11, true)], &[])];
        let resolved = resolve(&users, Some(&[group(10, &[1], &[]), Arc::new(group_without_users)]));
        assert_eq!(resolved.notes, [] as [String; 0]);
        assert_eq!(
            (resolved.users[0].groups.as_slice(), resolved.users[1].groups.as_slice()),
            (&[0][..], &[1][..])
        );
    }

    #[test]
    fn unlisted_group_is_reviewed_with_unknown_grants() {
        let resolved = resolve(&[user(1, &[(10, true)], &["a"])], None);
        assert!(!resolved.groups[0].listed);
        assert_eq!(resolved.users[0].groups, [0]);
        assert_eq!(resolved.users[0].permissions[0].held, Held::Unknown);
        assert_eq!(resolved.notes, [] as [String; 0]);
    }

    #[test]
    fn permission_is_held_through_group_or_outside() {
        let users = [
            user(1, &[(10, true), (11, true)], &["own", "both", "both"]),
            user(2, &[(10, false)], &["both"]),
        ];
        let groups = [group(10, &[1], &["both", "granted"]), group(11, &[1], &["both", "both"])];
        let resolved = resolve(&users, Some(&groups));
        let held: Vec<_> =
            resolved.users[0].permissions.iter().map(|p| (p.name.as_str(), p.held.clone())).collect();
        assert_eq!(
            held,
            [
                ("own", Held::Outside),
                ("both", Held::ThroughGroup { groups: vec![0, 1] }),
                ("granted", Held::ThroughGroup { groups: vec![0] }),
            ]
        );
        assert_eq!(resolved.users[1].permissions[0].held, Held::Outside);
    }

    #[test]
    fn unselected_or_unnamed_permission_is_not_held() {
        let user = User::new().permissions(vec![
            permission("off", false),
            Permission::new().selected(true),
            Permission::new().permission_name("absent"),
        ]);
        let resolved = resolve(&[Arc::new(user)], Some(&[]));
        assert_eq!(resolved.users[0].permissions, []);
    }

    #[test]
    fn member_missing_from_user_list_is_noted() {
        let resolved = resolve(&[user(1, &[], &[])], Some(&[group(10, &[99], &[])]));
        assert_eq!(resolved.notes, ["These groups have members who are not in the list of users: g10"]);
    }
}
