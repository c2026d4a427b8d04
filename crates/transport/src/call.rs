//! A call and its answer, as plain data.

use std::ops::ControlFlow;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::limiter::Priority;

/// Whether a call may be sent again when its outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// It changes nothing.
    Safe,
    /// Sent twice it does what it does once.
    Idempotent,
    /// Sent twice it does something twice.
    Insert,
}

/// Observes the attempts of one call. Dropped when the server is done with the call, possibly after the caller was
/// cancelled.
///
/// A closure is a hook, too.
pub trait AttemptHook: Send + Sync + 'static {
    /// Called when an attempt has its permit, just before it is sent. [`ControlFlow::Break`] cancels the attempt, and
    /// with it the call, at no cost.
    ///
    /// An attempt that has to refresh the OAuth token first gets a second permit, and this is called for each of them.
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
    /// What it is called, as in UltraCart's documentation but in this language's spelling: `get_users`.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path below the base URL, with its query.
    pub path: String,
    /// The JSON to send.
    pub body: Option<Bytes>,
    /// Whether it may be sent again.
    pub safety: Safety,
    /// Whether a 400 can only mean that the id in the path is not there: UltraCart answers no 404.
    pub only_names_an_id: bool,
    /// Who goes first where several wait for a turn.
    pub priority: Priority,
    /// What a cache had to say before there was a call, for the span: `miss`, `bypass`; empty if none was asked.
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
    /// A call that reads.
    pub fn get(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::GET, path, Safety::Safe)
    }

    /// A call that makes something new.
    pub fn insert(operation: &'static str, path: impl Into<String>, body: Bytes) -> Self {
        Self { body: Some(body), ..Self::new(operation, Method::POST, path, Safety::Insert) }
    }

    /// A call that puts something in the place of what was there.
    pub fn update(operation: &'static str, path: impl Into<String>, body: Bytes) -> Self {
        Self { body: Some(body), ..Self::new(operation, Method::PUT, path, Safety::Idempotent) }
    }

    /// A call that takes something away.
    pub fn delete(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::DELETE, path, Safety::Idempotent)
    }

    /// Says that a 400 can only mean that the id in the path is not there.
    #[must_use]
    pub fn only_names_an_id(mut self) -> Self {
        self.only_names_an_id = true;
        self
    }

    /// With another priority.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// With what a cache had to say.
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
            only_names_an_id: false,
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
