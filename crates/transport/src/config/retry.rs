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
    /// Attempts that may be answered with 429 before the call fails. They are not counted as `max_attempts`: a 429 is not a
    /// failure but a wait that came too late.
    pub max_rejections: u32,
    /// Retries of all calls together until one succeeds again, so that retries do not multiply an outage. Each success
    /// gives a fifth of a retry back.
    pub budget: u32,
    /// Longest pause before the second attempt; it doubles with each further one.
    #[serde(with = "human_duration")]
    pub base_delay: Duration,
    /// Longest pause of all.
    #[serde(with = "human_duration")]
    pub max_delay: Duration,
    /// No attempt starts later than this after the call was made. A call whose permit would come later fails at once.
    #[serde(with = "optional_human_duration")]
    pub deadline: Option<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            max_rejections: 10,
            budget: 100,
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
        checks.within("retry.max_rejections", &self.max_rejections, ..=1_000);
        checks.within("retry.budget", &self.budget, ..=1_000_000);
        if let Some(deadline) = self.deadline {
            checks.within("retry.deadline", &Human(deadline), ..=Human(Duration::from_hours(366 * 24)));
        }
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

/// The values that each key takes, in words.
pub(super) const ALLOWED: &[(&str, &str)] = &[
    ("retry.max_attempts", "a whole number from 1 to 100"),
    ("retry.max_rejections", "a whole number up to 1000"),
    ("retry.budget", "a whole number up to 1000000"),
    ("retry.base_delay", "a time with a unit, up to `retry.max_delay`, such as `500ms`"),
    ("retry.max_delay", "a time with a unit, up to `1h`, such as `60s`"),
    ("retry.deadline", "a time with a unit, up to `366d`, such as `10m`"),
];
