//! Decides the response to a request when it arrives.
//!
//! The checks are made in this order: calls in flight, windows, scripted faults, path, API version,
//! credentials, scopes. The operation's own checks come last. A call that passes the first two checks counts
//! against the windows, even if it fails a later check. A scripted 429 is an exception: by default, it does
//! not count.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, RETRY_AFTER};
use http::{Method, Request, StatusCode};
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::fault::{Action, Fault, RetryAfter};
use crate::in_flight_guard::InFlightGuard;
use crate::limits::Scope;
use crate::operations::{self, Context};
use crate::record::RecordedRequest;
use crate::response::{ApiError, BufferedResponse};
use crate::route::{Operation, Route, route};
use crate::settings::Count;
use crate::state::{LOOPBACK, Shared, State};

const API_VERSION: HeaderName = HeaderName::from_static("x-ultracart-api-version");
const VERSION: &str = "2017-03-01";

/// A request extension with the client's IP address. Without it, the address is `127.0.0.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerIp(pub IpAddr);

/// What happens to a request that has arrived, and when.
pub(crate) struct ScheduledResponse {
    /// Keeps the call in flight. `None` if a limit rejected the call, or if it is a token call that the
    /// limits ignore.
    pub(crate) guard: Option<InFlightGuard>,
    /// Time from the request's arrival to the outcome.
    pub(crate) delay: Duration,
    pub(crate) outcome: Outcome,
}

/// How a call ends.
pub(crate) enum Outcome {
    Respond(BufferedResponse, BodyMode),
    Reset,
    Hang,
}

/// How a response body is sent.
#[derive(Clone, Copy)]
pub(crate) enum BodyMode {
    Whole,
    Slow(Duration),
    Cut,
    Huge(u64),
}

/// A request with its route and its application.
struct Arrival<'a> {
    request: &'a Request<Bytes>,
    route: Route<'a>,
    application: Option<String>,
    now: Duration,
}

impl Shared {
    /// Decides the response to a request, and counts and records the call.
    pub(crate) fn receive(self: &Arc<Self>, request: &Request<Bytes>) -> ScheduledResponse {
        let now = self.clock.now();
        let peer = request.extensions().get::<PeerIp>().map_or(LOOPBACK, |peer| peer.0);
        let keep = self.settings.record_requests;
        let record = (keep > 0).then(|| RecordedRequest::new(request, now, peer));
        let mut locked = self.lock();
        let state = &mut *locked;
        let route = route(request.method(), request.uri().path());
        let operation = route.operation();
        let is_token = operation == Some(Operation::OauthAccessToken);
        let application = if is_token {
            // A token call names its application in its form, not in its headers.
            operations::client_id(request).filter(|id| state.credentials.refresh_token(id).is_some())
        } else {
            state.credentials.application(request.headers(), now)
        };
        let arrival = Arrival { request, route, application, now };

        let scopes: Vec<Scope> = if is_token && self.settings.count_token_calls == Count::No {
            Vec::new()
        } else {
            arrival.application.iter().cloned().map(Scope::Application).chain([Scope::Ip(peer)]).collect()
        };
        let others = state.calls_in_flight.others(&scopes, now);
        state.records.calls += u64::from(!is_token);
        state.records.overlaps += u64::from(others.any > 0);

        let rejection = if others.busiest >= self.settings.max_in_flight {
            Some(self.settings.concurrency_message.clone())
        } else {
            state.limits.first_full_window(&scopes, now).map(ToString::to_string)
        };
        let (call_id, extra_delay, outcome) = if let Some(message) = rejection {
            state.records.rejections += 1;
            if self.settings.count_rejected == Count::Yes {
                state.limits.count(&scopes, now);
            }
            (
                None,
                Duration::ZERO,
                Outcome::Respond(self.too_many(message, &RetryAfter::None), BodyMode::Whole),
            )
        } else {
            let fault = state.faults.next(operation);
            let is_rejected =
                fault.as_ref().is_some_and(|fault| matches!(fault.action, Action::TooManyRequests { .. }));
            if !is_rejected || self.settings.count_rejected == Count::Yes {
                state.limits.count(&scopes, now);
            }
            let call_id = (!scopes.is_empty()).then(|| state.calls_in_flight.start(scopes));
            let (outcome, delay) = self.outcome(state, &arrival, fault);
            (call_id, delay, outcome)
        };
        let delay = self.settings.latency.saturating_add(extra_delay);
        let guard = call_id.map(|id| InFlightGuard::new(Arc::clone(self), id, now.saturating_add(delay)));

        if let Some(mut record) = record {
            record.operation = operation;
            record.in_flight = others.any;
            if let Outcome::Respond(response, _) = &outcome {
                record.status = Some(response.status);
            }
            state.records.push(record, keep);
        }
        ScheduledResponse { guard, delay, outcome }
    }

