//! Checks of how well a user's credentials are protected.

use ultracart_model::Text;

use super::input::{CheckInput, user_subject};
use crate::audit::days;
use crate::audit::finding::{Finding, FindingKind, Severity};
use crate::audit::review::ReviewedUser;

/// Finds users who log in with a password alone.
pub(super) fn no_second_factor(input: &CheckInput<'_>) -> Finding {
    let subjects = input
        .users()
        .filter(|(_, user)| !user.user.has_second_factor())
        .map(|(position, user)| user_subject(position, user, last_login(user), Vec::new()));
    Finding {
        kind: FindingKind::NoSecondFactor,
        severity: Severity::High,
        title: "Users without a second factor".to_owned(),
        why: "These users log in with a password alone. A stolen or guessed password is enough to use the \
              account."
            .to_owned(),
        action: "Have each user register a one-time password device. Start with the users who have the most \
                 permissions."
            .to_owned(),
        not_checked: None,
        subjects: subjects.collect(),
    }
}

/// Finds users who may use the API from any IP address: they have no address mask, or a mask that allows
/// every address.
pub(super) fn api_from_any_address(input: &CheckInput<'_>) -> Finding {
    let subjects = input.users().filter_map(|(position, user)| {
        let names: Vec<String> =
            user.api_permissions().map(|permission| permission.name.to_string()).collect();
        if names.is_empty() {
            return None;
        }
        let detail = unrestricted(user.user.api_ip_address_masks.as_deref().unwrap_or_default())?;
        Some(user_subject(position, user, detail, names))
    });
    Finding {
        kind: FindingKind::ApiFromAnyAddress,
        severity: Severity::High,
        title: "API access from any IP address".to_owned(),
        why:
            "These users may use the API, and no IP address mask restricts their access. A stolen API key or \
              password works from anywhere in the world, without a second factor."
                .to_owned(),
        action:
            "Set the user's API address masks to the IP addresses of the integration. If no integration uses \
                 this user, remove the permission."
                .to_owned(),
        not_checked: input
            .groups_error
            .map(|why| format!("API access through groups could not be checked: {why}")),
        subjects: subjects.collect(),
    }
}

/// Returns the reason why the masks, or the lack of masks, allow every IP address. Returns `None` if the
/// masks restrict access.
fn unrestricted(masks: &[Text]) -> Option<String> {
    let mut masks = masks.iter().map(|mask| mask.trim()).filter(|mask| !mask.is_empty()).peekable();
    if masks.peek().is_none() {
        return Some("no IP address masks".to_owned());
    }
    let open_mask = masks.find(|mask| mask.ends_with("/0") || mask.chars().all(|c| "*.".contains(c)))?;
    Some(format!("the mask {open_mask} allows every IP address"))
}

fn last_login(user: &ReviewedUser) -> String {
    match (user.logins(), user.last_login().and_then(days::login_date)) {
        (_, Some(day)) => format!("last login {day}"),
        (Some([]), _) => format!("no login in the last {}", days::duration_text(days::RETENTION)),
        (Some(_), None) => "time of the last login could not be read".to_owned(),
        (None, _) => "login history could not be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ultracart_model::{Group, Permission, User, UserGroupMembership};

    use super::super::testing::{facts, finding, history, unreadable_history, users};
    use super::*;

    fn with_permission(name: &str) -> User {
        User::new().permissions(vec![Permission::new().permission_name(name).selected(true)])
    }

    #[test]
    fn blank_otp_serial_number_is_no_second_factor() {
        let found = finding(
            facts(
                vec![
                    (User::new(), history(&[])),
                    (User::new().otp_serial_number(" "), unreadable_history()),
                    (User::new().otp_serial_number("VSST1"), history(&[])),
                    (User::new(), history(&[("2025-06-01T10:00:00Z", "")])),
                    (User::new(), history(&[("?", "")])),
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
                "login history could not be read",
                "last login 2025-06-01",
                "time of the last login could not be read"
            ]
        );
    }

    #[test]
    fn masks_for_every_address_count_as_none() {
        let masks = |masks: &[&str]| masks.iter().map(|&mask| mask.into()).collect::<Vec<Text>>();
        let user = || with_permission("api_access");
        let found = finding(
            facts(
                vec![
                    (user(), history(&[])),
                    (user().api_ip_address_masks(masks(&["", "  "])), history(&[])),
                    (user().api_ip_address_masks(masks(&["192.0.2.1", "0.0.0.0/0"])), history(&[])),
                    (user().api_ip_address_masks(masks(&["*.*.*.*"])), history(&[])),
                    (user().api_ip_address_masks(masks(&["192.0.2.*", "10.0.0.0/8"])), history(&[])),
                    (with_permission("orders"), history(&[])),
                ],
                Vec::new(),
            ),
            FindingKind::ApiFromAnyAddress,
        );
        assert_eq!(users(&found), [0, 1, 2, 3]);
        assert_eq!(found.subjects[0].items, ["api_access"]);
        assert_eq!(found.subjects[2].detail, "the mask 0.0.0.0/0 allows every IP address");
    }

    #[test]
    fn api_access_through_unread_group_is_not_checked() {
        let user = User::new().user_id(1).groups(vec![UserGroupMembership::new().group_oid(3).member(true)]);
        let group = Group::new()
            .group_oid(3)
            .permissions(vec![Permission::new().permission_name("api").selected(true)]);
        let mut facts = facts(vec![(user, history(&[]))], vec![group]);
        assert_eq!(users(&finding(facts.clone(), FindingKind::ApiFromAnyAddress)), [0]);
        facts.groups = Err("getGroups: 500".to_owned());
        let found = finding(facts, FindingKind::ApiFromAnyAddress);
        assert!(found.subjects.is_empty());
        assert_eq!(
            found.not_checked.as_deref(),
            Some("API access through groups could not be checked: getGroups: 500")
        );
    }
}
