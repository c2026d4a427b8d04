//! What a caller asks the limiter for.

use std::fmt;
use std::time::Duration;

use crate::clock::Instant;
use crate::config::Human;
use crate::error::{Error, ErrorKind};

/// Names the credential that a call is counted for: a fingerprint, so that the credential itself is not kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApplicationKey(pub(crate) [u8; 32]);

impl ApplicationKey {
    /// The key of a limiter that has no credential yet.
    pub(crate) const NONE: Self = Self([0; 32]);
}

impl fmt::Debug for ApplicationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApplicationKey(…)")
    }
}

/// Who goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Priority {
    /// A caller waits for the answer.
    #[default]
    Foreground,
    /// No caller waits for the answer yet: a refresh ahead of expiry. Calls that come up to a minute later go first.
    Background,
}

/// A request for a permit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AcquireRequest {
    pub(crate) priority: Priority,
    /// Since when the request has waited, if not from now on: its place in the queue.
    pub(crate) since: Option<Instant>,
    /// When a permit is of no use any more.
    pub(crate) deadline: Option<Deadline>,
}

impl AcquireRequest {
    /// Fails if the deadline has passed.
    pub(super) fn check_deadline(&self, now: Instant) -> Result<(), Error> {
        match self.deadline.filter(|deadline| deadline.at < now) {
            Some(deadline) => Err(deadline.limit.error(None)),
            None => Ok(()),
        }
    }
}

/// When a permit must have come, and the setting that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) limit: WaitLimit,
}

/// A setting that limits a wait, with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WaitLimit {
    /// `limiter.max_wait`.
    MaxWait(Duration),
    /// `retry.deadline`.
    RetryDeadline(Duration),
}

impl WaitLimit {
    /// The error of a request whose permit would come in `wait`, if that is known.
    pub(super) fn error(self, wait: Option<Duration>) -> Error {
        let (kind, name, limit) = match self {
            Self::MaxWait(limit) => (ErrorKind::MaxWait, "limiter.max_wait", limit),
            Self::RetryDeadline(limit) => (ErrorKind::Deadline, "retry.deadline", limit),
        };
        let limit = Human(limit);
        let Some(wait) = wait else {
            return Error::new(kind, format!("its turn did not come in time: `{name}` is {limit}"));
        };
        let shown = if wait < Duration::from_mins(1) {
            Human(Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
        } else {
            Human(Duration::from_secs(wait.as_secs()))
        };
        Error::new(kind, format!("its turn would come in {shown} and `{name}` is {limit}"))
            .with_retry_after(wait)
    }
}
