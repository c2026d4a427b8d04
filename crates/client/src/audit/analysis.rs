//! Builds a [`Review`] from [`Facts`]: the data read from an account.

use std::sync::Arc;

use http::Uri;
use ultracart_model::User;

use super::finding::UserRef;
use super::review::{Facts, History, Incomplete, Review, ReviewedUser};
use super::{access, findings};

/// Version of the review's JSON format. It changes when programs written for the old version would misread
/// the new one.
const SCHEMA_VERSION: &str = "1";

impl Review {
    /// Reviews an account from the given facts, without a call.
    pub fn new(facts: Facts) -> Self {
        let (base_url, host) = sanitize_url(&facts.base_url);
        let (users, histories): (Vec<_>, Vec<_>) = facts.users.into_iter().unzip();
        let resolved = access::resolve(&users, facts.groups.as_deref().ok());
        let mut incomplete = Vec::new();
        if let Err(why) = &facts.groups {
            incomplete.push(Incomplete { what: "the list of groups".to_owned(), why: why.clone() });
        }
        let users: Vec<ReviewedUser> = users
            .into_iter()
            .zip(histories)
            .zip(resolved.users)
            .map(|((user, history), access)| ReviewedUser {
                user: without_login_histories(user),
                groups: access.groups,
                permissions: access.permissions,
                history,
            })
            .collect();
        for (position, user) in users.iter().enumerate() {
            if let History::Unreadable { reason } = &user.history {
                let label = UserRef::new(position, &user.user).label();
                incomplete
                    .push(Incomplete { what: format!("the login history of {label}"), why: reason.clone() });
            }
        }
        let mut review = Self {
            schema_version: SCHEMA_VERSION,
            taken_at: facts.taken_at,
            base_url,
            host,
            dormant_after: facts.dormant_after,
            calls: facts.calls,
            incomplete,
            stopped_by: None,
            notes: facts.notes.into_iter().chain(resolved.notes).collect(),
            findings: Vec::new(),
            groups: resolved.groups,
            users,
        };
        review.findings = findings::all(&review, facts.groups.as_ref().err().map(String::as_str));
        review
    }
}

fn without_login_histories(user: Arc<User>) -> Arc<User> {
    if user.login_histories.is_none() {
        return user;
    }
    let mut user = Arc::unwrap_or_clone(user);
    user.login_histories = None;
    Arc::new(user)
}

/// Returns the base URL without the parts that can contain a credential.
pub(super) fn base_url_without_credentials(base_url: &str) -> String {
    sanitize_url(base_url).0
}

/// Returns two texts: the URL without user name, password, query and fragment; and the URL's host, with the
/// port if the URL has one. Both are `(unknown)` if the URL cannot be parsed.
fn sanitize_url(base_url: &str) -> (String, String) {
    let Some((scheme, host, path)) = base_url.parse::<Uri>().ok().and_then(|uri| {
        let authority = uri.authority()?.as_str();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Some((uri.scheme_str()?.to_owned(), host.to_owned(), uri.path().trim_end_matches('/').to_owned()))
    }) else {
        return ("(unknown)".to_owned(), "(unknown)".to_owned());
    };
    (format!("{scheme}://{host}{path}"), host)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use ultracart_model::UserLogin;

    use super::super::review::Source;
    use super::*;

    #[test]
    fn base_url_is_shown_without_credentials() {
        let (url, host) = sanitize_url("https://ada:secret@example.com:8443/rest/v2/?key=secret");
        assert_eq!(url, "https://example.com:8443/rest/v2");
        assert_eq!(host, "example.com:8443");
        assert_eq!(sanitize_url("not a url").1, "(unknown)");
    }

    #[test]
    fn logins_from_user_list_are_serialized_once() {
        let login = UserLogin::new().ip_address("192.0.2.1");
        let user = User::new().user_id(7).login_histories(vec![login.clone()]);
        let history = History::Read {
            source: Source::List,
            read_at: Timestamp::UNIX_EPOCH,
            logins: vec![login].into(),
        };
        let review = Review::new(Facts {
            taken_at: Timestamp::UNIX_EPOCH,
            base_url: "https://example.com/rest/v2".to_owned(),
            dormant_after: Duration::from_hours(24),
            calls: 2,
            users: vec![(Arc::new(user), history)],
            groups: Ok(Vec::new()),
            notes: Vec::new(),
        });
        let json = serde_json::to_string(&review).unwrap();
        assert_eq!(json.matches("192.0.2.1").count(), 1, "{json}");
        assert!(review.is_complete());
    }
}
