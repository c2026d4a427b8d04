//! Errors of calls that got no complete response.

use std::error::Error as StdError;
use std::io;

use super::{Error, ErrorKind};

impl Error {
    /// Converts an error of reqwest. Removes the URL, since the operation's name is enough.
    pub(crate) fn from_reqwest(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_connect() {
            return Self::new(ErrorKind::Connect, "no connection to the server").with_source(error);
        }
        if error.is_timeout() {
            return Self::timeout().with_source(error);
        }
        if error.is_builder() {
            return Self::new(ErrorKind::InvalidRequest, "the request cannot be built").with_source(error);
        }
        Self::incomplete_response(error)
    }

    /// Converts an error of a service that replaces the network.
    pub(crate) fn from_service(error: Box<dyn StdError + Send + Sync>) -> Self {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&*error);
        let mut refused = false;
        while let Some(error) = cause {
            let io = error.downcast_ref::<io::Error>();
            refused |= io.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
            cause = error.source();
        }
        if refused {
            return Self::new(ErrorKind::Connect, "no connection to the server").with_source(error);
        }
        Self::incomplete_response(error)
    }

    pub(crate) fn timeout() -> Self {
        Self::new(ErrorKind::Timeout, "no complete response within `http.request_timeout`").mark_sent()
    }

    pub(crate) fn incomplete_response(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::IncompleteResponse, "the connection ended before the response was complete")
            .mark_sent()
            .with_source(source)
    }

    pub(crate) fn body_too_large(max_body: u64) -> Self {
        Self::new(
            ErrorKind::BodyTooLarge,
            format!("the response body is longer than `http.max_body` allows ({max_body} bytes)"),
        )
        .mark_sent()
    }
}
