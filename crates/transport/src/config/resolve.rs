//! From settings to what the transport runs on: checked, and with key files read.

use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{Api, Auth, Http, Limiter, Retry, Secret};
use crate::error::{Error, ErrorKind};

/// The sections that the transport needs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Transport {
    /// Which server.
    pub api: Api,
    /// Who calls.
    pub auth: Auth,
    /// The quota.
    pub limiter: Limiter,
    /// Attempts after the first.
    pub retry: Retry,
    /// The connection.
    pub http: Http,
}

impl Transport {
    /// These sections.
    pub fn new(api: Api, auth: Auth, limiter: Limiter, retry: Retry, http: Http) -> Self {
        Self { api, auth, limiter, retry, http }
    }
}

impl Api {
    /// The base URL, if the credential may be sent there.
    ///
    /// # Errors
    /// If it is no URL, or would send the credential in the clear to another machine.
    pub fn parsed_base_url(&self) -> Result<Url, Error> {
        let invalid = |why: &str| Error::new(ErrorKind::InvalidConfig, format!("`api.base_url` {why}"));
        let url = Url::parse(&self.base_url).map_err(|error| invalid("is no URL").with_source(error))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("holds a user name or a password: they belong nowhere near a URL"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("has a query or a fragment: paths are put behind it"));
        }
        match (url.scheme(), url.host()) {
            ("https", Some(_)) => Ok(url),
            ("http", Some(host)) if is_loopback(&host) => Ok(url),
            ("http", _) => Err(invalid(
                "is plain HTTP to another machine, where anybody in between could read the key: use https",
            )),
            _ => Err(invalid("has to begin with https://")),
        }
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => IpAddr::from(*address).is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl Auth {
    /// The simple key, from where it is configured.
    ///
    /// # Errors
    /// If there is none, its file cannot be read, or it holds what no key holds.
    pub fn resolve_simple_key(&self) -> Result<Secret, Error> {
        match (&self.simple_key, &self.simple_key_file) {
            (Some(key), _) => check(key.expose(), "`auth.simple_key`"),
            (None, Some(file)) => read_secret_file(file, "auth.simple_key_file"),
            (None, None) => Err(Error::new(
                ErrorKind::InvalidConfig,
                "there is no key: set ULTRACART_SIMPLE_KEY, `auth.simple_key_file` or `auth.oauth`",
            )),
        }
    }
}

/// The secret that a file holds, without the line end behind it. `key` is where the file was configured.
///
/// # Errors
/// If the file cannot be read, or holds anything but one line of visible ASCII characters.
pub fn read_secret_file(path: &Path, key: &str) -> Result<Secret, Error> {
    let place = format!("{} (`{key}`)", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(ErrorKind::InvalidConfig, format!("{place} cannot be read")).with_source(error)
    })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    check(line.strip_suffix('\r').unwrap_or(line), &place)
}

fn check(secret: &str, place: &str) -> Result<Secret, Error> {
    let problem = if secret.is_empty() {
        "is empty"
    } else if secret.contains(['\n', '\r']) {
        "has a line break in it: it has to be one line"
    } else if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        "has a space, a control character or a character outside ASCII in it"
    } else {
        return Ok(secret.into());
    };
    Err(Error::new(ErrorKind::InvalidConfig, format!("the secret in {place} {problem}")))
}
