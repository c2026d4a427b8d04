//! Decides the answer of a request at the moment it arrives.
//!
//! In this order: calls in flight, windows, a scripted fault, the path, the API version, credentials and scopes, and then
//! the operation. So a call that is refused for any other reason than a limit has cost a call.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, RETRY_AFTER};
use http::{Method, Request, StatusCode};
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::fault::{Action, Fault, RetryAfter};
use crate::flight::Flight;
use crate::limits::Scope;
use crate::operations::{self, Context};
use crate::record::RecordedRequest;
use crate::reply::{Problem, Reply};
use crate::route::{Operation, Route, route};
use crate::settings::Count;
use crate::state::{LOOPBACK, Shared, State};

const API_VERSION: HeaderName = HeaderName::from_static("x-ultracart-api-version");
const VERSION: &str = "2017-03-01";

/// The address that a request comes from, as an extension of the request; without it, `127.0.0.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerIp(pub IpAddr);

/// A request that has arrived, with the answer it will get.
pub(crate) struct Taken {
    /// `None` if a limit refused the call, or no limit counts it.
    pub(crate) flight: Option<Flight>,
    /// Time until the answer.
    pub(crate) wait: Duration,
    pub(crate) outcome: Outcome,
}

pub(crate) enum Outcome {
    Answer(Reply, Delivery),
    Reset,
    Hang,
}

/// The way in which a body is sent.
#[derive(Clone, Copy)]
pub(crate) enum Delivery {
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
    pub(crate) fn take(self: &Arc<Self>, request: &Request<Bytes>) -> Taken {
        let now = self.clock.now();
        let peer = request.extensions().get::<PeerIp>().map_or(LOOPBACK, |peer| peer.0);
        let keep = self.settings.keep_requests;
        let record = (keep > 0).then(|| RecordedRequest::new(request, now, peer));
        let mut guard = self.lock();
        let state = &mut *guard;
        let route = route(request.method(), request.uri().path());
        let operation = route.operation();
        let is_token = operation == Some(Operation::OauthAccessToken);
        let application = if is_token {
            // A token call has no credential in its headers yet.
            operations::client_id(request).filter(|id| state.credentials.refresh_token(id).is_some())
        } else {
            state.credentials.application(request.headers(), now)
        };
        let arrival = Arrival { request, route, application, now };

        let scopes: Vec<Scope> = if is_token && self.settings.count_tokens == Count::No {
            Vec::new()
        } else {
            arrival.application.iter().cloned().map(Scope::Application).chain([Scope::Ip(peer)]).collect()
        };
        let others = state.flights.others(&scopes, now);
        state.records.calls += u64::from(!is_token);
        state.records.overlaps += u64::from(others.any > 0);

        let refusal = if others.busiest >= self.settings.max_in_flight {
            Some(self.settings.concurrency_message.clone())
        } else {
            state.limits.full(&scopes, now).map(ToString::to_string)
        };
        let (flight, extra_wait, outcome) = if let Some(message) = refusal {
            state.records.rejections += 1;
            if self.settings.count_rejected == Count::Yes {
                state.limits.count(&scopes, now);
            }
            (
                None,
                Duration::ZERO,
                Outcome::Answer(self.too_many(message, &RetryAfter::None), Delivery::Whole),
            )
        } else {
            let fault = state.faults.next(operation);
            let is_rejected =
                fault.as_ref().is_some_and(|fault| matches!(fault.action, Action::TooManyRequests { .. }));
            if !is_rejected || self.settings.count_rejected == Count::Yes {
                state.limits.count(&scopes, now);
            }
            let flight = (!scopes.is_empty()).then(|| state.flights.start(scopes));
            let (outcome, wait) = self.outcome(state, &arrival, fault);
            (flight, wait, outcome)
        };
        let wait = self.settings.latency.saturating_add(extra_wait);
        let flight = flight.map(|id| Flight::new(Arc::clone(self), id, now.saturating_add(wait)));

        if let Some(mut record) = record {
            record.operation = operation;
            record.in_flight = others.any;
            if let Outcome::Answer(reply, _) = &outcome {
                record.status = Some(reply.status);
            }
            state.records.push(record, keep);
        }
        Taken { flight, wait, outcome }
    }

