//! The span of a call.

use std::future::Future;

use reqwest::Response;
use tracing::{Instrument as _, Span, debug, field, info_span};

use super::context::Context;
use crate::clock::Clock;
use crate::error::Error;
use crate::telemetry;

/// Runs a call in its span and records the outcome. Headers and bodies are never recorded.
///
/// This is a function, since a middleware would cost an allocation and a move of the request.
pub(crate) fn trace(
    context: &Context,
    clock: &dyn Clock,
    call: impl Future<Output = Result<Response, Error>>,
) -> impl Future<Output = Result<Response, Error>> {
    let span = info_span!(
        "ultracart",
        otel.name = context.operation(),
        operation = context.operation(),
        cache = context.cache(),
        http.response.status_code = field::Empty,
        error.type = field::Empty,
        attempts = field::Empty,
    );
    let traced = async move {
        let result = call.await;
        let span = Span::current();
        span.record("attempts", context.attempts());
        let failure = match &result {
            Ok(response) => {
                span.record("http.response.status_code", response.status().as_u16());
                debug!("response received");
                Error::kind_of(response.status())
            }
            Err(error) => {
                span.record("error.type", field::debug(error.kind()));
                debug!("call failed");
                Some(error.kind())
            }
        };
        let elapsed = || clock.now().since(context.called_at());
        telemetry::call(context.operation(), elapsed, failure);
        result
    };
    traced.instrument(span)
}
