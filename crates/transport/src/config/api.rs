//! `[api]`.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::check::Checks;
use crate::error::{Error, ErrorKind};

/// `[api]`: which server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Api {
    /// Base URL of the API. Plain HTTP is accepted for this machine only.
    pub base_url: String,
    /// The `X-UltraCart-Api-Version` header, without which every call fails.
    pub version: String,
}

impl Default for Api {
    fn default() -> Self {
        Self { base_url: "https://secure.ultracart.com/rest/v2".to_owned(), version: "2017-03-01".to_owned() }
    }
}

/// The reason why a base URL is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    NoUrl,
    Credentials,
    QueryOrFragment,
    PlainHttp,
    Scheme,
}

impl Flaw {
    fn what(self) -> &'static str {
        match self {
            Self::NoUrl => "is no URL",
            Self::Credentials => "holds a user name or a password",
            Self::QueryOrFragment => "has a query or a fragment",
            Self::PlainHttp => {
                "is plain HTTP to another machine, where anybody on the way could read the credential"
            }
            Self::Scheme => "does not begin with https://",
        }
    }

    /// Returns whether the value can hold a credential, so that messages must not show it.
    fn is_delicate(self) -> bool {
        matches!(self, Self::Credentials | Self::QueryOrFragment | Self::NoUrl)
    }
}

impl Api {
    /// Returns the base URL, if the credential may be sent to it.
    ///
    /// # Errors
    /// If it is not a URL, or is plain HTTP to another machine.
    pub fn parsed_base_url(&self) -> Result<Url, Error> {
        parse(&self.base_url).map_err(|flaw| {
            Error::new(
                ErrorKind::InvalidConfig,
                format!("`api.base_url` {}; it takes {BASE_URL}", flaw.what()),
            )
        })
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        if let Err(flaw) = parse(&self.base_url) {
            let shown = if flaw.is_delicate() { "" } else { &self.base_url };
            checks.report("api.base_url", shown, flaw.what());
        }
        if self.version.is_empty() || !self.version.bytes().all(|byte| byte.is_ascii_graphic()) {
            checks.refuse("api.version", &format!("{:?}", self.version));
        }
    }
}

const BASE_URL: &str =
    "an https:// URL without user name, password, query and fragment; http:// to this machine only";

/// The values that each key takes, in words.
pub(super) const ALLOWED: &[(&str, &str)] =
    &[("api.base_url", BASE_URL), ("api.version", "visible ASCII characters, such as `2017-03-01`")];

fn parse(text: &str) -> Result<Url, Flaw> {
    let url = Url::parse(text).map_err(|_| Flaw::NoUrl)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Flaw::Credentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Flaw::QueryOrFragment);
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_loopback(&host) => Ok(url),
        ("http", _) => Err(Flaw::PlainHttp),
        _ => Err(Flaw::Scheme),
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
    fn where_a_credential_may_be_sent() {
        for good in [
            "https://secure.ultracart.com/rest/v2",
            "https://secure.ultracart.com/rest/v2/",
            "http://127.0.0.1:8080/rest/v2",
            "http://127.9.9.9",
            "http://[::1]:1/",
            "http://LOCALHOST:1",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for (bad, flaw) in [
            ("", Flaw::NoUrl),
            ("secure.ultracart.com", Flaw::NoUrl),
            ("http://secure.ultracart.com/rest/v2", Flaw::PlainHttp),
            ("http://10.0.0.1/", Flaw::PlainHttp),
            ("http://localhost.example.com/", Flaw::PlainHttp),
            ("http://127.0.0.1.example.com/", Flaw::PlainHttp),
            ("http://[::ffff:10.0.0.1]/", Flaw::PlainHttp),
            ("ftp://127.0.0.1/", Flaw::Scheme),
            ("data:text/plain,x", Flaw::Scheme),
            ("https://ada@example.com/", Flaw::Credentials),
            ("https://:pass@example.com/", Flaw::Credentials),
            ("http://127.0.0.1@example.com/", Flaw::Credentials),
            ("https://example.com/?key=1", Flaw::QueryOrFragment),
            ("https://example.com/#a", Flaw::QueryOrFragment),
        ] {
            assert_eq!(parse(bad).unwrap_err(), flaw, "{bad}");
        }
    }
}
