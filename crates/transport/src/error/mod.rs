//! What can go wrong with a call.

mod answer;
mod kind;
mod network;
mod rejection;
mod retry_after;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use kind::ErrorKind;
pub(crate) use rejection::{RejectedWindow, Rejection};

/// Why a call failed.
///
/// It is one small value whose inside may change. [`kind`](Self::kind) and the `is_…` methods say what to do about
/// it; displayed, it is one line: the operation, the status and UltraCart's message. It never holds a body, a
/// header or a credential, and the texts in it that came from the network are stripped of control characters.
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
    /// An error of this kind; `message` says what is wrong and what to do, without the operation.
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

    /// With what caused it.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.change(|inner| inner.source = Some(source.into().into()))
    }

    /// With the operation that failed.
    #[must_use]
    pub fn with_operation(self, operation: &'static str) -> Self {
        self.change(|inner| inner.operation = Some(operation))
    }

    /// With how often the call was sent.
    #[must_use]
    pub fn with_attempts(self, attempts: u32) -> Self {
        self.change(|inner| inner.attempts = attempts)
    }

    /// With the status of the answer.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        self.change(|inner| inner.status = Some(status))
    }

    /// Notes that an earlier attempt may have been carried out, however this one ended.
    pub(crate) fn after_earlier_attempt(self) -> Self {
        self.change(|inner| (inner.reached, inner.earlier_reached) = (true, true))
    }

    pub(crate) fn with_retry_after(self, retry_after: Duration) -> Self {
        self.change(|inner| inner.retry_after = Some(retry_after))
    }

    /// Says that the server may have seen the request.
    #[must_use]
    pub fn after_sending(self) -> Self {
        self.change(|inner| inner.reached = true)
    }

    /// Says that the server cannot have seen the request, whatever happened on the way to it.
    pub(crate) fn before_sending(self) -> Self {
        self.change(|inner| inner.reached = false)
    }

    /// With another kind: what a caller knows better.
    #[must_use]
    pub fn with_kind(self, kind: ErrorKind) -> Self {
        self.change(|inner| inner.kind = kind)
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// What went wrong, to match on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation that failed, if it came so far.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// The HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// What UltraCart says to whoever uses the program.
    pub fn user_message(&self) -> Option<&str> {
        self.0.user_message.as_deref()
    }

    /// What UltraCart says to whoever wrote the program.
    pub fn developer_message(&self) -> Option<&str> {
        self.0.developer_message.as_deref()
    }

    /// Whose account the error is about, where UltraCart says so.
    pub fn merchant_id(&self) -> Option<&str> {
        self.0.merchant_id.as_deref()
    }

    /// How long the server asked to wait, or, for [`ErrorKind::MaxWait`] and
    /// [`ErrorKind::Deadline`], how long the wait would have been.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// How many calls it has cost: how often it was sent, the earlier parts of a list included.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the quota was the reason: a 429, or a wait longer than `limiter.max_wait` or `retry.deadline`.
    pub fn is_rate_limited(&self) -> bool {
        matches!(self.0.kind, ErrorKind::RateLimited | ErrorKind::MaxWait | ErrorKind::Deadline)
    }

    /// Whether time ran out. The server may have done what it was asked all the same.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Whether what was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// Whether the credential was not accepted.
    pub fn is_unauthorized(&self) -> bool {
        self.0.kind == ErrorKind::Unauthorized
    }

    /// Whether UltraCart disabled this application: nothing may be retried, everything has to stop.
    pub fn is_application_disabled(&self) -> bool {
        self.0.kind == ErrorKind::ApplicationDisabled
    }

    /// Whether the server may have seen the request, in this attempt or an earlier one, and so may have done what it
    /// asked.
    pub fn may_have_reached_server(&self) -> bool {
        self.0.reached
    }

    /// Whether an attempt before the one that failed may have been carried out: its end was not seen, or the server failed.
    /// A deletion that then finds nothing has most likely been made.
    pub fn earlier_attempt_may_have_applied(&self) -> bool {
        self.0.earlier_reached
    }

    /// What a 429 said.
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
            write!(f, " (after {} calls)", self.0.attempts)?;
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

/// A text from the network, fit to be shown on one line: control characters and what turns text around become
/// spaces, and it ends after 500 characters.
pub(crate) fn shown(text: &str) -> String {
    const MAX: usize = 500;
    let hidden = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                    | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
            )
    };
    let mut shown: String = text.chars().map(|c| if hidden(c) { ' ' } else { c }).take(MAX).collect();
    shown.truncate(shown.trim_end().len());
    if text.chars().nth(MAX).is_some() {
        shown.push('…');
    }
    shown.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_impl_all!(Error: Send, Sync, Clone);
    static_assertions::const_assert!(size_of::<Error>() <= 64);

    #[test]
    fn a_text_from_the_network_is_shown_on_one_short_line() {
        assert_eq!(shown(" a\u{1b}[31mb\r\nc\u{202e}d "), "a [31mb  c d");
        assert_eq!(shown(&"é".repeat(501)), format!("{}…", "é".repeat(500)));
        assert_eq!(shown("\u{7}"), "");
        assert_eq!(shown("a\u{61c}b\u{e0041}c\u{2060}d\u{ad}e"), "a b c d e");
    }
}
