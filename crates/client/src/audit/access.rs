//! Who is in which group, and who holds which permission through what.
//!
//! Membership is told twice, by the user and by the group, and the two can disagree. A user counts as a member if
//! either says so: in a review, access that is overlooked is worse than access that is looked at in vain. What
//! disagrees is noted.
//!
//! A user may do what their own list selects and what any of their groups selects. The documents do not say whether
//! the user's list repeats what the groups grant, so a permission counts as held outside the groups only if no
//! group of the user grants it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use ultracart_model::{Group, GroupOid, Text, User, UserId};

use super::finding::{GroupRef, UserRef};
use super::review::{Held, HeldPermission, ReviewedGroup};

/// Disagreements that are told one by one.
const TOLD: usize = 5;

/// What [`resolve`] finds.
pub(super) struct Resolved {
    pub(super) groups: Vec<ReviewedGroup>,
    pub(super) users: Vec<Access>,
    pub(super) notes: Vec<String>,
}

/// The groups and the permissions of one user.
pub(super) struct Access {
    pub(super) groups: Vec<usize>,
    pub(super) permissions: Vec<HeldPermission>,
}

/// Who says that a user is in a group.
#[derive(Clone, Copy, Default)]
struct Sides {
    user: bool,
    group: bool,
}

/// Works out the access of every user; `listed` is the list of groups, if it could be read.
pub(super) fn resolve(users: &[Arc<User>], listed: Option<&[Arc<Group>]>) -> Resolved {
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
    Resolved { groups, users: accesses, notes }
}

