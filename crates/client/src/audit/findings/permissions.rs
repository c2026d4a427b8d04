//! Check of permissions that were granted to single users instead of groups.

use super::input::{CheckInput, count, user_subject};
use crate::audit::finding::{Finding, FindingKind, Severity};
use crate::audit::review::Held;

/// Finds permissions that are granted to a user directly and that none of the user's groups grants.
pub(super) fn outside_groups(input: &CheckInput<'_>) -> Finding {
    let mut unknown = 0;
    let subjects = input
        .users()
        .filter_map(|(position, user)| {
            unknown +=
                usize::from(user.permissions.iter().any(|permission| permission.held == Held::Unknown));
            let outside = user.permissions.iter().filter(|permission| permission.held == Held::Outside);
            let names: Vec<String> = outside.map(|permission| permission.name.to_string()).collect();
            let detail = format!("{} of {}", names.len(), count(user.permissions.len(), "permission"));
            (!names.is_empty()).then(|| user_subject(position, user, detail, names))
        })
        .collect();
    let not_checked = (unknown > 0).then(|| {
        let why = input.groups_error.unwrap_or("UltraCart returned some groups without their permissions");
        format!("{} could not be checked without the groups: {why}", count(unknown, "user"))
    });
    Finding {
        kind: FindingKind::OutsideGroups,
        severity: Severity::Medium,
        title: "Permissions held outside groups".to_owned(),
        why: "These permissions were granted to the user directly: none of the user's groups grants them. \
              Such a permission is easily forgotten when the user changes jobs, and a review of the groups \
              does not show it."
            .to_owned(),
        action: "Grant each permission to a group whose members need it, or remove it.".to_owned(),
        not_checked,
        subjects,
    }
}

#[cfg(test)]
mod tests {
    use ultracart_model::{Group, Permission, User, UserGroupMembership};

    use super::super::testing::{facts, finding, history, users};
    use super::*;
    use crate::audit::Facts;

    fn permission(name: &str) -> Permission {
        Permission::new().permission_name(name).selected(true)
    }

    fn sample() -> Facts {
        let member = || User::new().groups(vec![UserGroupMembership::new().group_oid(3).member(true)]);
        facts(
            vec![
                (member().permissions(vec![permission("orders"), permission("refunds")]), history(&[])),
                (member().permissions(vec![permission("orders")]), history(&[])),
                (User::new().permissions(vec![permission("orders")]), history(&[])),
                (User::new(), history(&[])),
            ],
            vec![Group::new().group_oid(3).permissions(vec![permission("orders")])],
        )
    }

    #[test]
    fn permission_that_no_group_grants_is_outside() {
        let found = finding(sample(), FindingKind::OutsideGroups);
        assert_eq!(users(&found), [0, 2]);
        assert_eq!(found.subjects[0].items, ["refunds"]);
        assert_eq!(found.subjects[0].detail, "1 of 2 permissions");
        assert_eq!(found.not_checked, None);
    }

    #[test]
    fn members_of_unread_groups_are_not_checked() {
        let mut facts = sample();
        facts.groups = Err("getGroups: 500".to_owned());
        let found = finding(facts, FindingKind::OutsideGroups);
        assert_eq!(users(&found), [2], "a user in no group holds everything outside groups");
        assert_eq!(
            found.not_checked.as_deref(),
            Some("2 users could not be checked without the groups: getGroups: 500")
        );
    }
}
