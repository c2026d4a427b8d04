//! A call and its answer, as plain data.

use std::ops::ControlFlow;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::limiter::Priority;

/// Whether a call may be sent again if its outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// The call changes nothing.
    Safe,
    /// Sent twice, the call has the effect of one.
    Idempotent,
    /// Sent twice, the call has its effect twice.
    Insert,
}

/// Observes the attempts of one call. Dropped when the transport is done with the call, even if the caller is gone.
///
/// A closure is a hook, too.
pub trait AttemptHook: Send + Sync + 'static {
    /// Called when an attempt has its permit, just before it is sent. [`ControlFlow::Break`] cancels the attempt, and
    /// with it the call, at no cost.
    ///
    /// An attempt that renews the OAuth token first needs two permits; this is called for both.
    fn before_attempt(&self, earlier: EarlierAttempts) -> ControlFlow<()>;
}

impl<F: Fn(EarlierAttempts) -> ControlFlow<()> + Send + Sync + 'static> AttemptHook for F {
    fn before_attempt(&self, earlier: EarlierAttempts) -> ControlFlow<()> {
        self(earlier)
    }
}

impl std::fmt::Debug for dyn AttemptHook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AttemptHook")
    }
}

/// What the earlier attempts of a call may have done on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlierAttempts {
    /// There were none, or the server did nothing for any of them.
    HadNoEffect,
    /// One of them may have been carried out: its outcome was not seen.
    MayHaveHadEffect,
}

/// A call before it is sent: made and compared without any I/O.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// UltraCart's name of the operation in Rust's spelling: `get_users`.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path below the base URL, with its query.
    pub path: String,
    /// The JSON to send.
    pub body: Option<Bytes>,
    /// Whether the call may be sent again.
    pub safety: Safety,
    /// Whether a 400 means that the object does not exist. UltraCart has no 404, and these calls send nothing but an id.
    pub bad_request_is_not_found: bool,
    /// Who goes first if several calls wait for a permit.
    pub priority: Priority,
    /// What the cache said before the call, for the span: `miss`, `bypass`; empty if it was not asked.
    pub cache: &'static str,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The body can hold a password.
        f.debug_struct("Call")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body", &self.body.as_ref().map(|body| format!("{} bytes", body.len())))
            .field("safety", &self.safety)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// A call that reads something.
    pub fn get(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::GET, path, Safety::Safe)
    }

    /// A call that inserts an object.
    pub fn insert(operation: &'static str, path: impl Into<String>, body: Bytes) -> Self {
        Self { body: Some(body), ..Self::new(operation, Method::POST, path, Safety::Insert) }
    }

    /// A call that replaces an object.
    pub fn update(operation: &'static str, path: impl Into<String>, body: Bytes) -> Self {
        Self { body: Some(body), ..Self::new(operation, Method::PUT, path, Safety::Idempotent) }
    }

    /// A call that deletes an object.
    pub fn delete(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::DELETE, path, Safety::Idempotent)
    }

    /// Takes a 400 to mean that the object does not exist.
    #[must_use]
    pub fn bad_request_is_not_found(mut self) -> Self {
        self.bad_request_is_not_found = true;
        self
    }

    /// With another priority.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// With what the cache said.
    #[must_use]
    pub fn cache(mut self, outcome: &'static str) -> Self {
        self.cache = outcome;
        self
    }

    fn new(operation: &'static str, method: Method, path: impl Into<String>, safety: Safety) -> Self {
        Self {
            operation,
            method,
            path: path.into(),
            body: None,
            safety,
            bad_request_is_not_found: false,
            priority: Priority::default(),
            cache: "",
        }
    }
}

/// The answer to a call that succeeded, read to its end.
#[derive(Clone)]
#[non_exhaustive]
pub struct Answer {
    /// From 200 to 299.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How often the call was sent.
    pub attempts: u32,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The body holds personal data.
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
