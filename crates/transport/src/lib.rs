//! How a call reaches UltraCart: credentials, limits, retries, errors, configuration.
//!
//! This crate knows no users and no groups. A [`Call`] goes in, is sent when the quota allows, again where that is
//! right, and comes back as an [`Answer`] or an [`Error`]. Programs use it through `ultracart-client`.

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

pub use builder::Builder;
pub use call::{Answer, AttemptHook, Call, EarlierAttempts, Safety};
pub use clock::{COARSE_LAG, Clock, Instant, TokioClock};
pub use error::{Error, ErrorKind};
pub use transport::Transport;
