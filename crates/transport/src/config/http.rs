//! The section `[http]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::Validation;
use super::duration::{HumanDuration, human_duration};

/// The section `[http]`: timeouts and sizes of HTTP requests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Http {
    /// Timeout of opening a connection.
    #[serde(with = "human_duration")]
    pub connect_timeout: Duration,
    /// Timeout of an attempt, from sending the request to the last byte of the response.
    #[serde(with = "human_duration")]
    pub request_timeout: Duration,
    /// Largest response body, in bytes. A larger body is an error.
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
    pub(super) fn check(&self, validation: &mut Validation) {
        let timeouts = |most: Duration| HumanDuration(Duration::from_millis(1))..=HumanDuration(most);
        let (connect, request) = (timeouts(Duration::from_hours(1)), timeouts(Duration::from_hours(24)));
        validation.require_within("http.connect_timeout", &HumanDuration(self.connect_timeout), connect);
        validation.require_within("http.request_timeout", &HumanDuration(self.request_timeout), request);
        validation.require_within("http.max_body", &self.max_body, 1024..);
    }
}

/// Each key with a description of its allowed values, for error messages.
pub(super) const ALLOWED: &[(&str, &str)] = &[
    ("http.connect_timeout", "a time with a unit, from `1ms` to `1h`, such as `30s`"),
    ("http.request_timeout", "a time with a unit, from `1ms` to `1d`, such as `1m`"),
    ("http.max_body", "a whole number of bytes, from 1024 up"),
];
