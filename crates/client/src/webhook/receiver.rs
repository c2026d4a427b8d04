//! The receiver of deliveries.

use std::fmt;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http_body::Body;
use tracing::debug;
use ultracart_model::Event;
use ultracart_transport::Clock;

use super::credentials::Credentials;
use super::error::{DeliveryError, Reason};
use super::{body, decode};
use crate::user_api::UserApi;

/// Receives the deliveries of UltraCart's webhooks. Clones share everything.
///
/// [`Client::webhook`](crate::Client::webhook) builds one that invalidates the client's cache.
/// [`Receiver::builder`] builds one without a client. The [module](super) describes which deliveries are
/// refused.
///
/// A receiver makes no call and waits only for the body of a request. Decoding takes some milliseconds for
/// each MiB.
#[derive(Clone)]
pub struct Receiver(pub(super) Arc<ReceiverState>);

pub(super) struct ReceiverState {
    pub(super) api: Option<UserApi>,
    pub(super) credentials: Credentials,
    pub(super) max_body: usize,
    pub(super) max_decompressed: usize,
    pub(super) clock: Arc<dyn Clock>,
}

/// A delivery that was accepted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Delivery {
    /// The events, in the order of the delivery.
    pub events: Vec<Event>,
}

impl Receiver {
    /// Receives a delivery as bytes: the `Authorization` header, if there is one, and the whole body.
    ///
    /// When it returns, the values that the events affect are already invalidated in the client's cache.
    ///
    /// # Errors
    /// If the credentials are wrong, or the body is too large or cannot be decoded. Nothing is invalidated
    /// then. [`DeliveryError`] has the response to send.
    pub fn receive(&self, authorization: Option<&[u8]>, body: &[u8]) -> Result<Delivery, DeliveryError> {
        self.authorize(authorization).and_then(|()| self.apply(body)).inspect_err(log)
    }

    /// Receives a delivery as a request, with any method and path. Reads its body for at most 20 seconds.
    ///
    /// # Errors
    /// If the credentials are wrong: then the body is not read. Several `Authorization` headers in one
    /// request count as wrong credentials.
    ///
    /// If the body is too large, too slow or incomplete, or cannot be decoded.
    ///
    /// # Cancel safety
    /// Dropping the future while it reads the body has no effect on the cache.
    pub async fn receive_request<B: Body<Data = Bytes>>(
        &self,
        request: http::Request<B>,
    ) -> Result<Delivery, DeliveryError> {
        let delivery = async {
            self.authorize(authorization(request.headers()))?;
            self.apply(&body::read(request.into_body(), self.0.max_body, &*self.0.clock).await?)
        };
        delivery.await.inspect_err(log)
    }

    /// Returns an axum router that receives deliveries by `POST` at `path`, such as `/ultracart`.
    ///
    /// The response is an empty 200, the response of a [`DeliveryError`], or a 405 for methods other than
    /// `POST`. The server that runs the router must limit the number of connections and the time to read a
    /// request's head.
    ///
    /// # Panics
    /// If axum does not accept the path, for example because it does not begin with a slash.
    pub fn router(&self, path: &str) -> axum::Router {
        let receiver = self.clone();
        let hook =
            |request: Request| async move { receiver.receive_request(request).await.map(|_| StatusCode::OK) };
        axum::Router::new().route(path, post(hook))
    }

    fn authorize(&self, authorization: Option<&[u8]>) -> Result<(), DeliveryError> {
        if self.0.credentials.accept(authorization) {
            Ok(())
        } else {
            Err(DeliveryError(Reason::Credentials))
        }
    }

    /// Decodes the events and invalidates what they affect.
    fn apply(&self, body: &[u8]) -> Result<Delivery, DeliveryError> {
        let ReceiverState { max_body, max_decompressed, .. } = *self.0;
        if body.len() > max_body {
            return Err(DeliveryError(Reason::TooLarge { max: max_body }));
        }
        let events = decode::events(body, max_decompressed)?;
        debug!(events = events.len(), "webhook delivery");
        if let Some(api) = &self.0.api {
            for event in &events {
                api.client().caches.on_event(event);
            }
        }
        Ok(Delivery { events })
    }
}

/// Returns the value of the `Authorization` header, if there is exactly one.
fn authorization(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

fn log(refused: &DeliveryError) {
    debug!(reason = %refused, "webhook delivery refused");
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("credentials", &self.0.credentials)
            .field("max_body", &self.0.max_body)
            .field("max_decompressed", &self.0.max_decompressed)
            .finish_non_exhaustive()
    }
}
