//! The checks. Each is a function from the review, still without findings, to one finding; [`all`] runs them.

mod credentials;
mod evidence;
mod groups;
mod linked;
mod logins;
mod permissions;

use super::finding::Finding;
use super::review::Review;
use evidence::Evidence;

/// Every check, gravest first.
const CHECKS: [fn(&Evidence<'_>) -> Finding; 9] = [
    credentials::no_second_factor,
    credentials::api_without_masks,
    permissions::outside_groups,
    logins::dormant,
    logins::unreadable,
    linked::cascading,
    logins::shared_address,
    groups::user_in_no_group,
    groups::group_without_members,
];

/// Runs every check.
pub(super) fn all(review: &Review, groups_unread: Option<&str>) -> Vec<Finding> {
    let evidence = Evidence { review, groups_unread };
    CHECKS.iter().map(|check| check(&evidence)).collect()
}

/// Fixtures of the checks' tests.
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
            dormant_after: crate::audit::days::KEPT,
            calls: 0,
            users: users.into_iter().map(|(user, history)| (Arc::new(user), history)).collect(),
            groups: Ok(groups.into_iter().map(Arc::new).collect()),
            notes: Vec::new(),
        }
    }

    pub(super) fn read(logins: &[(&str, &str)]) -> History {
        let login = |&(at, ip): &(&str, &str)| UserLogin::new().login_dts(at).ip_address(ip);
        History::Read {
            source: Source::Call,
            read_at: Timestamp::UNIX_EPOCH,
            logins: logins.iter().map(login).collect(),
        }
    }

    pub(super) fn unreadable() -> History {
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
    fn every_check_reports_gravest_first_even_of_an_empty_account() {
        let review = Review::new(facts(Vec::new(), Vec::new()));
        let kinds: Vec<FindingKind> = review.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, FindingKind::ALL, "one check for each kind");
        assert!(review.findings.is_sorted_by_key(|finding| finding.severity));
        for finding in &review.findings {
            assert!(finding.subjects.is_empty() && finding.not_judged.is_none(), "{finding:?}");
            assert_eq!(serde_json::to_value(finding.kind).unwrap(), finding.kind.as_str());
            assert_eq!(serde_json::to_value(finding.severity).unwrap(), finding.severity.as_str());
        }
    }
}
