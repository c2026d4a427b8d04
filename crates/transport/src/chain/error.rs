//! Unwraps the errors that the layers return.

use reqwest_middleware::Error as ChainError;
use reqwest_retry::RetryError;

use crate::error::{Error, ErrorKind};

/// Returns the [`Error`] that a layer has wrapped, or converts an error of reqwest or of a custom middleware.
pub(crate) fn into_transport_error(error: ChainError) -> Error {
    match error {
        ChainError::Reqwest(error) => Error::from_reqwest(error),
        ChainError::Middleware(error) => match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) => match error.downcast::<RetryError>() {
                Ok(RetryError::Error(error) | RetryError::WithRetries { err: error, .. }) => {
                    into_transport_error(error)
                }
                Err(error) => {
                    Error::new(ErrorKind::Internal, "a custom middleware failed").with_source(error)
                }
            },
        },
    }
}

/// Returns the [`Error`] inside a chain error, if a layer below the retry layer put it there. `None` for an
/// error of reqwest or of a custom middleware.
pub(super) fn as_transport_error(error: &ChainError) -> Option<&Error> {
    match error {
        ChainError::Middleware(error) => error.downcast_ref(),
        ChainError::Reqwest(_) => None,
    }
}
