//! The error type of the transport and the client.

mod kind;
mod network;
mod rejection;
mod response;
mod retry_after;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use kind::ErrorKind;
pub(crate) use rejection::{RejectedWindow, Rejection};

/// The error of a failed call or an invalid configuration.
///
/// Match on [`kind`](Self::kind) or use the `is_…` methods to decide what to do. `Display` prints one line:
/// the operation, the reason, and the number of requests if there were several. If UltraCart responded, the
/// reason is the status and UltraCart's message.
///
/// An error contains no credential and no response body, except for UltraCart's messages. In these messages,
/// spaces replace control characters.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    operation: Option<&'static str>,
    status: Option<u16>,
    user_message: Option<String>,
    developer_message: Option<String>,
    merchant_id: Option<String>,
    retry_after: Option<Duration>,
    rejection: Option<Rejection>,
    attempts: u32,
    reached: bool,
    earlier_reached: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error. The message says why the call failed and what to do, without the operation's name.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            operation: None,
            status: None,
            user_message: None,
            developer_message: None,
            merchant_id: None,
            retry_after: None,
            rejection: None,
            attempts: 0,
            reached: false,
            earlier_reached: false,
            source: None,
        }))
    }

    /// Sets the underlying error.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.modify(|inner| inner.source = Some(source.into().into()))
    }

    /// Sets the operation that failed.
    #[must_use]
    pub fn with_operation(self, operation: &'static str) -> Self {
        self.modify(|inner| inner.operation = Some(operation))
    }

    /// Sets the number of HTTP requests that the call took.
    #[must_use]
    pub fn with_attempts(self, attempts: u32) -> Self {
        self.modify(|inner| inner.attempts = attempts)
    }

    /// Sets the status of the response.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        self.modify(|inner| inner.status = Some(status))
    }

    /// Marks that the server may have carried out an earlier attempt, whatever the outcome of the last
    /// attempt.
    pub(crate) fn after_earlier_attempt(self) -> Self {
        self.modify(|inner| (inner.reached, inner.earlier_reached) = (true, true))
    }

    pub(crate) fn with_retry_after(self, retry_after: Duration) -> Self {
        self.modify(|inner| inner.retry_after = Some(retry_after))
    }

    /// Marks that the request may have reached the server.
    #[must_use]
    pub fn mark_sent(self) -> Self {
        self.modify(|inner| inner.reached = true)
    }

    /// Marks that the call's own request was not sent, for example because a token refresh failed.
    pub(crate) fn mark_unsent(self) -> Self {
        self.modify(|inner| inner.reached = false)
    }

    /// Replaces the kind, for a caller that knows more about the cause.
    #[must_use]
    pub fn with_kind(self, kind: ErrorKind) -> Self {
        self.modify(|inner| inner.kind = kind)
    }

    fn modify(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the operation that failed; `None` if the error is not about a call.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// Returns the HTTP status, if a complete response arrived.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns UltraCart's message for the person who uses the program.
    pub fn user_message(&self) -> Option<&str> {
        self.0.user_message.as_deref()
    }

    /// Returns UltraCart's message for developers.
    pub fn developer_message(&self) -> Option<&str> {
        self.0.developer_message.as_deref()
    }

    /// Returns the merchant id of the account, if UltraCart names it.
    pub fn merchant_id(&self) -> Option<&str> {
        self.0.merchant_id.as_deref()
    }

    /// Returns how long the server asked to wait; `None` if it did not ask.
    ///
    /// For [`ErrorKind::MaxWait`] and [`ErrorKind::Deadline`], returns the time until a permit would have
    /// been available. For these kinds, `None` means that `limiter.max_wait` or `retry.deadline` passed while
    /// the call waited.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the number of HTTP requests that the call took: all its attempts, including those for earlier
    /// pages of a list. Token refreshes are not counted.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns whether the quota was the reason: a 429, or a wait that exceeds `limiter.max_wait` or
    /// `retry.deadline`.
    pub fn is_rate_limited(&self) -> bool {
        matches!(self.0.kind, ErrorKind::RateLimited | ErrorKind::MaxWait | ErrorKind::Deadline)
    }

    /// Returns whether `http.request_timeout` expired. The server may have carried out the call nevertheless.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Returns whether the requested object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// Returns whether the server did not accept the credential.
    pub fn is_unauthorized(&self) -> bool {
        self.0.kind == ErrorKind::Unauthorized
    }

    /// Returns whether UltraCart disabled this application. Stop all calls, and retry none.
    pub fn is_application_disabled(&self) -> bool {
        self.0.kind == ErrorKind::ApplicationDisabled
    }

    /// Returns whether the server may have received any attempt of the call. If so, it may have carried out
    /// the call.
    pub fn may_have_reached_server(&self) -> bool {
        self.0.reached
    }

    /// Returns whether the server may have carried out an attempt before the last one. This is so if an
    /// earlier attempt was sent but got no complete response, or got a 5xx.
    ///
    /// Use this for a deletion whose last attempt found no object. If it returns `true`, an earlier attempt
    /// has most likely deleted the object.
    pub fn earlier_attempt_may_have_had_effect(&self) -> bool {
        self.0.earlier_reached
    }

    /// Returns the parsed 429 response; `None` if the error is not about a 429.
    pub(crate) fn rejection(&self) -> Option<Rejection> {
        self.0.rejection
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.0.operation {
            write!(f, "{operation}: ")?;
        }
        f.write_str(&self.0.message)?;
        if self.0.attempts > 1 {
            write!(f, " (after {} requests)", self.0.attempts)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.to_string())
            .field("status", &self.0.status)
            .field("attempts", &self.0.attempts)
            .field("may_have_reached_server", &self.0.reached)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Makes a text from the network safe to print on one line. Control, invisible and bidirectional formatting
/// characters become spaces, and the text is cut after 500 characters.
pub(crate) fn sanitized(text: &str) -> String {
    const MAX: usize = 500;
    let is_unsafe = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                    | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
            )
    };
    let mut sanitized: String = text.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).take(MAX).collect();
    sanitized.truncate(sanitized.trim_end().len());
    if text.chars().nth(MAX).is_some() {
        sanitized.push('…');
    }
    sanitized.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_impl_all!(Error: Send, Sync, Clone);
    static_assertions::const_assert!(size_of::<Error>() <= 64);

    #[test]
    fn sanitized_text_is_one_short_line() {
        assert_eq!(sanitized(" a\u{1b}[31mb\r\nc\u{202e}d "), "a [31mb  c d");
        assert_eq!(sanitized(&"é".repeat(501)), format!("{}…", "é".repeat(500)));
        assert_eq!(sanitized("\u{7}"), "");
        assert_eq!(sanitized("a\u{61c}b\u{e0041}c\u{2060}d\u{ad}e"), "a b c d e");
    }
}
