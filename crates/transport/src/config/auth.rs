//! `[auth]`.

use std::path::PathBuf;

use figment::value::{Dict, Value};
use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::secret::Secret;
use crate::error::{Error, ErrorKind};

/// `[auth]`: a simple key, a file with a simple key, or OAuth.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Auth {
    /// The simple key. Prefer the environment or a file of its own.
    pub simple_key: Option<Secret>,
    /// File with the simple key and nothing else.
    pub simple_key_file: Option<PathBuf>,
    /// OAuth instead of a key.
    pub oauth: Option<Oauth>,
}

/// `[auth.oauth]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Oauth {
    /// The application's `client_id`.
    pub client_id: String,
    /// The first refresh token. Each refresh replaces it, so it works once; if `refresh_token_file` exists it is not used.
    pub refresh_token: Option<Secret>,
    /// File with the current refresh token. Each refresh writes the next one to it; the first one creates it.
    pub refresh_token_file: Option<PathBuf>,
}

/// The keys of `[auth]` that exclude each other.
const KINDS: [&str; 3] = ["simple_key", "simple_key_file", "oauth"];

/// Removes credentials of a lower layer that one of another kind above replaces: a key in the environment replaces OAuth
/// in the file.
pub(super) fn supersede(lower: &mut Dict, upper: &Dict) {
    let Some(Value::Dict(_, upper)) = upper.get("auth") else { return };
    let Some(Value::Dict(_, lower)) = lower.get_mut("auth") else { return };
    if KINDS.iter().any(|kind| upper.contains_key(*kind)) {
        lower.retain(|key, _| !KINDS.contains(&key.as_str()) || upper.contains_key(key));
    }
}

/// Returns whether the value of this key must never be shown, not even a wrong one.
pub(super) fn is_hidden(key: &str) -> bool {
    let shown = ["auth.simple_key_file", "auth.oauth.client_id", "auth.oauth.refresh_token_file"];
    (key == "auth" || key.starts_with("auth.")) && !shown.contains(&key)
}

impl Auth {
    /// Returns whether there is a credential.
    pub fn is_configured(&self) -> bool {
        self.simple_key.is_some() || self.simple_key_file.is_some() || self.oauth.is_some()
    }

    /// Returns the simple key, from its file if there is one.
    ///
    /// # Errors
    /// If there is no key, its file cannot be read, or it is not one line of visible ASCII characters.
    pub fn resolve_simple_key(&self) -> Result<Secret, Error> {
        match (&self.simple_key, &self.simple_key_file) {
            (Some(key), _) => match key.problem() {
                Some(what) => Err(Error::new(
                    ErrorKind::InvalidConfig,
                    format!("`auth.simple_key` {what}; it takes {SECRET}"),
                )),
                None => Ok(key.clone()),
            },
            (None, Some(file)) => super::read_secret_file(file, "auth.simple_key_file"),
            (None, None) => Err(Error::new(
                ErrorKind::InvalidConfig,
                "there is no key: set ULTRACART_SIMPLE_KEY, `auth.simple_key_file` or `auth.oauth`",
            )),
        }
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        let given = [self.simple_key.is_some(), self.simple_key_file.is_some(), self.oauth.is_some()];
        let kinds: Vec<String> = KINDS
            .iter()
            .zip(given)
            .filter(|(_, given)| *given)
            .map(|(kind, _)| format!("`{kind}`"))
            .collect();
        if kinds.len() > 1 {
            checks.report("auth", "", &format!("has {}, which exclude each other", kinds.join(" and ")));
        }
        let secret = |checks: &mut Checks, key: &str, secret: Option<&Secret>| {
            if let Some(what) = secret.and_then(Secret::problem) {
                checks.report(key, "", what);
            }
        };
        secret(checks, "auth.simple_key", self.simple_key.as_ref());
        let Some(oauth) = &self.oauth else { return };
        secret(checks, "auth.oauth.refresh_token", oauth.refresh_token.as_ref());
        if oauth.client_id.is_empty() {
            checks.report("auth.oauth.client_id", "", "is missing");
        } else if oauth.client_id.chars().any(char::is_control) {
            checks.refuse("auth.oauth.client_id", &format!("{:?}", oauth.client_id));
        }
        if oauth.refresh_token.is_none() && oauth.refresh_token_file.is_none() {
            checks.report("auth.oauth", "", "has no refresh token");
        }
    }
}

const SECRET: &str = "one line of visible ASCII characters";
const SECRET_FILE: &str = "the path of a file that holds one line";

/// The values that each key takes, in words.
pub(super) const ALLOWED: &[(&str, &str)] = &[
    ("auth", "one of `simple_key`, `simple_key_file` and `[auth.oauth]`"),
    ("auth.simple_key", SECRET),
    ("auth.simple_key_file", SECRET_FILE),
    ("auth.oauth", "a table with `client_id` and `refresh_token_file`, `refresh_token` or both"),
    ("auth.oauth.client_id", "the application's client id"),
    ("auth.oauth.refresh_token", SECRET),
    ("auth.oauth.refresh_token_file", SECRET_FILE),
];
