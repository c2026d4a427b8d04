//! The layers that send a call, outermost first: retry, limit, custom middleware, auth, exchange, then the
//! network or the service that replaces it. If there is custom middleware, the layer `read_body_again` stands
//! between limit and the custom middleware. Each attempt passes through all layers below retry. The call's
//! span encloses all layers.

mod auth;
mod context;
mod error;
mod exchange;
mod limit;
mod read_body_again;
mod retry;
mod service;
mod trace;

pub(crate) use auth::{AuthLayer, Credentials};
pub(crate) use context::Context;
pub(crate) use error::into_transport_error;
pub(crate) use exchange::ExchangeLayer;
pub(crate) use limit::LimitLayer;
pub(crate) use read_body_again::ReadBodyAgain;
pub(crate) use retry::RetryLayer;
pub(crate) use service::ServiceBackend;
pub(crate) use trace::trace;
