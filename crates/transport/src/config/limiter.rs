//! `[limiter]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::duration::{Human, human_duration, optional_human_duration};

/// `[limiter]`: the quota.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limiter {
    /// Calls in flight at a time.
    pub max_concurrency: u32,
    /// Calls of each window that this client leaves to others.
    pub spare: u32,
    /// Pause between the end of a call and the start of the next.
    #[serde(with = "human_duration")]
    pub guard_gap: Duration,
    /// Pause after a call whose end was not seen: the server may still be working on it.
    #[serde(with = "human_duration")]
    pub quarantine: Duration,
    /// Longest wait for a permit; a call that would wait longer fails at once.
    #[serde(with = "optional_human_duration")]
    pub max_wait: Option<Duration>,
    /// Windows of each application. All hold at once.
    pub windows: Vec<Window>,
    /// Windows of the IP address, for all applications that call from it; by default those of the application.
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

/// An entry of `limiter.windows`: the number of calls allowed in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Window {
    /// Calls allowed in the period.
    pub calls: u32,
    /// The period.
    #[serde(with = "human_duration")]
    pub per: Duration,
    /// Calls that may be made at once; `calls` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

impl Window {
    /// Returns a window of `calls` calls per `per`, all of which may be made at once.
    pub fn new(calls: u32, per: Duration) -> Self {
        Self { calls, per, burst: None }
    }

    /// Allows this many calls at once and spreads the rest over the period, as a server with a sliding window requires.
    #[must_use]
    pub fn burst(mut self, burst: u32) -> Self {
        self.burst = Some(burst);
        self
    }
}

impl Limiter {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.within("limiter.max_concurrency", &self.max_concurrency, 1..=64);
        checks.within("limiter.guard_gap", &Human(self.guard_gap), ..=Human(Duration::from_mins(1)));
        let quarantine = Human(Duration::from_hours(1));
        checks.within("limiter.quarantine", &Human(self.quarantine), ..=quarantine);
        if let Some(max_wait) = self.max_wait {
            checks.within("limiter.max_wait", &Human(max_wait), ..=Human(YEAR));
        }
        self.check_windows(checks, "limiter.windows", &self.windows);
        if let Some(windows) = &self.address_windows {
            self.check_windows(checks, "limiter.address_windows", windows);
        }
    }

    /// Returns the windows of the IP address.
    pub(crate) fn of_address(&self) -> &[Window] {
        self.address_windows.as_deref().unwrap_or(&self.windows)
    }

    fn check_windows(&self, checks: &mut Checks, name: &'static str, windows: &[Window]) {
        if windows.is_empty() {
            checks.refuse(name, "[]");
        }
        for (index, window) in windows.iter().enumerate() {
            let key = |field: &str| format!("{name}[{index}].{field}");
            checks.within(&key("calls"), &window.calls, 1..);
            checks.within(&key("per"), &Human(window.per), Human(Duration::from_millis(1))..=Human(YEAR));
            if let Some(burst) = window.burst {
                checks.within(&key("burst"), &burst, 1..=window.calls.max(1));
                let spread = window.calls.saturating_sub(burst);
                if spread > 0 && burst / spread > 100 {
                    let what = format!(
                        "leaves {spread} to be spread over the window: too few for what may go at once"
                    );
                    checks.report(&key("burst"), &burst.to_string(), &what);
                }
            }
            let burst = window.burst.unwrap_or(window.calls);
            if self.spare > 0 && self.spare >= burst && burst > 0 {
                let what = format!("keeps back every call: `{name}[{index}]` lets {burst} through at once");
                checks.report_with("limiter.spare", &self.spare.to_string(), &what, name);
            }
        }
    }
}

const YEAR: Duration = Duration::from_hours(366 * 24);

const WINDOWS: &str = "a list with at least one window, such as [{ calls = 1000, per = \"1h\" }]";
const CALLS: &str = "a whole number from 1 up";
const PER: &str = "a time with a unit, from `1ms` to `366d`, such as `1h`";
const BURST: &str = "a whole number from 1 to 99 in 100 of the window's `calls`, or just as many";

/// The values that each key takes, in words.
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
