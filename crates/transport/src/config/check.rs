//! Checks the values of settings.

use std::fmt::Display;
use std::ops::RangeBounds;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{ConfigError, Problem};

/// Sections of settings that can be read from a file, the environment and flags.
pub trait Settings: Default + Serialize + DeserializeOwned {
    /// Returns each key with the values that it takes, in words. Keys have no positions in lists:
    /// `limiter.windows.calls`.
    fn allowed() -> Vec<(&'static str, &'static str)>;

    /// Reports values that have the right type but are not allowed.
    fn check(&self, checks: &mut Checks);

    /// Checks every value.
    ///
    /// # Errors
    /// If a value is not allowed.
    fn checked(&self) -> Result<(), ConfigError> {
        let problems = problems(self);
        if problems.is_empty() { Ok(()) } else { Err(ConfigError(problems)) }
    }
}

pub(super) fn problems<C: Settings>(config: &C) -> Vec<Problem> {
    let mut checks = Checks { allowed: C::allowed, problems: Vec::new() };
    config.check(&mut checks);
    checks.problems
}

/// Collects the values that are not allowed.
#[derive(Debug)]
pub struct Checks {
    allowed: fn() -> Vec<(&'static str, &'static str)>,
    problems: Vec<Problem>,
}

impl Checks {
    /// Reports a value outside of the range.
    pub fn within<T: PartialOrd + Display>(&mut self, key: &str, value: &T, range: impl RangeBounds<T>) {
        if !range.contains(value) {
            self.refuse(key, &value.to_string());
        }
    }

    /// Reports a value, which the message shows.
    pub fn refuse(&mut self, key: &str, value: &str) {
        self.push(key, format!("is {value}"), None);
    }

    /// Reports a value with the reason. Pass an empty value if the message must not show it.
    pub fn report(&mut self, key: &str, value: &str, what: &str) {
        self.push(key, reason(value, what), None);
    }

    /// Reports a value that contradicts that of another key.
    pub fn report_with(&mut self, key: &str, value: &str, what: &str, with: &'static str) {
        self.push(key, reason(value, what), Some(with));
    }

    fn push(&mut self, key: &str, what: String, with: Option<&'static str>) {
        let help = takes(self.allowed, key);
        self.problems.push(Problem { key: key.to_owned(), what, origin: None, help, with });
    }
}

fn reason(value: &str, what: &str) -> String {
    if value.is_empty() { what.to_owned() } else { format!("is {value}, which {what}") }
}

/// Returns the end of a message: which values the key takes. Empty for a key without a text.
pub(super) fn takes(allowed: fn() -> Vec<(&'static str, &'static str)>, key: &str) -> String {
    let key = without_positions(key);
    let found = allowed().into_iter().find(|(known, _)| *known == key);
    found.map_or_else(String::new, |(_, values)| format!("it takes {values}"))
}

fn without_positions(key: &str) -> String {
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
