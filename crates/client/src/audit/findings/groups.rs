//! Checks of memberships: users without a group and groups without members.

use super::input::{CheckInput, count, group_subject, user_subject};
use crate::audit::finding::{Finding, FindingKind, Severity};

/// Finds users without a group: their own `groups` names none, and no group has them in its `users`. Users
/// whose groups are unknown are not reported.
pub(super) fn user_in_no_group(input: &CheckInput<'_>) -> Finding {
    let in_none = || input.users().filter(|(_, user)| user.groups.is_empty());
    let groups_known =
        |user: &crate::audit::ReviewedUser| user.user.groups.is_some() || input.groups_error.is_none();
    let unjudged = in_none().filter(|(_, user)| !groups_known(user)).count();
    let subjects = in_none().filter(|(_, user)| groups_known(user)).map(|(position, user)| {
        user_subject(position, user, count(user.permissions.len(), "permission"), Vec::new())
    });
    Finding {
        kind: FindingKind::UserInNoGroup,
        severity: Severity::Low,
        title: "Users in no group".to_owned(),
        why: "The permissions of these users were selected one by one and follow no role.".to_owned(),
        action: "Add each user to the group of their role. Remove users who have no role.".to_owned(),
        not_checked: input.groups_error.filter(|_| unjudged > 0).map(|why| {
            format!("{} could not be checked, as their groups are unknown: {why}", count(unjudged, "user"))
        }),
        subjects: subjects.collect(),
    }
}

/// Finds groups without members. A group whose members are unknown is not reported.
pub(super) fn group_without_members(input: &CheckInput<'_>) -> Finding {
    let users_name_groups = input.users().any(|(_, user)| user.user.groups.is_some());
    let subjects = input.groups().filter_map(|(position, group)| {
        let members_known = group.group.users.is_some() || users_name_groups;
        if !group.members.is_empty() || !members_known {
            return None;
        }
        let granted = group.group.permissions.iter().flatten().filter(|p| p.selected == Some(true)).count();
        Some(group_subject(position, group, format!("grants {}", count(granted, "permission"))))
    });
    Finding {
        kind: FindingKind::GroupWithoutMembers,
        severity: Severity::Low,
        title: "Groups without members".to_owned(),
        why: "The permissions of an unused group are easily overlooked. A user who is added to the group \
              gets all of them at once."
            .to_owned(),
        action: "Delete the groups that no role needs.".to_owned(),
        not_checked: input.groups_error.map(|why| format!("The list of groups could not be read: {why}")),
        subjects: subjects.collect(),
    }
}

#[cfg(test)]
mod tests {
    use ultracart_model::{Group, GroupUserMembership, Permission, User, UserGroupMembership};

    use super::super::testing::{facts, finding, history, users};
    use super::*;
    use crate::audit::{Facts, Who};

    fn sample() -> Facts {
        let entry = |oid, member| UserGroupMembership::new().group_oid(oid).member(member);
        let members =
            vec![GroupUserMembership::new().user_id(2).member(true), GroupUserMembership::new().user_id(3)];
        facts(
            vec![
                (User::new().user_id(1).groups(vec![entry(10, true)]), history(&[])),
                (User::new().user_id(2).groups(vec![entry(10, false)]), history(&[])),
                (User::new().user_id(3).groups(vec![entry(10, false)]), history(&[])),
                (User::new().user_id(4), history(&[])),
            ],
            vec![
                Group::new().group_oid(10),
                Group::new().group_oid(11).users(members),
                Group::new()
                    .group_oid(12)
                    .users(Vec::new())
                    .permissions(vec![Permission::new().permission_name("a").selected(true)]),
            ],
        )
    }

    #[test]
    fn user_without_any_membership_is_in_no_group() {
        let found = finding(sample(), FindingKind::UserInNoGroup);
        assert_eq!(users(&found), [2, 3]);
        assert_eq!(found.not_checked, None);
    }

    #[test]
    fn unread_groups_leave_users_own_memberships() {
        let mut facts = sample();
        facts.groups = Err("getGroups: 500".to_owned());
        let found = finding(facts, FindingKind::UserInNoGroup);
        assert_eq!(users(&found), [1, 2]);
        assert_eq!(
            found.not_checked.as_deref(),
            Some("1 user could not be checked, as their groups are unknown: getGroups: 500")
        );
    }

    #[test]
    fn group_without_any_membership_is_empty() {
        let found = finding(sample(), FindingKind::GroupWithoutMembers);
        let [subject] = found.subjects.as_slice() else { panic!("{found:?}") };
        assert!(matches!(&subject.who, Who::Group(group) if group.position == 2), "{subject:?}");
        assert_eq!(subject.detail, "grants 1 permission");
    }

    #[test]
    fn group_with_unknown_members_is_not_reported() {
        let facts = facts(vec![(User::new(), history(&[]))], vec![Group::new().group_oid(1)]);
        assert_eq!(finding(facts, FindingKind::GroupWithoutMembers).subjects, []);
    }

    #[test]
    fn unread_groups_are_not_checked() {
        let mut facts = sample();
        facts.groups = Err("getGroups: 500".to_owned());
        let found = finding(facts, FindingKind::GroupWithoutMembers);
        assert_eq!(
            found.not_checked.as_deref(),
            Some("The list of groups could not be read: getGroups: 500")
        );
        assert_eq!(found.subjects, []);
    }
}
