//! From a request to what it changes.

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
use super::refused::{Reason, Refused};
use super::{body, unpack};
use crate::user_api::UserApi;

/// Takes what UltraCart's webhooks deliver. Clones share everything.
///
/// It is made by [`Client::webhook`](crate::Client::webhook), or by [`Receiver::builder`] where there is no client that
/// remembers anything. See the [module](super) for what it takes and what it refuses.
///
/// It makes no call, and waits for nothing but the body of a request. To read it takes some milliseconds for each MiB.
#[derive(Clone)]
pub struct Receiver(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) api: Option<UserApi>,
    pub(super) credentials: Credentials,
    pub(super) max_body: usize,
    pub(super) max_unpacked: usize,
    pub(super) clock: Arc<dyn Clock>,
}

/// A delivery that was taken.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Delivery {
    /// What happened, in the order in which it stands there.
    pub events: Vec<Event>,
}

impl Receiver {
    /// Takes a delivery, in any framework: the `Authorization` header, if there is one, and the whole body.
    ///
    /// When it returns, the client has forgotten what the events have made old.
    ///
    /// # Errors
    /// If the credentials are wrong (then the body is not looked at), or the body is too long or cannot be read.
    /// Nothing is forgotten then. [`Refused`] says what to answer.
    pub fn receive(&self, authorization: Option<&[u8]>, body: &[u8]) -> Result<Delivery, Refused> {
        self.admit(authorization).and_then(|()| self.take(body)).inspect_err(log)
    }

    /// Takes a request, whatever its method and path. Its body is read no further than it is needed, and for 20 seconds
    /// at the most.
    ///
    /// # Errors
    /// As [`receive`](Self::receive), and if the body is too slow or breaks off. The credentials are looked at before
    /// the body is asked for. A request with several `Authorization` headers has none that counts.
    ///
    /// # Cancel safety
    /// Dropped while it waits for the body it has done nothing.
    pub async fn accept<B: Body<Data = Bytes>>(
        &self,
        request: http::Request<B>,
    ) -> Result<Delivery, Refused> {
        let delivery = async {
            self.admit(authorization(request.headers()))?;
            self.take(&body::read(request.into_body(), self.0.max_body, &*self.0.clock).await?)
        };
        delivery.await.inspect_err(log)
    }

    /// An axum router that takes what is posted to `path`, answers with an empty 200 or with what a [`Refused`] says,
    /// and to other methods with a 405.
    ///
    /// How many connections there may be, and how long the head of a request may take, is the server's affair.
    ///
    /// # Panics
    /// If axum takes no such path: it begins with a slash.
    pub fn router(&self, path: &str) -> axum::Router {
        let receiver = self.clone();
        let hook = |request: Request| async move { receiver.accept(request).await.map(|_| StatusCode::OK) };
        axum::Router::new().route(path, post(hook))
    }

    fn admit(&self, authorization: Option<&[u8]>) -> Result<(), Refused> {
        if self.0.credentials.admit(authorization) { Ok(()) } else { Err(Refused(Reason::Credentials)) }
    }

    fn take(&self, body: &[u8]) -> Result<Delivery, Refused> {
        let Shared { max_body, max_unpacked, .. } = *self.0;
        if body.len() > max_body {
            return Err(Refused(Reason::TooLong { max: max_body }));
        }
        let events = unpack::events(body, max_unpacked)?;
        debug!(events = events.len(), "webhook delivery");
        if let Some(api) = &self.0.api {
            for event in &events {
                api.client().caches.on_event(event);
            }
        }
        Ok(Delivery { events })
    }
}

/// The one header that counts.
fn authorization(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

fn log(refused: &Refused) {
    debug!(reason = %refused, "webhook delivery refused");
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("credentials", &self.0.credentials)
            .field("max_body", &self.0.max_body)
            .field("max_unpacked", &self.0.max_unpacked)
            .finish_non_exhaustive()
    }
}
