//! Reasons to refuse a delivery.

use std::fmt;
use std::time::Duration;

use axum::response::IntoResponse;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

/// A refused delivery and the reason. Nothing of the delivery was applied, and the message shows nothing of it.
///
/// In axum it is a response itself; elsewhere use [`Refused::response`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub(super) Reason);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Credentials,
    TooLong { max: usize },
    TooLongUnpacked { max: usize },
    TooSlow { limit: Duration },
    BrokenOff,
    Unreadable(String),
}

impl Refused {
    /// Returns the status to answer with: 401, 413, 408 or 400.
    pub fn status(&self) -> StatusCode {
        match self.0 {
            Reason::Credentials => StatusCode::UNAUTHORIZED,
            Reason::TooLong { .. } | Reason::TooLongUnpacked { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Reason::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Reason::BrokenOff | Reason::Unreadable(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the value of the `WWW-Authenticate` header, which a 401 must have.
    pub fn www_authenticate(&self) -> Option<HeaderValue> {
        (self.0 == Reason::Credentials).then(|| HeaderValue::from_static("Basic realm=\"webhook\""))
    }

    /// Returns the whole response, with the reason as its body.
    pub fn response(&self) -> Response<String> {
        let mut response = Response::new(format!("{self}\n"));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Some(challenge) = self.www_authenticate() {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }

    pub(super) fn unreadable(what: &str) -> Self {
        Self(Reason::Unreadable(what.to_owned()))
    }

    /// Describes a JSON error by its place, and never shows the JSON.
    pub(super) fn json(what: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let problem = match error.classify() {
            serde_json::error::Category::Data => "not what UltraCart documents at",
            _ => "no JSON from",
        };
        Self(Reason::Unreadable(format!("{what} {problem} line {line}, column {column}")))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Credentials => f.write_str("the credentials are missing or wrong"),
            Reason::TooLong { max } => write!(f, "the delivery has more than {max} bytes"),
            Reason::TooLongUnpacked { max } => {
                write!(f, "the events have more than {max} bytes when unpacked")
            }
            Reason::TooSlow { limit } => {
                write!(f, "the delivery did not come within {} seconds", limit.as_secs())
            }
            Reason::BrokenOff => f.write_str("the delivery broke off"),
            Reason::Unreadable(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Refused {}

impl IntoResponse for Refused {
    fn into_response(self) -> axum::response::Response {
        self.response().map(Into::into)
    }
}
