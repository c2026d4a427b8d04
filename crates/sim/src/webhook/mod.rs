//! The account's webhook: what it tells of users, to whom, and how that goes wrong.

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
pub(crate) use self::queue::Queue;

/// A webhook for what happens to users, by the API or behind its back: `user_create`, `user_update`, `user_delete` and
/// `user_login`. UltraCart has no events for groups, so nothing is told of a group that changes, nor of its members.
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
/// An event has the user as a `getUser` right then would have shown them; who is deleted, as they were. At most 10,000
/// events of 128 MiB in all wait to be delivered: beyond that those are lost that are due first.
#[derive(Clone, Debug)]
#[must_use = "a webhook is told of users when it is given to `Builder::webhook`"]
pub struct Webhook {
    credentials: Option<(String, Token)>,
    bundle: usize,
    encoding: Encoding,
}

/// How the events stand in a delivery.
#[derive(Clone, Copy, Debug)]
enum Encoding {
    /// As JSON.
    Plain,
    /// As UltraCart's `compress_events` has it: a string of base64 of gzip of the JSON.
    Compressed,
}

impl Webhook {
    /// A webhook without credentials, whose deliveries have one event each, as plain JSON.
    pub fn new() -> Self {
        Self { credentials: None, bundle: 1, encoding: Encoding::Plain }
    }

    /// Deliveries bring these credentials.
    pub fn basic_auth(mut self, user: &str, password: impl Into<Token>) -> Self {
        self.credentials = Some((user.to_owned(), password.into()));
        self
    }

    /// Up to so many events that are due come in one delivery.
    pub fn bundle(mut self, events: usize) -> Self {
        self.bundle = events.max(1);
        self
    }

    /// With `compress_events`: instead of a list, `events` is a string, base64 of gzip of the list's JSON.
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

/// What happened to a user.
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
