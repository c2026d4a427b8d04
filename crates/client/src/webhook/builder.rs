//! The builder of a webhook receiver.

use std::fmt;
use std::sync::Arc;

use ultracart_transport::{Clock, TokioClock};

use super::credentials::Credentials;
use super::receiver::{Receiver, ReceiverState};
use crate::config::Secret;
use crate::user_api::UserApi;

/// Builds a [`Receiver`].
///
/// [`basic_auth`] and [`no_auth`] return the receiver; there is no `build`, so that the credentials cannot be
/// forgotten:
///
/// ```
/// use ultracart_client::webhook::Receiver;
///
/// let receiver = Receiver::builder().max_body(1 << 20).basic_auth("ultracart", "the password");
/// ```
///
/// [`basic_auth`]: Self::basic_auth
/// [`no_auth`]: Self::no_auth
#[must_use = "a receiver is built by `basic_auth` or `no_auth`"]
pub struct ReceiverBuilder {
    api: Option<UserApi>,
    max_body: usize,
    max_decompressed: usize,
}

impl Receiver {
    /// Returns a builder for a receiver without a client. It decodes events and invalidates nothing.
    ///
    /// [`Client::webhook`](crate::Client::webhook) returns a builder for a receiver that invalidates the
    /// client's cache.
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
    /// # Ok::<(), ultracart_client::webhook::DeliveryError>(())
    /// ```
    pub fn builder() -> ReceiverBuilder {
        ReceiverBuilder::new()
    }
}

impl ReceiverBuilder {
    fn new() -> Self {
        Self { api: None, max_body: 4 << 20, max_decompressed: 32 << 20 }
    }

    pub(super) fn with_api(api: UserApi) -> Self {
        Self { api: Some(api), ..Self::new() }
    }

    /// Sets the maximum size of a delivery in bytes, 4 MiB by default. A larger one is refused with status
    /// 413.
    ///
    /// The `maximum_size` of the webhook in UltraCart should be less than this maximum.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets the maximum size in bytes of the decompressed events of one delivery, 32 MiB by default. If they
    /// are larger, decompression stops at the maximum, and the delivery is refused with status 413.
    ///
    /// This also limits the memory that compressed events take. The decompressed JSON takes up to the
    /// maximum, and the decoded events usually take about as much again. One case takes far more: a decoded
    /// list of empty objects is sixty times as large as its JSON. UltraCart does not send such lists.
    pub fn max_decompressed(mut self, bytes: usize) -> Self {
        self.max_decompressed = bytes;
        self
    }

    /// Accepts only deliveries with these credentials: `basic_username` and `basic_password` of the webhook.
    ///
    /// If the password is empty, the receiver refuses every delivery, since the password is probably missing
    /// by mistake.
    pub fn basic_auth(self, user: &str, password: impl Into<Secret>) -> Receiver {
        self.build(Credentials::basic(user, &password.into()))
    }

    /// Accepts deliveries without credentials, for tests and behind a proxy that checks credentials. Anyone
    /// who can reach the URL can then invalidate the cache, which makes the client spend calls.
    pub fn no_auth(self) -> Receiver {
        self.build(Credentials::None)
    }

    fn build(self, credentials: Credentials) -> Receiver {
        let Self { api, max_body, max_decompressed } = self;
        let clock: Arc<dyn Clock> = match &api {
            Some(api) => Arc::clone(api.client().transport.clock()),
            None => Arc::new(TokioClock::new()),
        };
        Receiver(Arc::new(ReceiverState { api, credentials, max_body, max_decompressed, clock }))
    }
}

impl fmt::Debug for ReceiverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverBuilder")
            .field("max_body", &self.max_body)
            .field("max_decompressed", &self.max_decompressed)
            .finish_non_exhaustive()
    }
}
