//! The layers that an attempt passes, outermost first: retry, limit, the user's own middleware, auth, exchange, and the
//! network or a service in its place. The call's span is around all of them.

mod auth;
mod context;
mod error;
mod exchange;
mod limit;
mod reread;
mod retry;
mod service;
mod trace;

pub(crate) use auth::{Auth, Credentials};
pub(crate) use context::Context;
pub(crate) use error::peel;
pub(crate) use exchange::Exchange;
pub(crate) use limit::Limit;
pub(crate) use reread::Reread;
pub(crate) use retry::Retry;
pub(crate) use service::ServiceBackend;
pub(crate) use trace::trace;
