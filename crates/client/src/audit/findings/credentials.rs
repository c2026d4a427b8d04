//! What stands between a stolen password, or a stolen key, and the account.

use ultracart_model::Text;

use super::evidence::{Evidence, about_user};
use crate::audit::days;
use crate::audit::finding::{Finding, FindingKind, Severity};
use crate::audit::review::ReviewedUser;

/// Users who log in with a password alone.
pub(super) fn no_second_factor(evidence: &Evidence<'_>) -> Finding {
    let subjects = evidence
        .users()
        .filter(|(_, user)| !user.user.has_second_factor())
        .map(|(position, user)| about_user(position, user, last_seen(user), Vec::new()));
    Finding {
        kind: FindingKind::NoSecondFactor,
        severity: Severity::High,
        title: "No second factor".to_owned(),
        why: "Whoever learns or guesses the password of such a user is in: nothing else is asked for."
            .to_owned(),
        action: "Have each of them register a one-time password device, those with many permissions first."
            .to_owned(),
        not_judged: None,
        subjects: subjects.collect(),
    }
}

/// Users who may use the API and have no address masks, or one that lets everyone through.
pub(super) fn api_without_masks(evidence: &Evidence<'_>) -> Finding {
    let subjects = evidence.users().filter_map(|(position, user)| {
        let names: Vec<String> =
            user.api_permissions().map(|permission| permission.name.to_string()).collect();
        if names.is_empty() {
            return None;
        }
        let detail = open(user.user.api_ip_address_masks.as_deref().unwrap_or_default())?;
        Some(about_user(position, user, detail, names))
    });
    Finding {
        kind: FindingKind::ApiWithoutMasks,
        severity: Severity::High,
        title: "API access from any address".to_owned(),
        why: "A key or password of such a user works from anywhere in the world, without a second factor and \
              without anyone looking on."
            .to_owned(),
        action: "List the addresses that the integration calls from, or take the permission away if there is none."
            .to_owned(),
        not_judged: evidence
            .groups_unread
            .map(|why| format!("API access that only a group grants is not seen: {why}")),
        subjects: subjects.collect(),
    }
}

/// Says why the masks keep nobody out, if so.
fn open(masks: &[Text]) -> Option<String> {
    let mut masks = masks.iter().map(|mask| mask.trim()).filter(|mask| !mask.is_empty()).peekable();
    if masks.peek().is_none() {
        return Some("no address masks".to_owned());
    }
    let everyone = masks.find(|mask| mask.ends_with("/0") || mask.chars().all(|c| "*.".contains(c)))?;
    Some(format!("the mask {everyone} lets every address through"))
}

fn last_seen(user: &ReviewedUser) -> String {
    match (user.logins(), user.last_login().and_then(days::day)) {
        (_, Some(day)) => format!("last login {day}"),
        (Some([]), _) => format!("no login in the last {}", days::span(days::KEPT)),
        (Some(_), None) => "last login at an unreadable time".to_owned(),
        (None, _) => "logins could not be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ultracart_model::{Group, Permission, User, UserGroupMembership};

    use super::super::testing::{facts, finding, read, unreadable, users};
    use super::*;

    fn with_permission(name: &str) -> User {
        User::new().permissions(vec![Permission::new().permission_name(name).selected(true)])
    }

    #[test]
    fn an_absent_or_blank_serial_number_is_no_second_factor() {
        let found = finding(
            facts(
                vec![
                    (User::new(), read(&[])),
                    (User::new().otp_serial_number(" "), unreadable()),
                    (User::new().otp_serial_number("VSST1"), read(&[])),
                    (User::new(), read(&[("2025-06-01T10:00:00Z", "")])),
                    (User::new(), read(&[("?", "")])),
                ],
                Vec::new(),
            ),
            FindingKind::NoSecondFactor,
        );
        assert_eq!(users(&found), [0, 1, 3, 4]);
        let details: Vec<_> = found.subjects.iter().map(|subject| subject.detail.as_str()).collect();
        assert_eq!(
            details,
            [
                "no login in the last 90 days",
                "logins could not be read",
                "last login 2025-06-01",
                "last login at an unreadable time"
            ]
        );
    }

    #[test]
    fn masks_that_keep_nobody_out_are_none() {
        let masks = |masks: &[&str]| masks.iter().map(|&mask| mask.into()).collect::<Vec<Text>>();
        let user = || with_permission("api_access");
        let found = finding(
            facts(
                vec![
                    (user(), read(&[])),
                    (user().api_ip_address_masks(masks(&["", "  "])), read(&[])),
                    (user().api_ip_address_masks(masks(&["192.0.2.1", "0.0.0.0/0"])), read(&[])),
                    (user().api_ip_address_masks(masks(&["*.*.*.*"])), read(&[])),
                    (user().api_ip_address_masks(masks(&["192.0.2.*", "10.0.0.0/8"])), read(&[])),
                    (with_permission("orders"), read(&[])),
                ],
                Vec::new(),
            ),
            FindingKind::ApiWithoutMasks,
        );
        assert_eq!(users(&found), [0, 1, 2, 3]);
        assert_eq!(found.subjects[0].items, ["api_access"]);
        assert_eq!(found.subjects[2].detail, "the mask 0.0.0.0/0 lets every address through");
    }

    #[test]
    fn api_access_through_a_group_counts_and_is_said_to_be_unseen_without_the_groups() {
        let user = User::new().user_id(1).groups(vec![UserGroupMembership::new().group_oid(3).member(true)]);
        let group = Group::new()
            .group_oid(3)
            .permissions(vec![Permission::new().permission_name("api").selected(true)]);
        let mut facts = facts(vec![(user, read(&[]))], vec![group]);
        assert_eq!(users(&finding(facts.clone(), FindingKind::ApiWithoutMasks)), [0]);
        facts.groups = Err("getGroups: 500".to_owned());
        let found = finding(facts, FindingKind::ApiWithoutMasks);
        assert!(found.subjects.is_empty());
        assert_eq!(
            found.not_judged.as_deref(),
            Some("API access that only a group grants is not seen: getGroups: 500")
        );
    }
}
