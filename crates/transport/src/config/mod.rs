//! How the transport is tuned: one section of the configuration file per struct.

mod duration;
mod resolve;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use duration::{human_duration, optional_human_duration};
pub use resolve::{Transport, read_secret_file};

/// A credential: shown by no `Debug` and no serializer, wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The value itself: for the wire and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
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

/// `[api]`: which server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Api {
    /// Where the API is. Plain HTTP is refused for any host but this machine.
    pub base_url: String,
    /// The `X-UltraCart-Api-Version` header, without which every call fails.
    pub version: String,
}

impl Default for Api {
    fn default() -> Self {
        Self { base_url: "https://secure.ultracart.com/rest/v2".to_owned(), version: "2017-03-01".to_owned() }
    }
}

/// `[auth]`: one of a simple key, a file that holds one, and OAuth.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Auth {
    /// The key itself; better kept in the environment or in a file of its own.
    pub simple_key: Option<Secret>,
    /// A file that holds the key and nothing else.
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
    /// The first refresh token. Each refresh replaces it, so a file is the better place.
    pub refresh_token: Option<Secret>,
    /// A file that holds the current refresh token; each refresh writes the next one to it.
    pub refresh_token_file: Option<PathBuf>,
}

/// `[limiter]`: the quota.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limiter {
    /// Calls in flight at a time.
    pub max_concurrency: u32,
    /// Calls of each window that are kept back.
    pub spare: u32,
    /// Pause between the end of a call and the start of the next.
    #[serde(with = "human_duration")]
    pub guard_gap: Duration,
    /// Longest wait for a turn; a call that would wait longer fails at once.
    #[serde(with = "optional_human_duration")]
    pub max_wait: Option<Duration>,
    /// All of these hold at once.
    pub windows: Vec<Window>,
}

impl Default for Limiter {
    fn default() -> Self {
        Self {
            max_concurrency: 1,
            spare: 3,
            guard_gap: Duration::from_millis(25),
            max_wait: None,
            windows: vec![
                Window::new(1_000, Duration::from_hours(1)),
                Window::new(10_000, Duration::from_hours(24)),
            ],
        }
    }
}

/// An entry of `limiter.windows`: so many calls in so long a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Window {
    /// Calls.
    pub calls: u32,
    /// The time that they are counted over.
    #[serde(with = "human_duration")]
    pub per: Duration,
    /// Calls that may be made at once; `calls` where it is not given.
    #[serde(default)]
    pub burst: Option<u32>,
}

impl Window {
    /// `calls` calls per `per`, all of which may be made at once.
    pub fn new(calls: u32, per: Duration) -> Self {
        Self { calls, per, burst: None }
    }
}

/// `[retry]`: attempts after the first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Retry {
    /// Attempts at one call, the first included.
    pub max_attempts: u32,
    /// Longest pause before the second attempt; it doubles with each further one.
    #[serde(with = "human_duration")]
    pub base_delay: Duration,
    /// Longest pause of all.
    #[serde(with = "human_duration")]
    pub max_delay: Duration,
    /// No attempt starts later than this after the first.
    #[serde(with = "optional_human_duration")]
    pub deadline: Option<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_mins(1),
            deadline: None,
        }
    }
}

/// `[http]`: the connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Http {
    /// Longest time to open a connection.
    #[serde(with = "human_duration")]
    pub connect_timeout: Duration,
    /// Longest time from sending an attempt to the last byte of its answer.
    #[serde(with = "human_duration")]
    pub request_timeout: Duration,
    /// Longest answer, in bytes.
    pub max_body: u64,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_mins(1),
            max_body: 256 * 1024 * 1024,
        }
    }
}
