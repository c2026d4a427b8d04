//! A cached, rate-limit-aware client of [UltraCart]'s User API, for high-volume batch jobs.
//!
//! UltraCart takes 1,000 calls an hour, 10,000 a day, and one at a time. A [`Client`] keeps to that, sends again
//! what may be sent again, remembers what it read, and says what it spent. [`UserApi`] has the operations.
//!
//! [UltraCart]: https://www.ultracart.com/api/

pub mod audit;
mod cache;
mod client;
pub mod config;
mod inner;
mod list;
mod operation;
mod user_api;
#[cfg(feature = "webhook")]
pub mod webhook;

pub use cache::{CachePolicy, CacheSnapshot, CacheStats, Cached, Served, Stale};
pub use client::{Builder, Client, Snapshot};
pub use config::Config;
pub use list::{Groups, Users};
pub use ultracart_model as model;
pub use ultracart_transport::limiter;
pub use ultracart_transport::{COARSE_LAG, Clock, Error, ErrorKind, Instant, TokioClock};
pub use user_api::UserApi;
