//! Secret values.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A secret value, such as a simple key. `Debug` and serializers hide it, and dropping it wipes it from
/// memory.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Returns the secret value. Use it only to send it to the server.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Returns the reason why the value is not a valid credential, such as `is empty`.
    pub(super) fn problem(&self) -> Option<&'static str> {
        let text = self.expose();
        if text.is_empty() {
            Some("is empty")
        } else if text.contains(['\n', '\r']) {
            Some("contains a line break")
        } else if !text.is_ascii() {
            Some("contains a non-ASCII character")
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Some("contains a space or control character")
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
