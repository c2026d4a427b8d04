//! Errors on their way out through the layers, which wrap them.

use reqwest_middleware::Error as ChainError;
use reqwest_retry::RetryError;

use crate::error::{Error, ErrorKind};

/// Unwraps the error that a layer returned, or converts the network client's.
pub(crate) fn peel(error: ChainError) -> Error {
    match error {
        ChainError::Reqwest(error) => Error::from_reqwest(error),
        ChainError::Middleware(error) => match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) => match error.downcast::<RetryError>() {
                Ok(RetryError::Error(error) | RetryError::WithRetries { err: error, .. }) => peel(error),
                Err(error) => Error::new(ErrorKind::Internal, "a middleware failed").with_source(error),
            },
        },
    }
}

/// The error that a layer below the retry returned, unless it is a middleware's of the user.
pub(super) fn ours(error: &ChainError) -> Option<&Error> {
    match error {
        ChainError::Middleware(error) => error.downcast_ref(),
        ChainError::Reqwest(_) => None,
    }
}
