//! Groups that miss people, and people who miss groups.

use super::evidence::{Evidence, about_group, about_user, count};
use crate::audit::finding::{Finding, FindingKind, Severity};

/// Users whom neither their own list nor a group's puts into a group.
pub(super) fn user_in_no_group(evidence: &Evidence<'_>) -> Finding {
    let in_none = || evidence.users().filter(|(_, user)| user.groups.is_empty());
    let told =
        |user: &crate::audit::ReviewedUser| user.user.groups.is_some() || evidence.groups_unread.is_none();
    let unjudged = in_none().filter(|(_, user)| !told(user)).count();
    let subjects = in_none().filter(|(_, user)| told(user)).map(|(position, user)| {
        about_user(position, user, count(user.permissions.len(), "permission"), Vec::new())
    });
    Finding {
        kind: FindingKind::UserInNoGroup,
        severity: Severity::Low,
        title: "Users in no group".to_owned(),
        why: "What such a user may do was put together by hand, and follows no role.".to_owned(),
        action: "Put them into the group of their role, or remove them if they have none.".to_owned(),
        not_judged: evidence.groups_unread.filter(|_| unjudged > 0).map(|why| {
            format!(
                "{} cannot be judged, as their own entry does not tell of groups: {why}",
                count(unjudged, "user")
            )
        }),
        subjects: subjects.collect(),
    }
}

/// Groups that nobody is in. A group whose members nobody told of is not one of them.
pub(super) fn group_without_members(evidence: &Evidence<'_>) -> Finding {
    let users_tell = evidence.users().any(|(_, user)| user.user.groups.is_some());
    let subjects = evidence.groups().filter_map(|(position, group)| {
        let told = group.group.users.is_some() || users_tell;
        if !group.members.is_empty() || !told {
            return None;
        }
        let granted = group.group.permissions.iter().flatten().filter(|p| p.selected == Some(true)).count();
        Some(about_group(position, group, format!("grants {}", count(granted, "permission"))))
    });
    Finding {
        kind: FindingKind::GroupWithoutMembers,
        severity: Severity::Low,
        title: "Groups without members".to_owned(),
        why: "Nobody looks after what such a group grants, until somebody is put into it.".to_owned(),
        action: "Delete the groups that no role needs.".to_owned(),
        not_judged: evidence.groups_unread.map(|why| format!("The groups are not known: {why}")),
        subjects: subjects.collect(),
    }
}

#[cfg(test)]
mod tests {
    use ultracart_model::{Group, GroupUserMembership, Permission, User, UserGroupMembership};

    use super::super::testing::{facts, finding, read, users};
    use super::*;
    use crate::audit::{Facts, Who};

    fn sample() -> Facts {
        let entry = |oid, member| UserGroupMembership::new().group_oid(oid).member(member);
        let members =
            vec![GroupUserMembership::new().user_id(2).member(true), GroupUserMembership::new().user_id(3)];
        facts(
            vec![
                (User::new().user_id(1).groups(vec![entry(10, true)]), read(&[])),
                (User::new().user_id(2).groups(vec![entry(10, false)]), read(&[])),
                (User::new().user_id(3).groups(vec![entry(10, false)]), read(&[])),
                (User::new().user_id(4), read(&[])),
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
    fn a_user_whom_no_side_puts_into_a_group_is_in_none() {
        let found = finding(sample(), FindingKind::UserInNoGroup);
        assert_eq!(users(&found), [2, 3]);
        assert_eq!(found.not_judged, None);
    }

    #[test]
    fn without_the_groups_only_the_users_own_lists_count() {
        let mut facts = sample();
        facts.groups = Err("getGroups: 500".to_owned());
        let found = finding(facts, FindingKind::UserInNoGroup);
        assert_eq!(users(&found), [1, 2]);
        assert_eq!(
            found.not_judged.as_deref(),
            Some("1 user cannot be judged, as their own entry does not tell of groups: getGroups: 500")
        );
    }

    #[test]
    fn a_group_that_no_side_puts_anyone_into_is_empty() {
        let found = finding(sample(), FindingKind::GroupWithoutMembers);
        let [subject] = found.subjects.as_slice() else { panic!("{found:?}") };
        assert!(matches!(&subject.who, Who::Group(group) if group.position == 2), "{subject:?}");
        assert_eq!(subject.detail, "grants 1 permission");
    }

    #[test]
    fn a_group_whose_members_nobody_told_of_is_not_called_empty() {
        let facts = facts(vec![(User::new(), read(&[]))], vec![Group::new().group_oid(1)]);
        assert_eq!(finding(facts, FindingKind::GroupWithoutMembers).subjects, []);
    }

    #[test]
    fn groups_that_could_not_be_read_are_not_judged() {
        let mut facts = sample();
        facts.groups = Err("getGroups: 500".to_owned());
        let found = finding(facts, FindingKind::GroupWithoutMembers);
        assert_eq!(found.not_judged.as_deref(), Some("The groups are not known: getGroups: 500"));
        assert_eq!(found.subjects, []);
    }
}
