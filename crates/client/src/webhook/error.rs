//! The error of a refused delivery.

use std::fmt;
use std::time::Duration;

use axum::response::IntoResponse;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

/// The reason why a delivery was refused. No event of the delivery was applied, and the message shows no part
/// of the delivery.
///
/// An axum handler can return this error as its response. With other frameworks use
/// [`DeliveryError::response`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryError(pub(super) Reason);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Credentials,
    TooLarge {
        max: usize,
    },
    TooLargeDecompressed {
        max: usize,
    },
    TooSlow {
        limit: Duration,
    },
    Incomplete,
    /// The body cannot be decoded. Contains the message.
    Undecodable(String),
}

impl DeliveryError {
    /// Returns the status of the response: 400, 401, 408 or 413.
    pub fn status(&self) -> StatusCode {
        match self.0 {
            Reason::Credentials => StatusCode::UNAUTHORIZED,
            Reason::TooLarge { .. } | Reason::TooLargeDecompressed { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Reason::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Reason::Incomplete | Reason::Undecodable(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the value of the response's `WWW-Authenticate` header. Only a 401 has this header: for other
    /// statuses, returns `None`.
    pub fn www_authenticate(&self) -> Option<HeaderValue> {
        (self.0 == Reason::Credentials).then(|| HeaderValue::from_static("Basic realm=\"webhook\""))
    }

    /// Returns the response to send, with the reason as its body.
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

    pub(super) fn undecodable(message: &str) -> Self {
        Self(Reason::Undecodable(message.to_owned()))
    }

    /// Describes the place of a JSON error, without the JSON. `subject`, such as `the events are`, begins the
    /// message.
    pub(super) fn json(subject: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let problem = match error.classify() {
            serde_json::error::Category::Data => "not as UltraCart documents at",
            _ => "not valid JSON at",
        };
        Self(Reason::Undecodable(format!("{subject} {problem} line {line}, column {column}")))
    }
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Credentials => f.write_str("the credentials are missing or wrong"),
            Reason::TooLarge { max } => write!(f, "the delivery has more than {max} bytes"),
            Reason::TooLargeDecompressed { max } => {
                write!(f, "the decompressed events have more than {max} bytes")
            }
            Reason::TooSlow { limit } => {
                write!(f, "the delivery was not complete within {} seconds", limit.as_secs())
            }
            Reason::Incomplete => f.write_str("the delivery is incomplete: the connection failed"),
            Reason::Undecodable(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for DeliveryError {}

impl IntoResponse for DeliveryError {
    fn into_response(self) -> axum::response::Response {
        self.response().map(Into::into)
    }
}
