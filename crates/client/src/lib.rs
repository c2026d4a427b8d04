//! A cached, rate-limit-aware client of [UltraCart]'s User API, for batch jobs.
//!
//! UltraCart accepts 1,000 calls an hour, 10,000 a day, and one at a time. A [`Client`] keeps these limits
//! for you:
//!
//! - It sends a request only when the quota allows, and waits otherwise.
//! - It retries failed requests, except an insert that the server may have carried out.
//! - It caches what it reads (5 minutes by default). A write invalidates what it affects, and concurrent
//!   reads of the same object share one call.
//! - Every read reports how old its value is and how many calls the read took. Every error says whether the
//!   request may have reached the server.
//!
//! # Example
//!
//! ```no_run
//! use ultracart_client::Client;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().simple_key(std::env::var("ULTRACART_SIMPLE_KEY")?).build()?;
//! let api = client.user_api();
//!
//! let users = api.get_users().await?; // one call; then none for five minutes
//! for user in users.iter().filter(|user| !user.has_second_factor()) {
//!     println!("{:?} has no second factor", user.login);
//! }
//!
//! // Reads the user, changes it and writes it back.
//! api.update_user_with(7.into(), |user| user.phone = Some("555-0100".into())).await?;
//!
//! println!("{} requests sent", client.calls_spent());
//! # Ok(())
//! # }
//! ```
//!
//! A client needs a tokio runtime. Tests can replace the network by the simulated account of `ultracart-sim`:
//! see [`ClientBuilder::service`].
//!
//! # Features
//!
//! All features are off by default.
//!
//! | feature | adds |
//! |---|---|
//! | `metrics` | Counters and histograms, through the [`metrics`](https://docs.rs/metrics) facade |
//! | `webhook` | The module `webhook`: receives UltraCart's webhooks and invalidates the cache |
//!
//! # Where to go next
//!
//! - [`UserApi`] has the eleven operations, and says how they use the cache and what a dropped future does.
//! - [`ClientBuilder`] and [`Config`] have the settings; [`config::Layers`] loads them from a file and the
//!   environment.
//! - [`limiter::Limiter`] forecasts when calls will be done, and can be shared by the clients behind one IP
//!   address.
//! - [`CachePolicy`] changes how a read uses the cache; [`Cached`] is the value that it returns.
//! - [`Error`] and [`ErrorKind`] say what failed and whether to try again.
//! - [`audit`] reviews the permissions and logins of all users.
//! - [`model`] has the data types.
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
pub use client::{Client, ClientBuilder, ClientSnapshot};
pub use config::Config;
pub use list::{Groups, Users};
pub use ultracart_model as model;
pub use ultracart_transport::limiter;
pub use ultracart_transport::{COARSE_LAG, Clock, Error, ErrorKind, Instant, TokioClock};
pub use user_api::UserApi;
