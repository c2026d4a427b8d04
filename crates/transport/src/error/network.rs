//! Failures to get an answer at all.

use std::error::Error as StdError;
use std::io;

use super::{Error, ErrorKind};

impl Error {
    /// From the network client's error. Its URL is left out: it adds nothing to the operation's name.
    pub(crate) fn from_reqwest(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_connect() {
            return Self::new(ErrorKind::Connect, "no connection to the server").with_source(error);
        }
        if error.is_timeout() {
            return Self::timeout().with_source(error);
        }
        if error.is_builder() {
            return Self::new(ErrorKind::InvalidRequest, "no request can be made of it").with_source(error);
        }
        Self::incomplete_response(error)
    }

    /// From the error of a service that stands in for the network.
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
        Self::new(ErrorKind::Timeout, "no whole answer within `http.request_timeout`").after_sending()
    }

    pub(crate) fn incomplete_response(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::IncompleteResponse, "the connection broke off before the whole answer was there")
            .after_sending()
            .with_source(source)
    }

    pub(crate) fn body_too_large(max_body: u64) -> Self {
        Self::new(
            ErrorKind::BodyTooLarge,
            format!("the answer is longer than `http.max_body` allows ({max_body} bytes)"),
        )
        .after_sending()
    }
}
