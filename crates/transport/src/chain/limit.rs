//! Gets a permit for each attempt.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Extensions, StatusCode};
use reqwest::{Request, Response};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};
use tracing::{Instrument as _, Span, debug, field, info_span, warn};

use super::context::Context;
use super::error::as_transport_error;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Rejection};
use crate::limiter::{Limiter, Outcome};
use crate::telemetry;

/// The layer that waits for each attempt's permit. Holds the permit until the response has been read, then
/// reports the outcome to the limiter.
#[derive(Debug)]
pub(crate) struct LimitLayer {
    pub(crate) limiter: Limiter,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Middleware for LimitLayer {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let context = Context::from_extensions(extensions)?;
        // The field names are OpenTelemetry's for HTTP clients.
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
            permit.constraint = field::Empty,
        );
        self.attempt(context, request, extensions, next).instrument(span).await
    }
}

impl LimitLayer {
    async fn attempt(
        &self,
        context: Context,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let started = async {
            let backoff = context.take_backoff();
            if !backoff.is_zero() {
                let backed_off = async {
                    self.limiter.check_deadline_after(context.acquire_request(), backoff).await?;
                    self.clock.sleep(backoff).await;
                    Ok(())
                };
                context.unless_cancelled(backed_off).await?;
            }
            let queued_at = self.clock.now();
            Ok((queued_at, context.start_attempt(&self.limiter).await?))
        };
        let (queued_at, constraint) = started.await.map_err(|error: Error| {
            Span::current().record("error.type", field::debug(error.kind()));
            ChainError::middleware(error)
        })?;
        context.count_attempt();
        let sent_at = self.clock.now();
        let waited = sent_at.since(queued_at);
        let span = Span::current();
        span.record("permit.wait_ms", u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));
        span.record("permit.constraint", constraint.map(field::debug));
        telemetry::permit(waited, constraint);
        debug!(attempt = context.attempts(), "sending the request");
        let result = next.run(request, extensions).await;
        // There is no permit if a token refresh released the first permit and the attempt got no second
        // permit, for example since the call was cancelled.
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
            Err(error) => {
                let kind = as_transport_error(error).map(|error| field::debug(error.kind()));
                _ = span.record("error.type", kind);
            }
        }
        let elapsed = || self.clock.now().since(sent_at);
        telemetry::attempt(context.operation(), elapsed, outcome);
        result
    }

    fn outcome(&self, context: &Context, result: &Result<Response>) -> Outcome {
        match result {
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                let rejection = Rejection::parse(response.headers(), &context.body(), self.clock.wall());
                warn!(?rejection, "UltraCart rejected a call with 429; all calls are held");
                Outcome::Rejected(rejection)
            }
            Ok(response) if response.status() == StatusCode::GONE => {
                let (body, wall) = (context.body(), self.clock.wall());
                let error = Error::from_status(response.status(), response.headers(), &body, wall);
                self.limiter.halt(error.mark_unsent());
                Outcome::Responded
            }
            Ok(_) => Outcome::Responded,
            Err(error) => match as_transport_error(error) {
                Some(error) if error.kind() == ErrorKind::RateLimited => {
                    Outcome::Rejected(error.rejection().unwrap_or_default())
                }
                Some(error) if error.is_application_disabled() => {
                    self.limiter.halt(error.clone().mark_unsent());
                    Outcome::Responded
                }
                Some(error) => match error.kind() {
                    ErrorKind::Connect | ErrorKind::InvalidConfig | ErrorKind::InvalidRequest => {
                        Outcome::Unsent
                    }
                    // The server responded to the token refresh.
                    ErrorKind::Oauth => Outcome::Responded,
                    _ => Outcome::Unknown,
                },
                None => Outcome::Unknown,
            },
        }
    }
}
