//! Errors of the configuration.

use std::fmt;

use super::origin::Origin;

/// One problem in the configuration. Its message is one line and never shows a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Key of the setting, such as `limiter.windows[0].calls`. Empty for a problem of a whole file or
    /// variable.
    pub(super) key: String,
    /// Description of the problem, such as `is 0`.
    pub(super) what: String,
    pub(super) origin: Option<Origin>,
    /// How to fix the problem. Empty if that is unknown.
    pub(super) help: String,
    /// Key of a second setting that contradicts the setting `key`.
    pub(super) with: Option<&'static str>,
}

impl Problem {
    /// Returns the key of the setting, such as `limiter.windows[0].calls`; `None` for a problem of a whole
    /// file or environment variable.
    pub fn key(&self) -> Option<&str> {
        (!self.key.is_empty()).then_some(self.key.as_str())
    }

    /// Returns the origin of the value, if it is known.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = self.key() {
            write!(f, "`{key}` ")?;
        }
        f.write_str(&self.what)?;
        if let Some(origin) = &self.origin {
            write!(f, " ({origin})")?;
        }
        if !self.help.is_empty() {
            write!(f, "; {}", self.help)?;
        }
        Ok(())
    }
}

/// An invalid configuration, with all its problems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub(super) Vec<Problem>);

impl ConfigError {
    /// Returns the problems, at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used: ")?;
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ". " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