    /// Returns the outcome of a call that no limit refuses, and the time that it takes longer than others.
    fn outcome(&self, state: &mut State, arrival: &Arrival<'_>, fault: Option<Fault>) -> (Outcome, Duration) {
        let Some(fault) = fault else {
            return (Outcome::Answer(self.perform(state, arrival), Delivery::Whole), Duration::ZERO);
        };
        let done = fault.takes_effect.then(|| self.perform(state, arrival));
        let done = done.unwrap_or_else(|| Reply::empty(StatusCode::OK));
        let answer = |reply| Outcome::Answer(reply, Delivery::Whole);
        let outcome = match fault.action {
            Action::TooManyRequests { message, retry_after } => {
                let message = message.unwrap_or_else(|| state.limits.any_message());
                answer(self.too_many(message, &retry_after))
            }
            Action::Error(status, message) => {
                answer(Problem::new(status, message).reply(&self.settings.merchant_id))
            }
            Action::Answer(scripted) => {
                let (parts, body) = scripted.into_parts();
                answer(Reply { status: parts.status, headers: parts.headers, body })
            }
            Action::SlowHeaders(delay) => return (answer(done), delay),
            Action::SlowBody(duration) => Outcome::Answer(done, Delivery::Slow(duration)),
            // Without a body, only the connection can break off.
            Action::CutBody if done.body.is_empty() => Outcome::Reset,
            Action::CutBody => Outcome::Answer(done, Delivery::Cut),
            Action::HugeBody(bytes) => {
                Outcome::Answer(Reply::json(StatusCode::OK, Bytes::new()), Delivery::Huge(bytes))
            }
            Action::Reset => Outcome::Reset,
            Action::Hang => Outcome::Hang,
        };
        (outcome, Duration::ZERO)
    }

    fn too_many(&self, message: String, retry_after: &RetryAfter) -> Reply {
        let reply = Problem::new(StatusCode::TOO_MANY_REQUESTS, message).reply(&self.settings.merchant_id);
        let value = match retry_after {
            RetryAfter::None => return reply,
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Date(from_now) => {
                let at = self.clock.wall().saturating_add(*from_now).unwrap_or(jiff::Timestamp::MAX);
                DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
            }
            RetryAfter::Text(text) => text.clone(),
        };
        reply.header(RETRY_AFTER, &value)
    }

    /// Executes a call; an error becomes its answer.
    fn perform(&self, state: &mut State, arrival: &Arrival<'_>) -> Reply {
        self.try_perform(state, arrival).unwrap_or_else(|problem| problem.reply(&self.settings.merchant_id))
    }

    fn try_perform(&self, state: &mut State, arrival: &Arrival<'_>) -> Result<Reply, Problem> {
        let (operation, id) = match &arrival.route {
            Route::Operation(operation, id) => (*operation, *id),
            Route::WrongMethod { allow } => {
                let problem =
                    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This path does not know that method.");
                return Err(problem.allow(allow.clone()));
            }
            Route::UnknownPath => return Err(Problem::new(StatusCode::NOT_FOUND, "There is no such path.")),
        };
        let headers = arrival.request.headers();
        if operation == Operation::OauthAccessToken {
            return Ok(operations::token(state, arrival.request, &self.settings.merchant_id, arrival.now));
        }
        if headers.get(API_VERSION).is_none_or(|version| version != VERSION) {
            let message = format!("The header X-UltraCart-Api-Version must be {VERSION}.");
            return Err(Problem::bad_request(message));
        }
        let Some(application) = &arrival.application else {
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "Invalid credentials."));
        };
        let scope = if arrival.request.method() == Method::GET { "user_read" } else { "user_write" };
        if !state.credentials.has_scope(application, scope) {
            let message = format!("The application does not have the scope {scope}.");
            return Err(Problem::new(StatusCode::UNAUTHORIZED, message));
        }
        let context = Context { settings: &self.settings, wall: self.clock.wall(), request: arrival.request };
        operations::perform(operation, id, state, &context)
    }
}
