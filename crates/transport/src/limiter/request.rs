//! Requests for a permit.

use std::fmt;
use std::time::Duration;

use crate::clock::Instant;
use crate::config::HumanDuration;
use crate::error::{Error, ErrorKind};

/// Identifies the application that a call counts for. This is a fingerprint of its key or OAuth client ID, so
/// the limiter does not store the key itself.
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

/// The priority of a call in the limiter's queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Priority {
    /// A caller waits for the response.
    #[default]
    Foreground,
    /// The call refreshes a cached value before the value expires, and no caller waits for the response.
    /// Foreground calls precede this call, even if they arrive up to a minute later.
    Background,
}

/// A request for a permit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AcquireRequest {
    pub(crate) priority: Priority,
    /// Time at which the wait began; `None` if it begins now. This time and the priority decide the position
    /// in the queue.
    pub(crate) since: Option<Instant>,
    /// Time after which a permit is no longer useful.
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

/// The latest time for a permit, and the setting that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) limit: WaitLimit,
}

/// A setting that limits the wait for a permit, with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WaitLimit {
    /// `limiter.max_wait`.
    MaxWait(Duration),
    /// `retry.deadline`.
    RetryDeadline(Duration),
}

impl WaitLimit {
    /// Returns the error of a request whose wait for a permit exceeds this limit. `wait` is the expected
    /// wait; `None` if the deadline has already passed.
    pub(super) fn error(self, wait: Option<Duration>) -> Error {
        let (kind, limit, longer_than, not_in_time) = match self {
            Self::MaxWait(limit) => {
                (ErrorKind::MaxWait, limit, "`limiter.max_wait`", "within `limiter.max_wait`")
            }
            Self::RetryDeadline(limit) => {
                let longer_than = "the time left until `retry.deadline`";
                (ErrorKind::Deadline, limit, longer_than, "before `retry.deadline`")
            }
        };
        let limit = HumanDuration(limit);
        let Some(wait) = wait else {
            return Error::new(kind, format!("no permit was granted {not_in_time} ({limit})"));
        };
        let shown = if wait < Duration::from_mins(1) {
            HumanDuration(Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
        } else {
            HumanDuration(Duration::from_secs(wait.as_secs()))
        };
        Error::new(
            kind,
            format!("the wait for a permit would be {shown}, longer than {longer_than} ({limit})"),
        )
        .with_retry_after(wait)
    }
}
