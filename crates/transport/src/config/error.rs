//! Settings that cannot be used.

use std::fmt;

use super::origin::Origin;

/// One thing that is wrong with the configuration. Displayed, it is one line; it never shows a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, as in `limiter.windows[0].calls`; empty if it is about a file or a variable as a whole.
    pub(super) key: String,
    pub(super) what: String,
    pub(super) origin: Option<Origin>,
    pub(super) help: String,
    /// Another key that it is about as well.
    pub(super) with: Option<&'static str>,
}

impl Problem {
    /// The key that it is about, as in `limiter.windows[0].calls`.
    pub fn key(&self) -> Option<&str> {
        (!self.key.is_empty()).then_some(self.key.as_str())
    }

    /// Where the value comes from, where that is known.
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

/// All that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub(super) Vec<Problem>);

impl ConfigError {
    /// Each thing that is wrong; there is one at least.
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
