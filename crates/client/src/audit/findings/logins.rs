//! What the logins show, and what they can't.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::evidence::{Evidence, about_user, count};
use crate::audit::days;
use crate::audit::finding::{Finding, FindingKind, Severity, Subject, UserRef, Who};
use crate::audit::review::{History, ReviewedUser};

/// Users without a login in the time.
///
/// UltraCart keeps logins for 90 days, so a longer `dormant_after` is judged by 90. A user whose history could not
/// be read is not dormant, and neither is one with a login at a time that can't be read: nobody is accused for want of
/// evidence. A login in the future, by a clock that is wrong, is a recent one.
pub(super) fn dormant(evidence: &Evidence<'_>) -> Finding {
    let review = evidence.review;
    let judged = review.dormant_after.min(days::KEPT);
    let since = days::before(review.taken_at, judged);
    let subjects = evidence.users().filter_map(|(position, user)| {
        let logins = user.logins()?;
        // Whatever is in the history happened within the time that UltraCart keeps.
        let recent = logins
            .iter()
            .any(|login| judged == days::KEPT || days::instant(login).is_none_or(|at| at >= since));
        (!recent).then(|| {
            let detail = match days::latest(logins).and_then(days::day) {
                Some(day) => format!("last login {day}"),
                None => format!("none in the last {}", days::span(days::KEPT)),
            };
            about_user(position, user, detail, Vec::new())
        })
    });
    let subjects: Vec<Subject> = subjects.collect();
    let unread = evidence.users().filter(|(_, user)| user.logins().is_none()).count();
    Finding {
        kind: FindingKind::Dormant,
        severity: Severity::Medium,
        title: format!("No login in the last {}", days::span(judged)),
        why: format!(
            "An account that nobody uses is one that nobody misses when somebody else does.{}",
            beyond(review.dormant_after)
        ),
        action: "Ask whether they still need it; remove those who left.".to_owned(),
        not_judged: (unread > 0).then(|| {
            format!("{} cannot be judged, as their logins could not be read", count(unread, "user"))
        }),
        subjects,
    }
}

fn beyond(dormant_after: Duration) -> String {
    if dormant_after <= days::KEPT {
        return String::new();
    }
    format!(
        " UltraCart keeps logins for {}, so that is the time looked at instead of the {} asked for.",
        days::span(days::KEPT),
        days::span(dormant_after)
    )
}

/// Histories that could not be read, as a whole or in the times of some logins.
pub(super) fn unreadable(evidence: &Evidence<'_>) -> Finding {
    let subjects = evidence.users().filter_map(|(position, user)| {
        let detail = match &user.history {
            History::Unreadable { reason } => reason.clone(),
            History::Read { logins, .. } => {
                let bad = logins.iter().filter(|login| days::instant(login).is_none()).count();
                if bad == 0 {
                    return None;
                }
                format!("the time of {bad} of {} cannot be read", count(logins.len(), "login"))
            }
        };
        Some(about_user(position, user, detail, Vec::new()))
    });
    Finding {
        kind: FindingKind::HistoryUnreadable,
        severity: Severity::Medium,
        title: "Login history that could not be read".to_owned(),
        why: "Nothing can be said about when and from where such a user logged in. They are not counted as dormant, \
              and they may be."
            .to_owned(),
        action: "Resume the review to ask again, or look these users up in UltraCart.".to_owned(),
        not_judged: None,
        subjects: subjects.collect(),
    }
}

/// What is known of one address.
#[derive(Default)]
struct Seen {
    users: BTreeSet<usize>,
    logins: usize,
    last: Option<(Timestamp, String)>,
}

/// Addresses from which more than one user logged in. Whose history it is decides, not the login's own `login`.
pub(super) fn shared_address(evidence: &Evidence<'_>) -> Finding {
    let mut addresses: BTreeMap<String, Seen> = BTreeMap::new();
    for (position, user) in evidence.users() {
        for login in user.logins().unwrap_or_default() {
            let Some(address) = login.ip_address.as_deref().and_then(usual) else { continue };
            let seen = addresses.entry(address).or_default();
            seen.users.insert(position);
            seen.logins += 1;
            seen.last = seen.last.take().max(days::instant(login).zip(days::day(login)));
        }
    }
    let mut shared: Vec<(String, Seen)> =
        addresses.into_iter().filter(|(_, seen)| seen.users.len() > 1).collect();
    shared.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.users.len()));
    let subjects = shared.into_iter().map(|(ip_address, seen)| {
        let last = seen.last.map_or_else(String::new, |(_, day)| format!(", last {day}"));
        let detail = format!("{}, {}{last}", count(seen.users.len(), "user"), count(seen.logins, "login"));
        let user_ref = |position: usize| {
            let user: &ReviewedUser = &evidence.review.users[position];
            UserRef::new(position, &user.user)
        };
        let users = seen.users.into_iter().map(user_ref).collect();
        Subject { who: Who::IpAddress { ip_address, users }, detail, items: Vec::new() }
    });
    Finding {
        kind: FindingKind::SharedAddress,
        severity: Severity::Low,
        title: "One address, several logins".to_owned(),
        why: "An office or a VPN explains many of these. The others are people who share logins, or one person who \
              uses several."
            .to_owned(),
        action: "Tick off the addresses you know, and ask the users of the others.".to_owned(),
        not_judged: None,
        subjects: subjects.collect(),
    }
}

