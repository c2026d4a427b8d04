//! The section `[auth]`.

use std::path::PathBuf;

use figment::value::{Dict, Value};
use serde::{Deserialize, Serialize};

use super::check::Validation;
use super::secret::Secret;
use crate::error::{Error, ErrorKind};

/// The section `[auth]`: the credential. Set one of the fields.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Auth {
    /// The simple key. In a configuration file prefer `simple_key_file`, or set `ULTRACART_SIMPLE_KEY`.
    pub simple_key: Option<Secret>,
    /// File that contains only the simple key.
    pub simple_key_file: Option<PathBuf>,
    /// An OAuth client, instead of a simple key.
    pub oauth: Option<Oauth>,
}

/// The section `[auth.oauth]`: an OAuth client and its refresh token.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Oauth {
    /// The application's OAuth client id.
    pub client_id: String,
    /// The first refresh token. Each token refresh may replace it. Ignored if the file at
    /// `refresh_token_file` exists.
    pub refresh_token: Option<Secret>,
    /// File with the current refresh token. Each token refresh writes the new refresh token to it. The first
    /// token refresh creates the file.
    pub refresh_token_file: Option<PathBuf>,
}

/// The keys of `[auth]`, of which only one may be set.
const CREDENTIAL_KEYS: [&str; 3] = ["simple_key", "simple_key_file", "oauth"];

/// If the upper layer has a credential, removes credentials of other kinds from the lower layer. So a simple
/// key in the environment replaces OAuth in the file.
pub(super) fn remove_replaced(lower: &mut Dict, upper: &Dict) {
    let Some(Value::Dict(_, upper)) = upper.get("auth") else { return };
    let Some(Value::Dict(_, lower)) = lower.get_mut("auth") else { return };
    if CREDENTIAL_KEYS.iter().any(|kind| upper.contains_key(*kind)) {
        lower.retain(|key, _| !CREDENTIAL_KEYS.contains(&key.as_str()) || upper.contains_key(key));
    }
}

/// Whether the value of this key may be a secret. If so, no message may show the value, not even a message
/// about an invalid value.
pub(super) fn is_secret(key: &str) -> bool {
    let shown = ["auth.simple_key_file", "auth.oauth.client_id", "auth.oauth.refresh_token_file"];
    (key == "auth" || key.starts_with("auth.")) && !shown.contains(&key)
}

impl Auth {
    /// Whether a credential is set.
    pub fn is_configured(&self) -> bool {
        self.simple_key.is_some() || self.simple_key_file.is_some() || self.oauth.is_some()
    }

    /// Returns the simple key, or reads it from `simple_key_file`.
    ///
    /// # Errors
    /// If neither is set, the file cannot be read, or the key is not one line of visible ASCII characters.
    pub fn resolve_simple_key(&self) -> Result<Secret, Error> {
        match (&self.simple_key, &self.simple_key_file) {
            (Some(key), _) => match key.problem() {
                Some(what) => Err(Error::new(
                    ErrorKind::InvalidConfig,
                    format!("`auth.simple_key` {what}; expected {SECRET}"),
                )),
                None => Ok(key.clone()),
            },
            (None, Some(file)) => super::read_secret_file(file, "auth.simple_key_file"),
            (None, None) => Err(Error::new(
                ErrorKind::InvalidConfig,
                "no credential is configured: set ULTRACART_SIMPLE_KEY, `auth.simple_key_file` or `auth.oauth`",
            )),
        }
    }

    pub(super) fn check(&self, validation: &mut Validation) {
        let is_set = [self.simple_key.is_some(), self.simple_key_file.is_some(), self.oauth.is_some()];
        let kinds: Vec<String> = CREDENTIAL_KEYS
            .iter()
            .zip(is_set)
            .filter(|(_, is_set)| *is_set)
            .map(|(kind, _)| format!("`{kind}`"))
            .collect();
        if kinds.len() > 1 {
            validation.report("auth", "", &format!("sets {}, but only one is allowed", kinds.join(" and ")));
        }
        let secret = |validation: &mut Validation, key: &str, secret: Option<&Secret>| {
            if let Some(what) = secret.and_then(Secret::problem) {
                validation.report(key, "", what);
            }
        };
        secret(validation, "auth.simple_key", self.simple_key.as_ref());
        let Some(oauth) = &self.oauth else { return };
        secret(validation, "auth.oauth.refresh_token", oauth.refresh_token.as_ref());
        if oauth.client_id.is_empty() {
            validation.report("auth.oauth.client_id", "", "is missing");
        } else if oauth.client_id.chars().any(char::is_control) {
            validation.refuse("auth.oauth.client_id", &format!("{:?}", oauth.client_id));
        }
        if oauth.refresh_token.is_none() && oauth.refresh_token_file.is_none() {
            validation.report("auth.oauth", "", "has no refresh token");
        }
    }
}

const SECRET: &str = "one line of visible ASCII characters";
const SECRET_FILE: &str = "the path of a file with one line";

/// Each key with a description of its allowed values, for error messages.
pub(super) const ALLOWED: &[(&str, &str)] = &[
    ("auth", "one of `simple_key`, `simple_key_file` and `[auth.oauth]`"),
    ("auth.simple_key", SECRET),
    ("auth.simple_key_file", SECRET_FILE),
    ("auth.oauth", "a table with `client_id` and `refresh_token_file`, `refresh_token` or both"),
    ("auth.oauth.client_id", "the application's client id"),
    ("auth.oauth.refresh_token", SECRET),
    ("auth.oauth.refresh_token_file", SECRET_FILE),
];
