//! A simulated [UltraCart] account for tests: the User API's eleven operations, rate limits, webhooks and
//! scripted faults.
//!
//! Test a job against the simulator before it spends real calls:
//!
//! - In process, [`Sim::service`] needs no socket. With tokio's paused clock, a wait of a day takes
//!   milliseconds.
//! - Over TCP (feature `tcp`, on by default), `Sim::bind` serves clients in any language.
//! - [`Sim::fault`] scripts errors, slow responses and connection resets.
//! - [`Sim::requests`], [`Sim::users`] and others inspect the account without spending calls.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, StatusCode};
//! use tower_service::Service as _;
//! use ultracart_sim::{Fault, Operation, Sim};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sim = Sim::builder().users(200).simple_key("only-a-test").build();
//! sim.fault(Fault::html_502().on(Operation::GetUser));
//!
//! // Usually a client sends the request; here it is built by hand.
//! let request = Request::get("/rest/v2/user/users/7")
//!     .header("X-UltraCart-Api-Version", "2017-03-01")
//!     .header("x-ultracart-simple-key", "only-a-test")
//!     .body(Bytes::new())?;
//! assert_eq!(sim.service().call(request.clone()).await?.status(), StatusCode::BAD_GATEWAY);
//! assert_eq!(sim.service().call(request).await?.status(), StatusCode::OK);
//!
//! // The simulator counts the calls and shows the remaining quota. Failed calls count, too.
//! assert_eq!(sim.calls(), 2);
//! assert_eq!(sim.remaining()[0].calls, 998);
//! # Ok(())
//! # }
//! ```
//!
//! UltraCart's documentation leaves some behaviour open, for example whether a rejected call counts, or which
//! kind of window its limits use. The [`SimBuilder`] has a setting for each such case. Test a client with
//! every value.
//!
//! [UltraCart]: https://www.ultracart.com/api/

mod account;
mod body;
mod builder;
mod call;
mod clock;
mod fault;
mod in_flight_guard;
mod inspect;
mod limits;
mod oauth;
mod operations;
mod record;
mod response;
mod route;
mod service;
mod settings;
mod sim;
mod state;
#[cfg(feature = "tcp")]
mod tcp;
mod webhook;

pub use self::body::{Body, IncompleteBody};
pub use self::builder::SimBuilder;
pub use self::call::PeerIp;
pub use self::fault::{Fault, RetryAfter};
pub use self::limits::{Remaining, Scope, Window};
pub use self::record::RecordedRequest;
pub use self::route::Operation;
pub use self::service::{Reset, SimService};
pub use self::settings::{Count, GetGroupBody, Histories, UnknownIdStatus};
pub use self::sim::Sim;
#[cfg(feature = "tcp")]
pub use self::tcp::Server;
pub use self::webhook::{Webhook, WebhookFault};
