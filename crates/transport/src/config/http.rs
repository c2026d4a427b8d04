//! `[http]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::duration::{Human, human_duration};

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

impl Http {
    pub(super) fn check(&self, checks: &mut Checks) {
        let timeouts = |most: Duration| Human(Duration::from_millis(1))..=Human(most);
        let (connect, request) = (timeouts(Duration::from_hours(1)), timeouts(Duration::from_hours(24)));
        checks.within("http.connect_timeout", &Human(self.connect_timeout), connect);
        checks.within("http.request_timeout", &Human(self.request_timeout), request);
        checks.within("http.max_body", &self.max_body, 1024..);
    }
}

/// The values that each key takes, in words.
pub(super) const ALLOWED: &[(&str, &str)] = &[
    ("http.connect_timeout", "a time with a unit, from `1ms` to `1h`, such as `30s`"),
    ("http.request_timeout", "a time with a unit, from `1ms` to `1d`, such as `1m`"),
    ("http.max_body", "a whole number of bytes, from 1024 up"),
];
