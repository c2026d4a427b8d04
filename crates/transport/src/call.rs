//! A call and its answer, as plain data.

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

/// Is told how far a call is. It is let go of when the call is over for its caller and for the server, which can be at it when
/// the caller has gone away.
pub trait Watch: std::fmt::Debug + Send + Sync + 'static {
    /// The turn of an attempt has come, and it is sent next. An attempt that needs a new OAuth token first has two turns.
    /// `reached` is whether the server may have done what an earlier attempt asked.
    fn on_sending(&self, reached: bool) -> Sending;
}

/// Whether an attempt shall be sent now that its turn has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// It is sent.
    GoOn,
    /// It fails, and costs nothing.
    Withdraw,
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
