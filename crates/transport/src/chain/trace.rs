//! One span per call.

use std::sync::Arc;

use async_trait::async_trait;
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};
use tracing::{Instrument as _, Span, debug, field, info_span};

use crate::error::Error;

use super::Context;
use crate::clock::Clock;
use crate::telemetry;

/// Opens a span around a call and says how it ended. Never a header or a body.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Middleware for Trace {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let context = Context::of(extensions)?;
        let span = info_span!(
            "ultracart",
            otel.name = context.operation(),
            operation = context.operation(),
            cache = context.cache(),
            http.response.status_code = field::Empty,
            error.type = field::Empty,
            attempts = field::Empty,
        );
        async move {
            let result = next.run(request, extensions).await;
            let span = Span::current();
            span.record("attempts", context.attempts());
            let failure = match &result {
                Ok(response) => {
                    span.record("http.response.status_code", response.status().as_u16());
                    debug!("done");
                    Error::kind_of(response.status())
                }
                Err(error) => {
                    let kind = super::kind(error);
                    span.record("error.type", field::debug(kind));
                    debug!("failed");
                    Some(kind)
                }
            };
            let took = || self.clock.now().saturating_sub(context.asked_at());
            telemetry::call(context.operation(), took, failure);
            result
        }
        .instrument(span)
        .await
    }
}
