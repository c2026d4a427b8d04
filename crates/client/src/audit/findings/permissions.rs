//! Permissions that were given to one person.

use super::evidence::{Evidence, about_user, count};
use crate::audit::finding::{Finding, FindingKind, Severity};
use crate::audit::review::Held;

/// Permissions that the user's own list selects and none of their groups grants.
pub(super) fn outside_groups(evidence: &Evidence<'_>) -> Finding {
    let mut unknown = 0;
    let subjects = evidence
        .users()
        .filter_map(|(position, user)| {
            unknown +=
                usize::from(user.permissions.iter().any(|permission| permission.held == Held::Unknown));
            let outside = user.permissions.iter().filter(|permission| permission.held == Held::Outside);
            let names: Vec<String> = outside.map(|permission| permission.name.to_string()).collect();
            let detail = format!("{} of {}", names.len(), count(user.permissions.len(), "permission"));
            (!names.is_empty()).then(|| about_user(position, user, detail, names))
        })
        .collect();
    let not_judged = (unknown > 0).then(|| {
        let why = evidence.groups_unread.unwrap_or("some groups came without their permissions");
        format!("{} cannot be judged: {why}", count(unknown, "user"))
    });
    Finding {
        kind: FindingKind::OutsideGroups,
        severity: Severity::Medium,
        title: "Permissions held outside any group".to_owned(),
        why: "Permissions given to one person are forgotten when that person changes jobs, and no review of the \
              groups brings them up."
            .to_owned(),
        action: "Move each into a group that needs it, or take it away.".to_owned(),
        not_judged,
        subjects,
    }
}

#[cfg(test)]
mod tests {
    use ultracart_model::{Group, Permission, User, UserGroupMembership};

    use super::super::testing::{facts, finding, read, users};
    use super::*;
    use crate::audit::Facts;

    fn permission(name: &str) -> Permission {
        Permission::new().permission_name(name).selected(true)
    }

    fn sample() -> Facts {
        let member = || User::new().groups(vec![UserGroupMembership::new().group_oid(3).member(true)]);
        facts(
            vec![
                (member().permissions(vec![permission("orders"), permission("refunds")]), read(&[])),
                (member().permissions(vec![permission("orders")]), read(&[])),
                (User::new().permissions(vec![permission("orders")]), read(&[])),
                (User::new(), read(&[])),
            ],
            vec![Group::new().group_oid(3).permissions(vec![permission("orders")])],
        )
    }

    #[test]
    fn only_what_no_group_of_the_user_grants_is_outside() {
        let found = finding(sample(), FindingKind::OutsideGroups);
        assert_eq!(users(&found), [0, 2]);
        assert_eq!(found.subjects[0].items, ["refunds"]);
        assert_eq!(found.subjects[0].detail, "1 of 2 permissions");
        assert_eq!(found.not_judged, None);
    }

    #[test]
    fn nobody_in_a_group_is_accused_when_the_groups_are_not_known() {
        let mut facts = sample();
        facts.groups = Err("getGroups: 500".to_owned());
        let found = finding(facts, FindingKind::OutsideGroups);
        assert_eq!(users(&found), [2], "in no group, so it is outside whatever the groups grant");
        assert_eq!(found.not_judged.as_deref(), Some("2 users cannot be judged: getGroups: 500"));
    }
}
