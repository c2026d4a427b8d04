//! `[retry]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::duration::{Human, human_duration, optional_human_duration};

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

impl Retry {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.within("retry.max_attempts", &self.max_attempts, 1..=100);
        checks.within("retry.max_delay", &Human(self.max_delay), ..=Human(Duration::from_hours(1)));
        if self.base_delay > self.max_delay {
            let what = format!("is longer than `retry.max_delay`, which is {}", Human(self.max_delay));
            checks.report_with(
                "retry.base_delay",
                &Human(self.base_delay).to_string(),
                &what,
                "retry.max_delay",
            );
        }
    }
}

pub(super) fn allowed(key: &str) -> Option<&'static str> {
    Some(match key {
        "max_attempts" => "a whole number from 1 to 100",
        "base_delay" => "a time with a unit, up to `retry.max_delay`, such as `500ms`",
        "max_delay" => "a time with a unit, up to `1h`, such as `60s`",
        "deadline" => "a time with a unit, such as `10m`",
        _ => return None,
    })
}
