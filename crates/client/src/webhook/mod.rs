//! Receives UltraCart's webhooks, so that changes made elsewhere invalidate the cache at once and without a
//! call.
//!
//! UltraCart reports events of users (`user_create`, `user_update`, `user_delete`, `user_login`) by a POST of
//! JSON to a URL of yours. A [`Receiver`] checks the credentials, decodes the events and invalidates what
//! they affect in the cache of its client. The next read of an invalidated value makes a call.
//!
//! UltraCart has no events of groups. An event about a changed user also invalidates groups, since groups and
//! users list each other. But a renamed group is noticed only after `cache.groups.ttl`.
//!
//! While events of users arrive, users and logins stay cached for `cache.webhook_ttl` (1 hour by default) if
//! that is longer than their own `ttl`.
//!
//! [`Receiver::router`] makes an axum router:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ultracart_client::Client;
//!
//! let client = Client::builder().simple_key("…").build()?;
//! // The `basic_username` and `basic_password` of the webhook in UltraCart.
//! let receiver = client.webhook().basic_auth("ultracart", std::env::var("WEBHOOK_PASSWORD")?);
//! let app: axum::Router = axum::Router::new().merge(receiver.router("/ultracart"));
//! # Ok(())
//! # }
//! ```
//!
//! [`Receiver::receive_request`] receives a request in a handler of your own and returns the events. For
//! frameworks other than axum, [`Receiver::receive`] takes bytes.
//!
//! ```
//! use axum::extract::{Request, State};
//! use ultracart_client::webhook::{Receiver, DeliveryError};
//!
//! async fn hook(State(receiver): State<Receiver>, request: Request) -> Result<(), DeliveryError> {
//!     for event in receiver.receive_request(request).await?.events {
//!         println!("{}: {:?}", event.name(), event.user_id());
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Deliveries
//! UltraCart sends several events in one delivery. It repeats a delivery until it gets a 200 within 30
//! seconds. So events can arrive late, twice and out of order. Compressed events (`compress_events`) are
//! supported.
//!
//! A delivery contains the credentials and personal data. Use an `https:` URL. If a proxy terminates TLS, the
//! network behind it must be trusted.
//!
//! # Refused deliveries
//! A delivery is applied as a whole or not at all. One that cannot be decoded changes nothing and gets an
//! error response; UltraCart's list of webhooks then shows that it failed.
//!
//! An event whose user cannot be decoded is accepted. If it were refused, UltraCart would send the whole
//! delivery again and again. If even the `user_id` cannot be decoded, the event counts as an event about
//! every user. Events that are not about users are ignored.

mod body;
mod builder;
mod credentials;
mod decode;
mod error;
mod receiver;

#[cfg(test)]
mod tests;

pub use builder::ReceiverBuilder;
pub use error::DeliveryError;
pub use receiver::{Delivery, Receiver};

use crate::client::Client;

impl Client {
    /// Returns a builder for a receiver of UltraCart's webhooks that invalidates this client's cache.
    ///
    /// ```no_run
    /// # fn example(client: ultracart_client::Client, password: ultracart_client::config::Secret) {
    /// let receiver = client.webhook().basic_auth("ultracart", password);
    /// # }
    /// ```
    pub fn webhook(&self) -> ReceiverBuilder {
        ReceiverBuilder::with_api(self.user_api())
    }
}
