//! The checks of a review. Each is a function that returns one finding; [`all`] runs them.

mod credentials;
mod groups;
mod input;
mod linked;
mod logins;
mod permissions;

use super::finding::Finding;
use super::review::Review;
use input::CheckInput;

/// Every check, most severe first.
const CHECKS: [fn(&CheckInput<'_>) -> Finding; 9] = [
    credentials::no_second_factor,
    credentials::api_from_any_address,
    permissions::outside_groups,
    logins::dormant,
    logins::history_unreadable,
    linked::linked_accounts,
    logins::shared_ip_address,
    groups::user_in_no_group,
    groups::group_without_members,
];

/// Runs every check on the review. `groups_error` is the reason why the list of groups could not be read, or
/// `None` if it was read.
pub(super) fn all(review: &Review, groups_error: Option<&str>) -> Vec<Finding> {
    let input = CheckInput { review, groups_error };
    CHECKS.iter().map(|check| check(&input)).collect()
}

/// Fixtures for the tests of the checks.
#[cfg(test)]
mod testing {
    use std::sync::Arc;

    use jiff::Timestamp;
    use ultracart_model::{Group, User, UserLogin};

    use crate::audit::{Facts, Finding, FindingKind, History, Review, Source};

    pub(super) const TAKEN_AT: &str = "2025-06-30T12:00:00Z";

    pub(super) fn facts(users: Vec<(User, History)>, groups: Vec<Group>) -> Facts {
        Facts {
            taken_at: TAKEN_AT.parse().unwrap(),
            base_url: "https://example.com/rest/v2".to_owned(),
            dormant_after: crate::audit::days::RETENTION,
            calls: 0,
            users: users.into_iter().map(|(user, history)| (Arc::new(user), history)).collect(),
            groups: Ok(groups.into_iter().map(Arc::new).collect()),
            notes: Vec::new(),
        }
    }

    /// Returns a history of logins, each given by its `login_dts` and IP address.
    pub(super) fn history(logins: &[(&str, &str)]) -> History {
        let login = |&(at, ip): &(&str, &str)| UserLogin::new().login_dts(at).ip_address(ip);
        History::Read {
            source: Source::Call,
            read_at: Timestamp::UNIX_EPOCH,
            logins: logins.iter().map(login).collect(),
        }
    }

    pub(super) fn unreadable_history() -> History {
        History::Unreadable { reason: "getUserLogins: 500".to_owned() }
    }

    pub(super) fn finding(facts: Facts, kind: FindingKind) -> Finding {
        Review::new(facts).finding(kind).unwrap().clone()
    }

    pub(super) fn users(finding: &Finding) -> Vec<usize> {
        finding.users().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::facts;
    use super::*;
    use crate::audit::FindingKind;

    #[test]
    fn empty_account_has_every_finding_most_severe_first() {
        let review = Review::new(facts(Vec::new(), Vec::new()));
        let kinds: Vec<FindingKind> = review.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, FindingKind::ALL, "one check for each kind");
        assert!(review.findings.is_sorted_by_key(|finding| finding.severity));
        for finding in &review.findings {
            assert!(finding.subjects.is_empty() && finding.not_checked.is_none(), "{finding:?}");
            assert_eq!(serde_json::to_value(finding.kind).unwrap(), finding.kind.as_str());
            assert_eq!(serde_json::to_value(finding.severity).unwrap(), finding.severity.as_str());
        }
    }
}
