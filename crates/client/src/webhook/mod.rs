//! UltraCart's webhooks: to know at once of what others change, without a call.
//!
//! UltraCart sends what happened to users (`user_create`, `user_update`, `user_delete`, `user_login`) as a POST of JSON
//! to an address of yours. A [`Receiver`] checks who sends it, reads it and has its client forget what it has made old,
//! so that the next call that would have been answered from what is remembered goes to the server. There are no
//! events of groups. Those of users drop what is remembered of groups, too, since each names the other; but a group
//! that is renamed is known only when `cache.groups.ttl` is up.
//!
//! With axum:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ultracart_client::Client;
//!
//! let client = Client::builder().simple_key("…").build()?;
//! // As configured at the webhook in UltraCart: `basic_username`, `basic_password`.
//! let receiver = client.webhook().basic_auth("ultracart", std::env::var("WEBHOOK_PASSWORD")?);
//! let app: axum::Router = axum::Router::new().merge(receiver.router("/ultracart"));
//! # Ok(())
//! # }
//! ```
//!
//! A handler of one's own learns what happened, and whatever framework there is, [`Receiver::receive`] takes bytes:
//!
//! ```
//! use axum::extract::{Request, State};
//! use ultracart_client::webhook::{Receiver, Refused};
//!
//! async fn hook(State(receiver): State<Receiver>, request: Request) -> Result<(), Refused> {
//!     for event in receiver.accept(request).await?.events {
//!         println!("{}: {:?}", event.name(), event.user_id());
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # What UltraCart does
//! It sends several events at once, and the same event again until somebody has answered with a 200, within 30 seconds.
//! So events come late, twice and in another order. Compressed (`compress_events`) they are read as well. The
//! credentials and the users in an event are as open as the way they come: the address has to be an `https:` one, and
//! where a proxy ends it, what is behind has to be your own.
//!
//! # What is refused, and what is not
//! A delivery is taken as a whole or not at all, and one that cannot be read changes nothing: it is refused, and
//! UltraCart's list of webhooks shows that it fails. But an event whose user has a shape that nobody knows is taken:
//! the user is forgotten, so that the next call reads it, where it would otherwise be sent again forever and hold up
//! all that comes with it. The same goes for events of other things, which are passed over.

mod body;
mod builder;
mod credentials;
mod receiver;
mod refused;
mod unpack;

#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use receiver::{Delivery, Receiver};
pub use refused::Refused;

use crate::client::Client;

impl Client {
    /// Receives UltraCart's webhooks on behalf of this client, once it is said who may deliver them:
    ///
    /// ```no_run
    /// # fn example(client: ultracart_client::Client, password: ultracart_client::config::Secret) {
    /// let receiver = client.webhook().basic_auth("ultracart", password);
    /// # }
    /// ```
    pub fn webhook(&self) -> Builder {
        Builder::of(self.user_api())
    }
}
