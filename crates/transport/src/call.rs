//! A call and its response, as plain data.

use std::ops::ControlFlow;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::limiter::Priority;

/// Whether a call may be retried when the outcome of an attempt is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// The call changes nothing and may be retried.
    Safe,
    /// Two attempts have the effect of one, so the call may be retried.
    Idempotent,
    /// A second attempt could insert a second object, so the call is retried only if the server cannot have
    /// carried out the first attempt.
    Insert,
}

/// Observes the attempts of one call, and can cancel the call. Closures implement this trait.
///
/// The transport drops the hook when the call has ended. If the caller drops the call's future, the hook can
/// outlive the future.
pub trait AttemptHook: Send + Sync + 'static {
    /// Called when an attempt has its permit, just before it is sent. Return [`ControlFlow::Break`] to cancel
    /// the call; the permit is released and costs nothing.
    ///
    /// An attempt that has to refresh the OAuth token takes one permit for the token refresh and one for its
    /// own request. The hook is called for both.
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

/// Whether the earlier attempts of a call may have had an effect on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlierAttempts {
    /// There were no earlier attempts, or the server carried out none of them.
    HadNoEffect,
    /// An earlier attempt was sent but got no complete response, or it got a 5xx. So the server may have
    /// carried it out.
    MayHaveHadEffect,
}

/// A call to send, as plain data. Creating one needs no I/O.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The operation's name in snake case, such as `get_users`.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path below the base URL, with the query.
    pub path: String,
    /// The JSON body.
    pub body: Option<Bytes>,
    /// Whether the call may be retried when the outcome of an attempt is unknown.
    pub safety: Safety,
    /// Whether a 400 means that the object does not exist. Set it for calls that send only an id: if no
    /// object has the id, UltraCart responds with 400 and not 404.
    pub bad_request_is_not_found: bool,
    /// The call's priority among the calls that wait for a permit.
    pub priority: Priority,
    /// The outcome of the cache lookup, for the call's span: `miss`, `refresh`, `bypass`, or empty if there
    /// was no lookup.
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
    /// Creates a call that reads data.
    pub fn get(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::GET, path, Safety::Safe)
    }

    /// Creates a call that inserts an object.
    pub fn insert(operation: &'static str, path: impl Into<String>, body: Bytes) -> Self {
        Self { body: Some(body), ..Self::new(operation, Method::POST, path, Safety::Insert) }
    }

    /// Creates a call that replaces an object.
    pub fn update(operation: &'static str, path: impl Into<String>, body: Bytes) -> Self {
        Self { body: Some(body), ..Self::new(operation, Method::PUT, path, Safety::Idempotent) }
    }

    /// Creates a call that deletes an object.
    pub fn delete(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::DELETE, path, Safety::Idempotent)
    }

    /// Turns a 400 into [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), except a 400 about the API
    /// version.
    #[must_use]
    pub fn bad_request_is_not_found(mut self) -> Self {
        self.bad_request_is_not_found = true;
        self
    }

    /// Sets the priority.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the outcome of the cache lookup.
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

/// The complete response to a successful call.
#[derive(Clone)]
#[non_exhaustive]
pub struct ApiResponse {
    /// The status, from 200 to 299.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The number of attempts.
    pub attempts: u32,
}

impl std::fmt::Debug for ApiResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The body holds personal data.
        f.debug_struct("ApiResponse")
            .field("status", &self.status)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
