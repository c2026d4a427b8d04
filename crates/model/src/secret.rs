//! Passwords and tokens, hidden in logs and errors, and the lifetime of a token.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! secret {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Default)]
        pub struct $name(SecretString);

        impl $name {
            /// Returns the secret. Use it for requests only.
            pub fn expose(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self(value.into())
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.into())
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.expose() == other.expose()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.expose())
            }
        }
    };
}

secret!(
    /// A new password for a user.
    ///
    /// It is sent in requests and never decoded from a response. `Debug` hides it, and dropping it wipes its
    /// memory.
    ///
    /// ```
    /// let user = ultracart_model::User::new().change_password_to("hunter2");
    /// assert!(!format!("{user:?}").contains("hunter2"));
    /// ```
    NewPassword
);
secret!(
    /// An OAuth access token or refresh token. `Debug` hides it, and dropping it wipes its memory.
    Token
);

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// The lifetime of an access token, in seconds. On the wire it is a string; a number is decoded, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiresIn(u64);

impl ExpiresIn {
    /// Returns the lifetime in seconds.
    pub const fn as_secs(self) -> u64 {
        self.0
    }
}

impl From<u64> for ExpiresIn {
    fn from(seconds: u64) -> Self {
        Self(seconds)
    }
}

impl Serialize for ExpiresIn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ExpiresIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = ExpiresIn;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of seconds, as a string or a number")
            }
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<ExpiresIn, E> {
                Ok(ExpiresIn(seconds))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ExpiresIn, E> {
                text.parse().map(ExpiresIn).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
