//! Checks of the values of settings.

use std::fmt::Display;
use std::ops::RangeBounds;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{ConfigError, Problem};

/// A set of configuration sections that [`Layers`](super::Layers) can load.
pub trait Settings: Default + Serialize + DeserializeOwned {
    /// Returns each key with a description of its allowed values, for error messages. The keys of list
    /// elements have no index: `limiter.windows.calls` stands for the `calls` of every window.
    fn allowed() -> Vec<(&'static str, &'static str)>;

    /// Checks the values of all settings. Reports each invalid value with a method of `validation`.
    fn check(&self, validation: &mut Validation);

    /// Checks the values of all settings.
    ///
    /// # Errors
    /// If a value is not allowed. The error lists all such values.
    fn validate(&self) -> Result<(), ConfigError> {
        let problems = problems(self);
        if problems.is_empty() { Ok(()) } else { Err(ConfigError(problems)) }
    }
}

pub(super) fn problems<C: Settings>(config: &C) -> Vec<Problem> {
    let mut validation = Validation { allowed: C::allowed, problems: Vec::new() };
    config.check(&mut validation);
    validation.problems
}

/// Collects the problems that [`Settings::check`] finds.
#[derive(Debug)]
pub struct Validation {
    allowed: fn() -> Vec<(&'static str, &'static str)>,
    problems: Vec<Problem>,
}

impl Validation {
    /// Reports the value if it is outside of the range.
    pub fn require_within<T: PartialOrd + Display>(
        &mut self,
        key: &str,
        value: &T,
        range: impl RangeBounds<T>,
    ) {
        if !range.contains(value) {
            self.refuse(key, &value.to_string());
        }
    }

    /// Reports an invalid value. The message shows the value.
    pub fn refuse(&mut self, key: &str, value: &str) {
        self.push(key, format!("is {value}"), None);
    }

    /// Reports an invalid value with the reason `what`, such as `is empty`. An empty `value` is not shown in
    /// the message.
    pub fn report(&mut self, key: &str, value: &str, what: &str) {
        self.push(key, reason(value, what), None);
    }

    /// Reports a value that contradicts another setting. `with` is the key of the other setting, and `what`
    /// is the reason in the message. An empty `value` is not shown in the message.
    pub fn report_conflict(&mut self, key: &str, value: &str, what: &str, with: &'static str) {
        self.push(key, reason(value, what), Some(with));
    }

    fn push(&mut self, key: &str, what: String, with: Option<&'static str>) {
        let help = expected(self.allowed, key);
        self.problems.push(Problem { key: key.to_owned(), what, origin: None, help, with });
    }
}

fn reason(value: &str, what: &str) -> String {
    if value.is_empty() { what.to_owned() } else { format!("is {value}, which {what}") }
}

/// Returns the end of an error message: the values that the key allows. Empty for an unknown key.
pub(super) fn expected(allowed: fn() -> Vec<(&'static str, &'static str)>, key: &str) -> String {
    let key = without_indices(key);
    let found = allowed().into_iter().find(|(known, _)| *known == key);
    found.map_or_else(String::new, |(_, values)| format!("expected {values}"))
}

/// Returns `limiter.windows.calls` for `limiter.windows[0].calls`.
fn without_indices(key: &str) -> String {
    let mut inside = false;
    key.chars()
        .filter(|c| {
            inside |= *c == '[';
            let keep = !inside;
            inside &= *c != ']';
            keep
        })
        .collect()
}
