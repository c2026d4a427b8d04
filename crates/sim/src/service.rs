//! The account as a tower service over HTTP requests.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Response, StatusCode};
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::body::{self, Body};
use crate::call::{Delivery, Outcome, Taken};
use crate::clock::{Clock, sleep};
use crate::flight::Flight;
use crate::reply::{Reply, header_value};
use crate::state::Shared;

/// The account as a [`Service`](tower_service::Service) from a request with its whole body to an answer.
///
/// The scheme and the host of a request are ignored.
#[derive(Clone)]
pub struct SimService {
    shared: Arc<Shared>,
}

/// Error: the connection was reset before an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reset;

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection reset by the simulated account")
    }
}

impl std::error::Error for Reset {}

impl SimService {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Answers one request, which arrives when the future is first polled.
    async fn answer(shared: Arc<Shared>, request: Request<Bytes>) -> Result<Response<Body>, Reset> {
        let Taken { flight, wait, outcome } = shared.take(&request);
        if !wait.is_zero() {
            sleep(wait).await;
        }
        let flight = match outcome {
            Outcome::Hang => pending().await,
            Outcome::Reset | Outcome::Answer(..) => flight.map(Flight::answered),
        };
        match outcome {
            Outcome::Answer(reply, delivery) => Ok(respond(&shared.clock, reply, delivery, flight)),
            Outcome::Reset | Outcome::Hang => Err(Reset),
        }
    }
}

fn respond(clock: &Clock, reply: Reply, delivery: Delivery, flight: Option<Flight>) -> Response<Body> {
    let length = reply.body.len();
    let steps = match delivery {
        Delivery::Whole => body::whole(&reply.body),
        Delivery::Slow(duration) => body::slow(&reply.body, duration),
        Delivery::Cut => body::cut(&reply.body),
        Delivery::Huge(bytes) => body::huge(bytes),
    };
    let mut response = Response::new(Body::new(steps, flight));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    if !matches!(delivery, Delivery::Huge(_)) && reply.status != StatusCode::NO_CONTENT {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&clock.wall()) {
        headers.insert(DATE, header_value(&date));
    }
    response
}

impl tower_service::Service<Request<Bytes>> for SimService {
    type Response = Response<Body>;
    type Error = Reset;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Reset>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Reset>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        Box::pin(Self::answer(Arc::clone(&self.shared), request))
    }
}

impl fmt::Debug for SimService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimService").finish_non_exhaustive()
    }
}