    /// Carries out a call that is within the limits. Returns its outcome, and the delay that a fault adds to
    /// the configured latency.
    fn outcome(&self, state: &mut State, arrival: &Arrival<'_>, fault: Option<Fault>) -> (Outcome, Duration) {
        let Some(fault) = fault else {
            return (Outcome::Respond(self.perform(state, arrival), BodyMode::Whole), Duration::ZERO);
        };
        let normal = fault.takes_effect.then(|| self.perform(state, arrival));
        let normal = normal.unwrap_or_else(|| BufferedResponse::empty(StatusCode::OK));
        let respond = |response| Outcome::Respond(response, BodyMode::Whole);
        let outcome = match fault.action {
            Action::TooManyRequests { message, retry_after } => {
                let message = message.unwrap_or_else(|| state.limits.default_message());
                respond(self.too_many(message, &retry_after))
            }
            Action::Error(status, message) => {
                respond(ApiError::new(status, message).into_response(&self.settings.merchant_id))
            }
            Action::Response(scripted) => {
                let (parts, body) = scripted.into_parts();
                respond(BufferedResponse { status: parts.status, headers: parts.headers, body })
            }
            Action::SlowHeaders(delay) => return (respond(normal), delay),
            Action::SlowBody(duration) => Outcome::Respond(normal, BodyMode::Slow(duration)),
            // An empty body cannot be cut: the connection is reset instead.
            Action::CutBody if normal.body.is_empty() => Outcome::Reset,
            Action::CutBody => Outcome::Respond(normal, BodyMode::Cut),
            Action::HugeBody(bytes) => {
                Outcome::Respond(BufferedResponse::json(StatusCode::OK, Bytes::new()), BodyMode::Huge(bytes))
            }
            Action::Reset => Outcome::Reset,
            Action::Hang => Outcome::Hang,
        };
        (outcome, Duration::ZERO)
    }

    fn too_many(&self, message: String, retry_after: &RetryAfter) -> BufferedResponse {
        let response =
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, message).into_response(&self.settings.merchant_id);
        let value = match retry_after {
            RetryAfter::None => return response,
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Date(from_now) => {
                let at = self.clock.wall().saturating_add(*from_now).unwrap_or(jiff::Timestamp::MAX);
                DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
            }
            RetryAfter::Text(text) => text.clone(),
        };
        response.header(RETRY_AFTER, &value)
    }

    /// Executes a call and returns the response. An error becomes an error response.
    fn perform(&self, state: &mut State, arrival: &Arrival<'_>) -> BufferedResponse {
        self.try_perform(state, arrival)
            .unwrap_or_else(|error| error.into_response(&self.settings.merchant_id))
    }

    fn try_perform(&self, state: &mut State, arrival: &Arrival<'_>) -> Result<BufferedResponse, ApiError> {
        let (operation, id) = match &arrival.route {
            Route::Operation(operation, id) => (*operation, *id),
            Route::WrongMethod { allow } => {
                let error =
                    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "This path does not support the method.");
                return Err(error.allow(allow.clone()));
            }
            Route::UnknownPath => return Err(ApiError::new(StatusCode::NOT_FOUND, "There is no such path.")),
        };
        let headers = arrival.request.headers();
        if operation == Operation::OauthAccessToken {
            return Ok(operations::token(state, arrival.request, &self.settings.merchant_id, arrival.now));
        }
        if headers.get(API_VERSION).is_none_or(|version| version != VERSION) {
            let message = format!("The header X-UltraCart-Api-Version must be {VERSION}.");
            return Err(ApiError::bad_request(message));
        }
        let Some(application) = &arrival.application else {
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, "Invalid credentials."));
        };
        let scope = if arrival.request.method() == Method::GET { "user_read" } else { "user_write" };
        if !state.credentials.has_scope(application, scope) {
            let message = format!("The application does not have the scope {scope}.");
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, message));
        }
        let context = Context { settings: &self.settings, wall: self.clock.wall(), request: arrival.request };
        operations::perform(operation, id, state, &context)
    }
}
