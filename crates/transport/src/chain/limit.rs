//! When may an attempt be sent?

use std::sync::Arc;

use async_trait::async_trait;
use http::{Extensions, StatusCode};
use reqwest::{Request, Response};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};
use tracing::{Instrument as _, Span, debug, field, info_span, warn};

use super::exchange::FailureBody;
use super::{Context, ours};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Rejection};
use crate::limiter::{Limiter, Outcome};
use crate::telemetry;

/// Takes a permit for every attempt, holds it until the answer is there, and tells the limiter what it was.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) limiter: Limiter,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Middleware for Limit {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let context = Context::of(extensions)?;
        // OpenTelemetry's names for an HTTP client's span.
        let span = info_span!(
            "attempt",
            otel.kind = "client",
            http.request.method = %request.method(),
            http.request.resend_count = context.attempts(),
            server.address = request.url().host_str(),
            server.port = request.url().port_or_known_default(),
            url.full = %request.url(),
            http.response.status_code = field::Empty,
            error.type = field::Empty,
            permit.wait_ms = field::Empty,
            permit.bound = field::Empty,
        );
        self.attempt(context, request, extensions, next).instrument(span).await
    }
}

impl Limit {
    async fn attempt(
        &self,
        context: Context,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let turn = async {
            let pause = context.take_pause();
            if !pause.is_zero() {
                self.limiter.check_pause(context.request(), pause).await?;
                self.clock.sleep(pause).await;
            }
            let asked_at = self.clock.now();
            Ok((asked_at, self.limiter.acquire(context.request()).await?))
        };
        let turn = tokio::select! {
            biased;
            () = context.abandoned() => {
                Err(Error::new(ErrorKind::Internal, "nobody waits for the call any more"))
            }
            turn = turn => turn,
        };
        let (asked_at, mut permit) = turn.map_err(|error: Error| {
            Span::current().record("error.type", field::debug(error.kind()));
            ChainError::middleware(error)
        })?;
        context.before_attempt()?;
        context.count_attempt();
        let sent_at = self.clock.now();
        let waited = sent_at.since(asked_at);
        let span = Span::current();
        span.record("permit.wait_ms", u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));
        span.record("permit.bound", permit.constraint().map(field::debug));
        telemetry::permit(waited, permit.constraint());
        debug!(attempt = context.attempts(), "sending");
        permit.mark_sent();
        context.put_permit(permit);
        let result = next.run(request, extensions).await;
        let outcome = match context.take_permit() {
            Some(permit) => {
                let outcome = self.outcome(&result);
                permit.finish(outcome);
                outcome
            }
            // It got a new token first, and then the call was cancelled.
            None => Outcome::Unsent,
        };
        match &result {
            Ok(response) => _ = span.record("http.response.status_code", response.status().as_u16()),
            Err(error) => _ = span.record("error.type", ours(error).map(|error| field::debug(error.kind()))),
        }
        let took = || self.clock.now().since(sent_at);
        telemetry::attempt(context.operation(), took, outcome);
        result
    }

    fn outcome(&self, result: &Result<Response>) -> Outcome {
        match result {
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                let body = response.extensions().get::<FailureBody>();
                let body = body.map(|body| &*body.0).unwrap_or_default();
                let rejection = Rejection::parse(response.headers(), body, self.clock.wall());
                warn!(?rejection, "429: all calls wait");
                Outcome::Rejected(rejection)
            }
            Ok(response) if response.status() == StatusCode::GONE => {
                let body = response.extensions().get::<FailureBody>().map(|body| body.0.clone());
                let body = body.unwrap_or_default();
                let error =
                    Error::from_status(response.status(), response.headers(), &body, self.clock.wall());
                self.limiter.halt(error.before_sending());
                Outcome::Answered
            }
            Ok(_) => Outcome::Answered,
            Err(error) => match ours(error) {
                Some(error) if error.kind() == ErrorKind::RateLimited => {
                    Outcome::Rejected(error.rejection().unwrap_or_default())
                }
                Some(error) if error.is_application_disabled() => {
                    self.limiter.halt(error.clone().before_sending());
                    Outcome::Answered
                }
                Some(error) => match error.kind() {
                    ErrorKind::Connect | ErrorKind::InvalidConfig | ErrorKind::InvalidRequest => {
                        Outcome::Unsent
                    }
                    // The server has said that there is no new token.
                    ErrorKind::Oauth => Outcome::Answered,
                    _ => Outcome::Unknown,
                },
                None => Outcome::Unknown,
            },
        }
    }
}
