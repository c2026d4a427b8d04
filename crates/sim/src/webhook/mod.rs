//! The account's webhook: its settings, events, deliveries and faults.

mod delivery;
mod fault;
#[cfg(feature = "tcp")]
mod post;
mod queue;

use ultracart_model::Token;

pub(crate) use self::delivery::Delivery;
pub use self::fault::WebhookFault;
#[cfg(feature = "tcp")]
pub(crate) use self::post::{Target, post_all};
pub(crate) use self::queue::EventQueue;

/// A webhook for changes of users, whether by API calls or through [`Sim`](crate::Sim).
///
/// The events are `user_create`, `user_update`, `user_delete` and `user_login`. As in UltraCart, changes of
/// groups and of their members send no event.
///
/// ```
/// use ultracart_model::Text;
/// use ultracart_sim::{Sim, Webhook};
///
/// let webhook = Webhook::new().basic_auth("ultracart", "only-a-test");
/// let sim = Sim::builder().webhook(webhook).build();
/// sim.edit_user(7, |user| user.email = Some(Text::from("new@example.com")));
///
/// let deliveries = sim.take_deliveries();
/// assert_eq!(deliveries.len(), 1);
/// assert!(deliveries[0].body().starts_with(br#"{"events":[{"user_update":{"user_id":7,"#));
/// ```
///
/// An event contains the user as `getUser` would have returned it right after the change. The event of a
/// deletion contains the user as it was before. At most 10,000 events wait for delivery, and their total size
/// is at most 128 MiB. If an event exceeds one of these limits, the events that are due first are lost.
#[derive(Clone, Debug)]
#[must_use = "a webhook has no effect until it is passed to `SimBuilder::webhook`"]
pub struct Webhook {
    credentials: Option<(String, Token)>,
    bundle: usize,
    encoding: Encoding,
}

/// The encoding of the events in a delivery.
#[derive(Clone, Copy, Debug)]
enum Encoding {
    /// The events are JSON.
    Plain,
    /// The events are a base64 string of the gzipped JSON, as with UltraCart's `compress_events`.
    Compressed,
}

impl Webhook {
    /// Creates a webhook whose deliveries have no credentials and one event each, as plain JSON.
    pub fn new() -> Self {
        Self { credentials: None, bundle: 1, encoding: Encoding::Plain }
    }

    /// Sends these credentials with each delivery, by basic authentication.
    pub fn basic_auth(mut self, user: &str, password: impl Into<Token>) -> Self {
        self.credentials = Some((user.to_owned(), password.into()));
        self
    }

    /// Sets the maximum number of events in one delivery, 1 by default.
    pub fn bundle(mut self, events: usize) -> Self {
        self.bundle = events.max(1);
        self
    }

    /// Compresses the events as with UltraCart's `compress_events`: `events` is a base64 string of the
    /// gzipped JSON list.
    pub fn compressed(mut self) -> Self {
        self.encoding = Encoding::Compressed;
        self
    }
}

impl Default for Webhook {
    fn default() -> Self {
        Self::new()
    }
}

/// The kind of a webhook event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Create,
    Update,
    Delete,
    Login,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "user_create",
            Self::Update => "user_update",
            Self::Delete => "user_delete",
            Self::Login => "user_login",
        }
    }
}
