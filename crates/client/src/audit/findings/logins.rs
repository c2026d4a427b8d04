//! Checks of the login histories.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::input::{CheckInput, count, user_subject};
use crate::audit::days;
use crate::audit::finding::{Finding, FindingKind, Severity, Subject, UserRef, Who};
use crate::audit::review::{History, ReviewedUser};

/// Finds users who have not logged in for `dormant_after`.
///
/// UltraCart keeps login histories for 90 days, so a longer `dormant_after` counts as 90 days. A user is not
/// reported if the login history, or the time of a login, could not be read: the user may have logged in
/// recently. A login with a time in the future, which a wrong clock can cause, counts as recent.
pub(super) fn dormant(input: &CheckInput<'_>) -> Finding {
    let review = input.review;
    let checked = review.dormant_after.min(days::RETENTION);
    let since = days::before(review.taken_at, checked);
    let subjects = input.users().filter_map(|(position, user)| {
        let logins = user.logins()?;
        // UltraCart keeps no login that is older than `RETENTION`, so any login in the history is recent
        // enough.
        let recent = logins
            .iter()
            .any(|login| checked == days::RETENTION || days::login_time(login).is_none_or(|at| at >= since));
        (!recent).then(|| {
            let detail = match days::latest(logins).and_then(days::login_date) {
                Some(day) => format!("last login {day}"),
                None => format!("no login in the last {}", days::duration_text(days::RETENTION)),
            };
            user_subject(position, user, detail, Vec::new())
        })
    });
    let subjects: Vec<Subject> = subjects.collect();
    let unread = input.users().filter(|(_, user)| user.logins().is_none()).count();
    Finding {
        kind: FindingKind::Dormant,
        severity: Severity::Medium,
        title: format!("No login in the last {}", days::duration_text(checked)),
        why: format!(
            "If someone else takes over an unused login, its owner is unlikely to notice.{}",
            retention_note(review.dormant_after)
        ),
        action: "Ask whether each user still needs access. Remove users who have left.".to_owned(),
        not_checked: (unread > 0).then(|| {
            format!("{} could not be checked, as the login history could not be read", count(unread, "user"))
        }),
        subjects,
    }
}

/// Returns an empty string if UltraCart keeps login histories for all of `dormant_after`. Otherwise returns a
/// sentence with the time that is checked instead.
fn retention_note(dormant_after: Duration) -> String {
    if dormant_after <= days::RETENTION {
        return String::new();
    }
    format!(
        " UltraCart keeps login histories for {kept}, so this check covers {kept} instead of the \
         configured {}.",
        days::duration_text(dormant_after),
        kept = days::duration_text(days::RETENTION)
    )
}

/// Finds users whose login history, or the time of a login in it, could not be read.
pub(super) fn history_unreadable(input: &CheckInput<'_>) -> Finding {
    let subjects = input.users().filter_map(|(position, user)| {
        let detail = match &user.history {
            History::Unreadable { reason } => reason.clone(),
            History::Read { logins, .. } => {
                let bad = logins.iter().filter(|login| days::login_time(login).is_none()).count();
                if bad == 0 {
                    return None;
                }
                format!("the time of {bad} of {} could not be read", count(logins.len(), "login"))
            }
        };
        Some(user_subject(position, user, detail, Vec::new()))
    });
    Finding {
        kind: FindingKind::HistoryUnreadable,
        severity: Severity::Medium,
        title: "Login histories that could not be read".to_owned(),
        why: "This review cannot show when and from where these users logged in. They may be inactive, but \
              the review does not report them as such."
            .to_owned(),
        action: "Resume the review to read the missing login histories, or look these users up in UltraCart."
            .to_owned(),
        not_checked: None,
        subjects: subjects.collect(),
    }
}

/// The logins from one IP address.
#[derive(Default)]
struct AddressUse {
    users: BTreeSet<usize>,
    logins: usize,
    /// Time and date of the latest login. `None` if no time of a login can be parsed.
    last: Option<(Timestamp, String)>,
}

