//! The section `[limiter]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::Validation;
use super::duration::{HumanDuration, human_duration, optional_human_duration};

/// The section `[limiter]`: the quota and the pauses between calls.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limiter {
    /// Maximum number of calls in flight at the same time.
    pub max_concurrency: u32,
    /// Calls of each window that the limiter does not use, for other programs and for network delays.
    pub spare: u32,
    /// Pause between the end of a call and the start of the next.
    #[serde(with = "human_duration")]
    pub guard_gap: Duration,
    /// Pause after a call whose outcome is unknown, for example after a timeout: the server may still process
    /// the call.
    #[serde(with = "human_duration")]
    pub quarantine: Duration,
    /// Longest wait for a permit. A call that would wait longer fails at once. If `None`, calls wait as long
    /// as needed.
    #[serde(with = "optional_human_duration")]
    pub max_wait: Option<Duration>,
    /// Windows of each application. All of them apply at the same time.
    pub windows: Vec<Window>,
    /// Windows of the IP address, for all applications that call from it. By default the same as `windows`.
    pub address_windows: Option<Vec<Window>>,
}

impl Default for Limiter {
    fn default() -> Self {
        Self {
            max_concurrency: 1,
            spare: 3,
            guard_gap: Duration::from_millis(25),
            quarantine: Duration::from_secs(5),
            max_wait: None,
            windows: vec![
                Window::new(1_000, Duration::from_hours(1)),
                Window::new(10_000, Duration::from_hours(24)),
            ],
            address_windows: None,
        }
    }
}

/// A number of calls that is allowed in a period: an entry of `limiter.windows` or `limiter.address_windows`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Window {
    /// Calls allowed in the period.
    pub calls: u32,
    /// Length of the period.
    #[serde(with = "human_duration")]
    pub per: Duration,
    /// Number of calls that may be sent at once, `calls` by default. A burst below `calls` satisfies a server
    /// with a sliding window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

impl Window {
    /// Returns a window of `calls` calls per `per`, all of which may be sent at once.
    pub fn new(calls: u32, per: Duration) -> Self {
        Self { calls, per, burst: None }
    }

    /// Allows only `burst` calls at once. The other calls are spread over the period, as a server with a
    /// sliding window requires.
    #[must_use]
    pub fn burst(mut self, burst: u32) -> Self {
        self.burst = Some(burst);
        self
    }
}

impl Limiter {
    pub(super) fn check(&self, validation: &mut Validation) {
        validation.require_within("limiter.max_concurrency", &self.max_concurrency, 1..=64);
        validation.require_within(
            "limiter.guard_gap",
            &HumanDuration(self.guard_gap),
            ..=HumanDuration(Duration::from_mins(1)),
        );
        let quarantine = HumanDuration(Duration::from_hours(1));
        validation.require_within("limiter.quarantine", &HumanDuration(self.quarantine), ..=quarantine);
        if let Some(max_wait) = self.max_wait {
            validation.require_within("limiter.max_wait", &HumanDuration(max_wait), ..=HumanDuration(YEAR));
        }
        self.check_windows(validation, "limiter.windows", &self.windows);
        if let Some(windows) = &self.address_windows {
            self.check_windows(validation, "limiter.address_windows", windows);
        }
    }

    /// Returns the windows of the IP address: `address_windows`, or `windows` by default.
    pub(crate) fn effective_address_windows(&self) -> &[Window] {
        self.address_windows.as_deref().unwrap_or(&self.windows)
    }

    fn check_windows(&self, validation: &mut Validation, name: &'static str, windows: &[Window]) {
        if windows.is_empty() {
            validation.refuse(name, "[]");
        }
        for (index, window) in windows.iter().enumerate() {
            let key = |field: &str| format!("{name}[{index}].{field}");
            validation.require_within(&key("calls"), &window.calls, 1..);
            validation.require_within(
                &key("per"),
                &HumanDuration(window.per),
                HumanDuration(Duration::from_millis(1))..=HumanDuration(YEAR),
            );
            if let Some(burst) = window.burst {
                validation.require_within(&key("burst"), &burst, 1..=window.calls.max(1));
                let spread = window.calls.saturating_sub(burst);
                if spread > 0 && burst / spread > 100 {
                    let what =
                        format!("leaves {spread} calls to spread over the window, too few for the burst");
                    validation.report(&key("burst"), &burst.to_string(), &what);
                }
            }
            let burst = window.burst.unwrap_or(window.calls);
            if self.spare > 0 && self.spare >= burst && burst > 0 {
                let what = format!("reserves every call: `{name}[{index}]` allows {burst} at once");
                validation.report_conflict("limiter.spare", &self.spare.to_string(), &what, name);
            }
        }
    }
}

const YEAR: Duration = Duration::from_hours(366 * 24);

const WINDOWS: &str = "a list with at least one window, such as [{ calls = 1000, per = \"1h\" }]";
const CALLS: &str = "a whole number from 1 up";
const PER: &str = "a time with a unit, from `1ms` to `366d`, such as `1h`";
const BURST: &str = "a whole number from 1 to 99% of the window's `calls`, or exactly `calls`";

/// Each key with a description of its allowed values, for error messages.
pub(super) const ALLOWED: &[(&str, &str)] = &[
    ("limiter.max_concurrency", "a whole number from 1 to 64"),
    ("limiter.spare", "a whole number from 0 up, below the `burst` of every window"),
    ("limiter.guard_gap", "a time with a unit, up to `1m`, such as `25ms`"),
    ("limiter.quarantine", "a time with a unit, up to `1h`, such as `5s`"),
    ("limiter.max_wait", "a time with a unit, up to `366d`, such as `10m`"),
    ("limiter.windows", WINDOWS),
    ("limiter.windows.calls", CALLS),
    ("limiter.windows.per", PER),
    ("limiter.windows.burst", BURST),
    ("limiter.address_windows", WINDOWS),
    ("limiter.address_windows.calls", CALLS),
    ("limiter.address_windows.per", PER),
    ("limiter.address_windows.burst", BURST),
];
