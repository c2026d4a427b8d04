//! The builder of a webhook receiver.

use std::fmt;
use std::sync::Arc;

use ultracart_transport::{Clock, TokioClock};

use super::credentials::Credentials;
use super::receiver::{Receiver, Shared};
use crate::config::Secret;
use crate::user_api::UserApi;

/// Builds a [`Receiver`]. Its last call is [`basic_auth`] or [`no_auth`], so that nobody forgets to decide who may deliver.
///
/// [`basic_auth`]: Self::basic_auth
/// [`no_auth`]: Self::no_auth
#[must_use = "a receiver is built by `basic_auth` or `no_auth`"]
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

    /// Sets the largest delivery in bytes, 4 MiB by default. A longer one is refused with a 413.
    ///
    /// UltraCart's `maximum_size` of the webhook should be less.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets the largest size in bytes of compressed events after unpacking, 32 MiB by default. Beyond it unpacking stops,
    /// and the delivery is refused with a 413.
    ///
    /// This also bounds the number of events. Decoded events take about as much memory again; lists of empty objects,
    /// which UltraCart does not send, take sixty times as much.
    pub fn max_unpacked(mut self, bytes: usize) -> Self {
        self.max_unpacked = bytes;
        self
    }

    /// Accepts only deliveries with these credentials: `basic_username` and `basic_password` of the webhook.
    ///
    /// An empty password accepts no delivery: it is more likely missing than intended.
    pub fn basic_auth(self, user: &str, password: impl Into<Secret>) -> Receiver {
        self.build(Credentials::basic(user, &password.into()))
    }

    /// Accepts deliveries from anybody, for tests and behind a proxy that checks credentials. Anybody who reaches the
    /// address can invalidate the cache and so spend calls.
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