/// For each user, the groups that they are in and who says so. Adds the groups that only users know of.
fn memberships(
    users: &[Arc<User>],
    groups: &mut Vec<ReviewedGroup>,
    notes: &mut Vec<String>,
) -> Vec<BTreeMap<usize, Sides>> {
    let mut memberships = vec![BTreeMap::<usize, Sides>::new(); users.len()];
    let mut by_id: HashMap<UserId, usize> = HashMap::new();
    for (position, user) in users.iter().enumerate() {
        if let Some(id) = user.user_id {
            by_id.entry(id).or_insert(position);
        }
    }
    let mut strangers = BTreeSet::new();
    for (position, group) in groups.iter().enumerate() {
        for entry in group.group.users.iter().flatten().filter(|entry| entry.member == Some(true)) {
            match entry.user_id.and_then(|id| by_id.get(&id)) {
                Some(&user) => memberships[user].entry(position).or_default().group = true,
                None => _ = strangers.insert(GroupRef::new(position, &group.group).label()),
            }
        }
    }
    if !strangers.is_empty() {
        let names: Vec<_> = strangers.into_iter().take(TOLD).collect();
        notes.push(format!("Members who are not in the list of users are named by: {}", names.join(", ")));
    }
    let mut known: HashMap<(Option<GroupOid>, Option<Text>), usize> = HashMap::new();
    for (position, group) in groups.iter().enumerate() {
        known.entry(key(group.group.group_oid, group.group.name.as_ref())).or_insert(position);
    }
    for (position, user) in users.iter().enumerate() {
        for entry in user.groups.iter().flatten().filter(|entry| entry.member == Some(true)) {
            let group = *known.entry(key(entry.group_oid, entry.name.as_ref())).or_insert_with(|| {
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

/// A group is known by its identifier, and by its name only where it has none.
fn key(oid: Option<GroupOid>, name: Option<&Text>) -> (Option<GroupOid>, Option<Text>) {
    (oid, if oid.is_some() { None } else { name.cloned() })
}

/// Memberships that one side tells of and the other, although it could, does not.
fn disagreements(
    users: &[Arc<User>],
    groups: &[ReviewedGroup],
    memberships: &[BTreeMap<usize, Sides>],
) -> Option<String> {
    let (mut count, mut told) = (0_usize, String::new());
    for (position, groups_of) in memberships.iter().enumerate() {
        let user = &users[position];
        for (&group, sides) in groups_of {
            let ReviewedGroup { group, listed, .. } = &groups[group];
            let only = if sides.user && !sides.group && *listed && group.users.is_some() {
                "only the user's list says so"
            } else if sides.group && !sides.user && user.groups.is_some() {
                "only the group's list says so"
            } else {
                continue;
            };
            count += 1;
            if count <= TOLD {
                let user = UserRef::new(position, user).label();
                let group = GroupRef::new(0, group).label();
                let separator = if told.is_empty() { "" } else { "; " };
                _ = write!(told, "{separator}{user} in {group} ({only})");
            }
        }
    }
    let more = if count > TOLD { format!("; and {} more", count - TOLD) } else { String::new() };
    (count > 0).then(|| {
        format!("The users' and the groups' lists disagree, and either counts as membership: {told}{more}")
    })
}

/// A permission that a group grants.
#[derive(Clone, Copy)]
struct Grant<'a> {
    name: &'a Text,
    permission_group: Option<&'a Text>,
}

/// What a group grants, if it tells.
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

/// What a user may do: their own list first, then what only their groups grant.
fn permissions(user: &User, groups: &[usize], grants: &[Option<Vec<Grant<'_>>>]) -> Vec<HeldPermission> {
    let all_known = groups.iter().all(|&group| grants[group].is_some());
    let mut held: Vec<(Grant<'_>, Vec<usize>)> = Vec::new();
    let mut places: HashMap<&Text, usize> = HashMap::new();
    let own = user.permissions.iter().flatten().filter(|permission| permission.selected == Some(true));
    for permission in own {
        let Some(name) = &permission.permission_name else { continue };
        places.entry(name).or_insert_with(|| {
            held.push((Grant { name, permission_group: permission.permission_group.as_ref() }, Vec::new()));
            held.len() - 1
        });
    }
    for &group in groups {
        for &grant in grants[group].iter().flatten() {
            let place = *places.entry(grant.name).or_insert_with(|| {
                held.push((grant, Vec::new()));
                held.len() - 1
            });
            let through = &mut held[place].1;
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
    fn either_side_makes_a_member_and_what_disagrees_is_noted() {
        let users = [user(1, &[(10, true)], &[]), user(2, &[(10, false)], &[]), user(3, &[(10, true)], &[])];
        let resolved = resolve(&users, Some(&[group(10, &[2, 3], &[])]));
        assert_eq!(resolved.groups[0].members, [0, 1, 2]);
        assert_eq!(
            resolved.notes,
            ["The users' and the groups' lists disagree, and either counts as membership: \
              u1 in g10 (only the user's list says so); u2 in g10 (only the group's list says so)"]
        );
    }

    #[test]
    fn a_side_that_was_not_told_disagrees_with_nobody() {
        let mut silent = User::new().user_id(1);
        silent.groups = None;
        let mut quiet = (*group(11, &[], &[])).clone();
        quiet.users = None;
        let users = [Arc::new(silent), user(2, &[(11, true)], &[])];
        let resolved = resolve(&users, Some(&[group(10, &[1], &[]), Arc::new(quiet)]));
        assert_eq!(resolved.notes, [] as [String; 0]);
        assert_eq!(
            (resolved.users[0].groups.as_slice(), resolved.users[1].groups.as_slice()),
            (&[0][..], &[1][..])
        );
    }

    #[test]
    fn a_group_that_only_users_know_of_is_there_and_its_grants_are_unknown() {
        let resolved = resolve(&[user(1, &[(10, true)], &["a"])], None);
        assert!(!resolved.groups[0].listed);
        assert_eq!(resolved.users[0].groups, [0]);
        assert_eq!(resolved.users[0].permissions[0].held, Held::Unknown);
        assert_eq!(resolved.notes, [] as [String; 0]);
    }

    #[test]
    fn a_permission_is_held_through_groups_or_outside() {
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
    fn nothing_selected_and_nothing_named_is_nothing_held() {
        let user = User::new().permissions(vec![
            permission("off", false),
            Permission::new().selected(true),
            Permission::new().permission_name("unsaid"),
        ]);
        let resolved = resolve(&[Arc::new(user)], Some(&[]));
        assert_eq!(resolved.users[0].permissions, []);
    }

    #[test]
    fn a_member_whom_the_list_does_not_have_is_noted() {
        let resolved = resolve(&[user(1, &[], &[])], Some(&[group(10, &[99], &[])]));
        assert_eq!(resolved.notes, ["Members who are not in the list of users are named by: g10"]);
    }
}
