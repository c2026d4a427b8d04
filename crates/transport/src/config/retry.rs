//! The section `[retry]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::Validation;
use super::duration::{HumanDuration, human_duration, optional_human_duration};

/// The section `[retry]`: limits and pauses of retries.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Retry {
    /// Maximum number of attempts of one call, including the first.
    pub max_attempts: u32,
    /// Maximum number of retries of one call after 429s. These retries do not count towards `max_attempts`: a
    /// 429 only means that the call has to wait.
    pub max_rejections: u32,
    /// Size of the retry budget that all calls share, so that retries add little load during an outage. A
    /// retry takes 1 from the budget, and each successful call adds 0.2 until the budget is full. Retries
    /// after a 429 are free.
    pub budget: u32,
    /// Longest pause before the second attempt. The pause is random. Its upper limit doubles with each
    /// further attempt, until it reaches `max_delay`.
    #[serde(with = "human_duration")]
    pub base_delay: Duration,
    /// Longest pause between two attempts. A pause that the server asks for may be longer.
    #[serde(with = "human_duration")]
    pub max_delay: Duration,
    /// Longest time from the start of a call to the start of its last attempt. If the next permit would be
    /// granted later, the call fails at once. If `None`, there is no limit.
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
    pub(super) fn check(&self, validation: &mut Validation) {
        validation.require_within("retry.max_attempts", &self.max_attempts, 1..=100);
        validation.require_within(
            "retry.max_delay",
            &HumanDuration(self.max_delay),
            ..=HumanDuration(Duration::from_hours(1)),
        );
        validation.require_within("retry.max_rejections", &self.max_rejections, ..=1_000);
        validation.require_within("retry.budget", &self.budget, ..=1_000_000);
        if let Some(deadline) = self.deadline {
            validation.require_within(
                "retry.deadline",
                &HumanDuration(deadline),
                ..=HumanDuration(Duration::from_hours(366 * 24)),
            );
        }
        if self.base_delay > self.max_delay {
            let what = format!("is longer than `retry.max_delay` ({})", HumanDuration(self.max_delay));
            validation.report_conflict(
                "retry.base_delay",
                &HumanDuration(self.base_delay).to_string(),
                &what,
                "retry.max_delay",
            );
        }
    }
}

/// Each key with a description of its allowed values, for error messages.
pub(super) const ALLOWED: &[(&str, &str)] = &[
    ("retry.max_attempts", "a whole number from 1 to 100"),
    ("retry.max_rejections", "a whole number up to 1000"),
    ("retry.budget", "a whole number up to 1000000"),
    ("retry.base_delay", "a time with a unit, up to `retry.max_delay`, such as `500ms`"),
    ("retry.max_delay", "a time with a unit, up to `1h`, such as `60s`"),
    ("retry.deadline", "a time with a unit, up to `366d`, such as `10m`"),
];