/// An address in its usual spelling, so that two spellings of it are one address.
fn usual(address: &str) -> Option<String> {
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

    use super::super::testing::{facts, finding, read, unreadable, users};
    use super::*;
    use crate::audit::Facts;

    fn sample(dormant_days: u64, histories: Vec<History>) -> Facts {
        let mut facts =
            facts(histories.into_iter().map(|history| (User::new(), history)).collect(), Vec::new());
        facts.dormant_after = Duration::from_secs(dormant_days * 86_400);
        facts
    }

    #[test]
    fn no_login_since_then_is_dormant_and_no_evidence_is_not() {
        let histories = vec![
            read(&[]),
            read(&[("2025-05-31T11:59:59Z", "")]),
            read(&[("2025-05-01T00:00:00Z", ""), ("2025-05-31T08:00:00-04:00", "")]),
            unreadable(),
            read(&[("?", "")]),
            read(&[("2031-01-01T00:00:00Z", "")]),
        ];
        let found = finding(sample(30, histories), FindingKind::Dormant);
        assert_eq!(users(&found), [0, 1]);
        assert_eq!(found.title, "No login in the last 30 days");
        assert_eq!(found.subjects[0].detail, "none in the last 90 days");
        assert_eq!(found.subjects[1].detail, "last login 2025-05-31");
        assert_eq!(
            found.not_judged.as_deref(),
            Some("1 user cannot be judged, as their logins could not be read")
        );
    }

    #[test]
    fn more_than_ultracart_keeps_is_judged_by_what_it_keeps() {
        let found = finding(
            sample(180, vec![read(&[]), read(&[("2025-03-30T00:00:00Z", "")])]),
            FindingKind::Dormant,
        );
        assert_eq!(found.title, "No login in the last 90 days");
        assert!(found.why.ends_with("instead of the 180 days asked for."), "{}", found.why);
        assert_eq!(users(&found), [0], "what UltraCart still lists was within its 90 days");
    }

    #[test]
    fn a_history_is_unreadable_as_a_whole_or_in_its_times() {
        let histories = vec![read(&[]), unreadable(), read(&[("?", ""), ("2025-06-01T00:00:00Z", "")])];
        let found = finding(sample(90, histories), FindingKind::HistoryUnreadable);
        assert_eq!(users(&found), [1, 2]);
        assert_eq!(found.subjects[0].detail, "getUserLogins: 500");
        assert_eq!(found.subjects[1].detail, "the time of 1 of 2 logins cannot be read");
    }

    #[test]
    fn an_address_is_shared_by_users_however_it_is_spelled() {
        let histories = vec![
            read(&[("2025-06-01T00:00:00Z", "192.0.2.1"), ("2025-06-02T00:00:00Z", "::ffff:192.0.2.1")]),
            read(&[("?", " 192.0.2.1 "), ("?", "2001:db8::1"), ("?", "gateway")]),
            read(&[("?", "2001:0DB8:0::0001"), ("?", ""), ("?", "192.0.2.1")]),
            read(&[("?", ""), ("?", "198.51.100.1"), ("?", "198.51.100.1")]),
            unreadable(),
        ];
        let found = finding(sample(90, histories), FindingKind::SharedAddress);
        let told: Vec<_> = found.subjects.iter().map(|subject| subject.detail.as_str()).collect();
        assert_eq!(told, ["3 users, 4 logins, last 2025-06-02", "2 users, 2 logins"]);
        assert!(
            matches!(&found.subjects[1].who, Who::IpAddress { ip_address, .. } if ip_address == "2001:db8::1")
        );
        assert_eq!(users(&found), [0, 1, 2]);
    }
}
