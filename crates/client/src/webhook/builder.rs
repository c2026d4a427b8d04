//! How a receiver is made.

use std::fmt;
use std::sync::Arc;

use ultracart_transport::{Clock, TokioClock};

use super::credentials::Credentials;
use super::receiver::{Receiver, Shared};
use crate::config::Secret;
use crate::user_api::UserApi;

/// Makes a [`Receiver`]. It ends with who may deliver, so that nobody forgets to say so: [`basic_auth`] or [`no_auth`].
///
/// [`basic_auth`]: Self::basic_auth
/// [`no_auth`]: Self::no_auth
#[must_use = "it makes nothing until it is said who may deliver"]
pub struct Builder {
    api: Option<UserApi>,
    max_body: usize,
    max_unpacked: usize,
}

impl Receiver {
    /// Returns a builder for a receiver without a client: it reports events and invalidates nothing.
    ///
    /// ```
    /// use ultracart_client::webhook::Receiver;
    ///
    /// let receiver = Receiver::builder().basic_auth("Aladdin", "open sesame");
    /// let body = br#"{"events": [{"user_login": {"user_id": 7}}]}"#;
    /// let delivery = receiver.receive(Some(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), body)?;
    /// assert_eq!(delivery.events[0].user_id(), Some(7.into()));
    ///
    /// let refused = receiver.receive(None, body).unwrap_err();
    /// assert_eq!(refused.status(), 401);
    /// # Ok::<(), ultracart_client::webhook::Refused>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    fn new() -> Self {
        Self { api: None, max_body: 4 << 20, max_unpacked: 32 << 20 }
    }

    pub(super) fn of(api: UserApi) -> Self {
        Self { api: Some(api), ..Self::new() }
    }

    /// How many bytes a delivery may have as it comes: 4 MiB, if nothing else is said. A longer one is refused with a
    /// 413.
    ///
    /// UltraCart's `maximum_size` of the webhook should be less.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// How many bytes compressed events may have when they are unpacked: 32 MiB, if nothing else is said. Where there
    /// would be more the unpacking stops there, and the delivery is refused with a 413.
    ///
    /// It bounds their number, too. What is read of them takes about as much memory again, and of lists of empty
    /// objects, which only somebody else than UltraCart would send, sixty times as much.
    pub fn max_unpacked(mut self, bytes: usize) -> Self {
        self.max_unpacked = bytes;
        self
    }

    /// Takes deliveries with these credentials alone: `basic_username` and `basic_password` of the webhook.
    ///
    /// With an empty password nobody gets in: it is more likely to be missing than meant.
    pub fn basic_auth(self, user: &str, password: impl Into<Secret>) -> Receiver {
        self.build(Credentials::basic(user, &password.into()))
    }

    /// Takes deliveries from anybody. Whoever reaches the address can then make the client forget what it knows, and so
    /// spend calls: for what is behind something else that asks for credentials, and for tests.
    pub fn no_auth(self) -> Receiver {
        self.build(Credentials::None)
    }

    fn build(self, credentials: Credentials) -> Receiver {
        let Self { api, max_body, max_unpacked } = self;
        let clock: Arc<dyn Clock> = match &api {
            Some(api) => Arc::clone(api.client().transport.clock()),
            None => Arc::new(TokioClock::new()),
        };
        Receiver(Arc::new(Shared { api, credentials, max_body, max_unpacked, clock }))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("max_body", &self.max_body)
            .field("max_unpacked", &self.max_unpacked)
            .finish_non_exhaustive()
    }
}