/// Finds IP addresses from which more than one user logged in.
///
/// A login counts for the user whose history contains it, even if its `login` field contains another name.
pub(super) fn shared_ip_address(input: &CheckInput<'_>) -> Finding {
    let mut addresses: BTreeMap<String, AddressUse> = BTreeMap::new();
    for (position, user) in input.users() {
        for login in user.logins().unwrap_or_default() {
            let Some(address) = login.ip_address.as_deref().and_then(canonical) else { continue };
            let used = addresses.entry(address).or_default();
            used.users.insert(position);
            used.logins += 1;
            used.last = used.last.take().max(days::login_time(login).zip(days::login_date(login)));
        }
    }
    let mut shared: Vec<(String, AddressUse)> =
        addresses.into_iter().filter(|(_, used)| used.users.len() > 1).collect();
    shared.sort_by_key(|(_, used)| std::cmp::Reverse(used.users.len()));
    let subjects = shared.into_iter().map(|(ip_address, used)| {
        let last = used.last.map_or_else(String::new, |(_, day)| format!(", last login {day}"));
        let detail = format!("{}, {}{last}", count(used.users.len(), "user"), count(used.logins, "login"));
        let user_ref = |position: usize| {
            let user: &ReviewedUser = &input.review.users[position];
            UserRef::new(position, &user.user)
        };
        let users = used.users.into_iter().map(user_ref).collect();
        Subject { who: Who::IpAddress { ip_address, users }, detail, items: Vec::new() }
    });
    Finding {
        kind: FindingKind::SharedIpAddress,
        severity: Severity::Low,
        title: "IP addresses shared by several users".to_owned(),
        why: "An office or a VPN explains many shared addresses. Others may show people who share a login, \
              or one person who uses several."
            .to_owned(),
        action: "Cross off the addresses that you know. Ask the users of the remaining ones.".to_owned(),
        not_checked: None,
        subjects: subjects.collect(),
    }
}

/// Returns the canonical form of an IP address, so that all its spellings compare equal. Text that is not an
/// IP address is returned in lower case. Returns `None` for blank text.
fn canonical(address: &str) -> Option<String> {
    let address = address.trim();
    match address.parse::<IpAddr>() {
        Ok(ip) => Some(ip.to_canonical().to_string()),
        Err(_) if address.is_empty() => None,
        Err(_) => Some(address.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use ultracart_model::User;

    use super::super::testing::{facts, finding, history, unreadable_history, users};
    use super::*;
    use crate::audit::Facts;

    fn sample(dormant_days: u64, histories: Vec<History>) -> Facts {
        let mut facts =
            facts(histories.into_iter().map(|history| (User::new(), history)).collect(), Vec::new());
        facts.dormant_after = Duration::from_secs(dormant_days * 86_400);
        facts
    }

    #[test]
    fn user_without_recent_login_is_dormant() {
        let histories = vec![
            history(&[]),
            history(&[("2025-05-31T11:59:59Z", "")]),
            history(&[("2025-05-01T00:00:00Z", ""), ("2025-05-31T08:00:00-04:00", "")]),
            unreadable_history(),
            history(&[("?", "")]),
            history(&[("2031-01-01T00:00:00Z", "")]),
        ];
        let found = finding(sample(30, histories), FindingKind::Dormant);
        assert_eq!(users(&found), [0, 1]);
        assert_eq!(found.title, "No login in the last 30 days");
        assert_eq!(found.subjects[0].detail, "no login in the last 90 days");
        assert_eq!(found.subjects[1].detail, "last login 2025-05-31");
        assert_eq!(
            found.not_checked.as_deref(),
            Some("1 user could not be checked, as the login history could not be read")
        );
    }

    #[test]
    fn dormant_after_beyond_90_days_counts_as_90() {
        let found = finding(
            sample(180, vec![history(&[]), history(&[("2025-03-30T00:00:00Z", "")])]),
            FindingKind::Dormant,
        );
        assert_eq!(found.title, "No login in the last 90 days");
        assert!(found.why.ends_with("instead of the configured 180 days."), "{}", found.why);
        assert_eq!(users(&found), [0], "a login that UltraCart still has is within its 90 days");
    }

    #[test]
    fn history_with_unparsable_time_is_reported() {
        let histories =
            vec![history(&[]), unreadable_history(), history(&[("?", ""), ("2025-06-01T00:00:00Z", "")])];
        let found = finding(sample(90, histories), FindingKind::HistoryUnreadable);
        assert_eq!(users(&found), [1, 2]);
        assert_eq!(found.subjects[0].detail, "getUserLogins: 500");
        assert_eq!(found.subjects[1].detail, "the time of 1 of 2 logins could not be read");
    }

    #[test]
    fn shared_address_is_compared_in_canonical_form() {
        let histories = vec![
            history(&[("2025-06-01T00:00:00Z", "192.0.2.1"), ("2025-06-02T00:00:00Z", "::ffff:192.0.2.1")]),
            history(&[("?", " 192.0.2.1 "), ("?", "2001:db8::1"), ("?", "gateway")]),
            history(&[("?", "2001:0DB8:0::0001"), ("?", ""), ("?", "192.0.2.1")]),
            history(&[("?", ""), ("?", "198.51.100.1"), ("?", "198.51.100.1")]),
            unreadable_history(),
        ];
        let found = finding(sample(90, histories), FindingKind::SharedIpAddress);
        let details: Vec<_> = found.subjects.iter().map(|subject| subject.detail.as_str()).collect();
        assert_eq!(details, ["3 users, 4 logins, last login 2025-06-02", "2 users, 2 logins"]);
        assert!(
            matches!(&found.subjects[1].who, Who::IpAddress { ip_address, .. } if ip_address == "2001:db8::1")
        );
        assert_eq!(users(&found), [0, 1, 2]);
    }
}
