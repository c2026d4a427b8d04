//! The account as a tower service.

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
use crate::call::{BodyMode, Outcome, ScheduledResponse};
use crate::clock::{Clock, sleep};
use crate::in_flight_guard::InFlightGuard;
use crate::response::{BufferedResponse, header_value};
use crate::state::Shared;

/// A tower [`Service`](tower_service::Service) that responds to requests in process.
///
/// A request has its whole body as [`Bytes`]. The scheme and host of the request are ignored.
///
/// # Cancel safety
/// When the future is first polled, the request arrives and a write takes effect. Dropping the future later
/// does not undo the write.
#[derive(Clone)]
pub struct SimService {
    shared: Arc<Shared>,
}

/// Error: the connection was reset before a response.
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

    /// Responds to one request, which arrives when the future is first polled.
    async fn respond_to(shared: Arc<Shared>, request: Request<Bytes>) -> Result<Response<Body>, Reset> {
        let ScheduledResponse { guard, delay, outcome } = shared.receive(&request);
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let guard = match outcome {
            Outcome::Hang => pending().await,
            Outcome::Reset | Outcome::Respond(..) => guard.map(InFlightGuard::responded),
        };
        match outcome {
            Outcome::Respond(response, mode) => Ok(build_response(&shared.clock, response, mode, guard)),
            Outcome::Reset | Outcome::Hang => Err(Reset),
        }
    }
}

fn build_response(
    clock: &Clock,
    buffered: BufferedResponse,
    mode: BodyMode,
    guard: Option<InFlightGuard>,
) -> Response<Body> {
    let length = buffered.body.len();
    let steps = match mode {
        BodyMode::Whole => body::whole(&buffered.body),
        BodyMode::Slow(duration) => body::slow(&buffered.body, duration),
        BodyMode::Cut => body::cut(&buffered.body),
        BodyMode::Huge(bytes) => body::huge(bytes),
    };
    let mut response = Response::new(Body::new(steps, guard));
    *response.status_mut() = buffered.status;
    *response.headers_mut() = buffered.headers;
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    if !matches!(mode, BodyMode::Huge(_)) && buffered.status != StatusCode::NO_CONTENT {
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
        Box::pin(Self::respond_to(Arc::clone(&self.shared), request))
    }
}

impl fmt::Debug for SimService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimService").finish_non_exhaustive()
    }
}
