//! The section `[api]`.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::check::Validation;
use crate::error::{Error, ErrorKind};

/// The section `[api]`: the server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Api {
    /// Base URL of the API. Plain HTTP is accepted only for this machine (localhost and loopback addresses).
    pub base_url: String,
    /// Value of the `X-UltraCart-Api-Version` header, which every call needs.
    pub version: String,
}

impl Default for Api {
    fn default() -> Self {
        Self { base_url: "https://secure.ultracart.com/rest/v2".to_owned(), version: "2017-03-01".to_owned() }
    }
}

/// The reason why a base URL is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UrlProblem {
    NotAUrl,
    Credentials,
    QueryOrFragment,
    PlainHttp,
    Scheme,
}

impl UrlProblem {
    fn description(self) -> &'static str {
        match self {
            Self::NotAUrl => "is not a URL",
            Self::Credentials => "contains a user name or password",
            Self::QueryOrFragment => "contains a query or fragment",
            Self::PlainHttp => "is plain HTTP to another machine, which would expose the credential",
            Self::Scheme => "does not start with https://",
        }
    }

    /// Whether a URL with this problem can contain a credential. If it can, messages must not show the URL.
    fn may_contain_secret(self) -> bool {
        matches!(self, Self::Credentials | Self::QueryOrFragment | Self::NotAUrl)
    }
}

impl Api {
    /// Returns the base URL, if it is valid.
    ///
    /// # Errors
    /// If `base_url` is neither an `https://` URL nor an `http://` URL of this machine, or if it contains a
    /// credential, query or fragment.
    pub fn parsed_base_url(&self) -> Result<Url, Error> {
        parse(&self.base_url).map_err(|problem| {
            Error::new(
                ErrorKind::InvalidConfig,
                format!("`api.base_url` {}; expected {BASE_URL}", problem.description()),
            )
        })
    }

    pub(super) fn check(&self, validation: &mut Validation) {
        if let Err(problem) = parse(&self.base_url) {
            let shown = if problem.may_contain_secret() { "" } else { &self.base_url };
            validation.report("api.base_url", shown, problem.description());
        }
        if self.version.is_empty() || !self.version.bytes().all(|byte| byte.is_ascii_graphic()) {
            validation.refuse("api.version", &format!("{:?}", self.version));
        }
    }
}

const BASE_URL: &str =
    "an https:// URL without user name, password, query or fragment (http:// only for localhost)";

/// Each key with a description of its allowed values, for error messages.
pub(super) const ALLOWED: &[(&str, &str)] =
    &[("api.base_url", BASE_URL), ("api.version", "visible ASCII characters, such as `2017-03-01`")];

fn parse(text: &str) -> Result<Url, UrlProblem> {
    let url = Url::parse(text).map_err(|_| UrlProblem::NotAUrl)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlProblem::Credentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlProblem::QueryOrFragment);
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_loopback(&host) => Ok(url),
        ("http", _) => Err(UrlProblem::PlainHttp),
        _ => Err(UrlProblem::Scheme),
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_url_is_https_or_loopback() {
        for valid in [
            "https://secure.ultracart.com/rest/v2",
            "https://secure.ultracart.com/rest/v2/",
            "http://127.0.0.1:8080/rest/v2",
            "http://127.9.9.9",
            "http://[::1]:1/",
            "http://LOCALHOST:1",
        ] {
            assert!(parse(valid).is_ok(), "{valid}");
        }
        for (invalid, problem) in [
            ("", UrlProblem::NotAUrl),
            ("secure.ultracart.com", UrlProblem::NotAUrl),
            ("http://secure.ultracart.com/rest/v2", UrlProblem::PlainHttp),
            ("http://10.0.0.1/", UrlProblem::PlainHttp),
            ("http://localhost.example.com/", UrlProblem::PlainHttp),
            ("http://127.0.0.1.example.com/", UrlProblem::PlainHttp),
            ("http://[::ffff:10.0.0.1]/", UrlProblem::PlainHttp),
            ("ftp://127.0.0.1/", UrlProblem::Scheme),
            ("data:text/plain,x", UrlProblem::Scheme),
            ("https://ada@example.com/", UrlProblem::Credentials),
            ("https://:pass@example.com/", UrlProblem::Credentials),
            ("http://127.0.0.1@example.com/", UrlProblem::Credentials),
            ("https://example.com/?key=1", UrlProblem::QueryOrFragment),
            ("https://example.com/#a", UrlProblem::QueryOrFragment),
        ] {
            assert_eq!(parse(invalid).unwrap_err(), problem, "{invalid}");
        }
    }
}
