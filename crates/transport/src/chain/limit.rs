//! A permit for every attempt.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Extensions, StatusCode};
use reqwest::{Request, Response};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};
use tracing::{Instrument as _, Span, debug, field, info_span, warn};

use super::context::Context;
use super::error::ours;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Rejection};
use crate::limiter::{Limiter, Outcome};
use crate::telemetry;

/// Waits for a permit for every attempt, holds it until the answer has been read, and tells the limiter how it ended.
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
        let started = async {
            let pause = context.take_pause();
            if !pause.is_zero() {
                let paused = async {
                    self.limiter.check_pause(context.request(), pause).await?;
                    self.clock.sleep(pause).await;
                    Ok(())
                };
                context.unless_cancelled(paused).await?;
            }
            let asked_at = self.clock.now();
            Ok((asked_at, context.start_attempt(&self.limiter).await?))
        };
        let (asked_at, constraint) = started.await.map_err(|error: Error| {
            Span::current().record("error.type", field::debug(error.kind()));
            ChainError::middleware(error)
        })?;
        context.count_attempt();
        let sent_at = self.clock.now();
        let waited = sent_at.since(asked_at);
        let span = Span::current();
        span.record("permit.wait_ms", u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));
        span.record("permit.bound", constraint.map(field::debug));
        telemetry::permit(waited, constraint);
        debug!(attempt = context.attempts(), "sending");
        let result = next.run(request, extensions).await;
        // Without a permit the call was cancelled after it got a new token, which is released already.
        let outcome = match context.take_permit() {
            Some(permit) => {
                let outcome = self.outcome(&context, &result);
                permit.finish(outcome);
                outcome
            }
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

    fn outcome(&self, context: &Context, result: &Result<Response>) -> Outcome {
        match result {
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                let rejection = Rejection::parse(response.headers(), &context.body(), self.clock.wall());
                warn!(?rejection, "429: all calls wait");
                Outcome::Rejected(rejection)
            }
            Ok(response) if response.status() == StatusCode::GONE => {
                let (body, wall) = (context.body(), self.clock.wall());
                let error = Error::from_status(response.status(), response.headers(), &body, wall);
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
