//! A simulated [UltraCart] account: the User API's eleven operations, its limits, and faults on demand.
//!
//! Test a job against it before it spends real calls. In process it needs no socket, and in tokio's paused time a day of
//! quota takes milliseconds; over TCP (feature `tcp`) any client in any language can call it.
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
//! // Give the service to a client of yours; here a request is made by hand.
//! let request = Request::get("/rest/v2/user/users/7")
//!     .header("X-UltraCart-Api-Version", "2017-03-01")
//!     .header("x-ultracart-simple-key", "only-a-test")
//!     .body(Bytes::new())?;
//! assert_eq!(sim.service().call(request.clone()).await?.status(), StatusCode::BAD_GATEWAY);
//! assert_eq!(sim.service().call(request).await?.status(), StatusCode::OK);
//!
//! // It has seen everything, and knows what is left of the quota.
//! assert_eq!(sim.calls(), 2);
//! assert_eq!(sim.remaining()[0].calls, 998);
//! # Ok(())
//! # }
//! ```
//!
//! Where UltraCart's documents leave something open (whether a refused call counts, what kind of window a limit is, …)
//! the [`Builder`] has a switch for it, so that a client can be shown to stand either answer.
//!
//! [UltraCart]: https://www.ultracart.com/api/

mod account;
mod body;
mod builder;
mod call;
mod clock;
mod fault;
mod flight;
mod inspect;
mod limits;
mod oauth;
mod operations;
mod record;
mod reply;
mod route;
mod service;
mod settings;
mod sim;
mod state;
#[cfg(feature = "tcp")]
mod tcp;
mod webhook;

pub use self::body::{Body, BrokenOff};
pub use self::builder::Builder;
pub use self::call::PeerIp;
pub use self::fault::{Fault, RetryAfter};
pub use self::limits::{Remaining, Scope, Window};
pub use self::record::RecordedRequest;
pub use self::route::Operation;
pub use self::service::{Reset, SimService};
pub use self::settings::{Count, GetGroupBody, Histories, UnknownId};
pub use self::sim::Sim;
#[cfg(feature = "tcp")]
pub use self::tcp::Server;
pub use self::webhook::{Webhook, WebhookFault};
