//! One span per call.

use async_trait::async_trait;
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};
use tracing::{Instrument as _, Span, debug, field, info_span};

use crate::error::Error;

use super::{Context, ours};

/// Opens a span around a call and says how it ended. Never a header, a body or a query.
#[derive(Debug)]
pub(crate) struct Trace;

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
            otel.kind = "client",
            operation = context.operation(),
            http.request.method = %request.method(),
            server.address = request.url().host_str(),
            http.response.status_code = field::Empty,
            error.type = field::Empty,
            attempts = field::Empty,
        );
        async move {
            let result = next.run(request, extensions).await;
            let span = Span::current();
            span.record("attempts", context.attempts());
            match &result {
                Ok(response) => {
                    span.record("http.response.status_code", response.status().as_u16());
                    debug!("done");
                }
                Err(error) => {
                    span.record("error.type", field::debug(ours(error).map(Error::kind)));
                    debug!("failed");
                }
            }
            result
        }
        .instrument(span)
        .await
    }
}
