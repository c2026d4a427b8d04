//! Sends calls to UltraCart: credentials, rate limits, retries, errors and configuration.
//!
//! A [`Transport`] takes a [`Call`], sends it when the quota allows, retries it where that is safe, and
//! returns an [`ApiResponse`] or an [`Error`]. Programs use this crate through `ultracart-client`, which adds
//! the operations for users and groups.

mod builder;
mod call;
mod chain;
mod clock;
pub mod config;
mod endpoint;
mod error;
pub mod limiter;
mod lock;
mod network;
mod oauth;
mod telemetry;
mod transport;

pub use builder::TransportBuilder;
pub use call::{ApiResponse, AttemptHook, Call, EarlierAttempts, Safety};
pub use clock::{COARSE_LAG, Clock, Instant, TokioClock};
pub use error::{Error, ErrorKind};
pub use transport::Transport;
