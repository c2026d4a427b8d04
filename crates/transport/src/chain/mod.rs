//! The layers that an attempt passes, outermost first: retry, limit, a user's own, auth, exchange, and the network or
//! what stands in for it. Around all of them is the call's span.

mod auth;
mod context;
mod exchange;
mod limit;
mod retry;
mod service;
mod trace;

pub(crate) use auth::{Auth, Credentials};
pub(crate) use context::Context;
pub(crate) use exchange::{Exchange, whole_body};
pub(crate) use limit::Limit;
pub(crate) use retry::Retry;
pub(crate) use service::ServiceBackend;
pub(crate) use trace::trace;

use reqwest_middleware::Error as ChainError;
use reqwest_retry::RetryError;

use crate::error::{Error, ErrorKind};

/// The error that a layer put in, or the network client's, whatever the layers in between wrapped it in.
pub(crate) fn unwrap(error: ChainError) -> Error {
    match error {
        ChainError::Reqwest(error) => Error::from_reqwest(error),
        ChainError::Middleware(error) => match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) => match error.downcast::<RetryError>() {
                Ok(RetryError::Error(error) | RetryError::WithRetries { err: error, .. }) => unwrap(error),
                Err(error) => Error::new(ErrorKind::Internal, "a middleware failed").with_source(error),
            },
        },
    }
}

/// What went wrong, whatever the layers in between wrapped it in.
fn kind(error: &ChainError) -> ErrorKind {
    let ChainError::Middleware(error) = error else { return ErrorKind::Internal };
    match error.downcast_ref::<RetryError>() {
        Some(RetryError::Error(error) | RetryError::WithRetries { err: error, .. }) => kind(error),
        None => error.downcast_ref::<Error>().map_or(ErrorKind::Internal, Error::kind),
    }
}

/// Our own error, on its way out through the layers.
fn ours(error: &ChainError) -> Option<&Error> {
    match error {
        ChainError::Middleware(error) => error.downcast_ref(),
        ChainError::Reqwest(_) => None,
    }
}
