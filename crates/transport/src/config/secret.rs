//! Credentials.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A credential: shown by no `Debug` and no serializer, wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The value itself: for the wire and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What is wrong with it, if no credential looks like that.
    pub(super) fn problem(&self) -> Option<&'static str> {
        let text = self.expose();
        if text.is_empty() {
            Some("is empty")
        } else if text.contains(['\n', '\r']) {
            Some("has a line break in it")
        } else if !text.is_ascii() {
            Some("has a character outside ASCII in it")
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Some("has a space or a control character in it")
        } else {
            None
        }
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value.into())
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
