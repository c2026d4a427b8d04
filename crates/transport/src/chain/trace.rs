//! One span per call.

use std::future::Future;

use reqwest::Response;
use reqwest_middleware::Result;
use tracing::{Instrument as _, Span, debug, field, info_span};

use super::Context;
use crate::clock::Clock;
use crate::error::Error;
use crate::telemetry;

/// Opens a span around a call and says how it ended. Never a header or a body.
///
/// It asks for nothing that a middleware gets, so it is none: one allocation and one move of the request less.
pub(crate) fn trace(
    context: &Context,
    clock: &dyn Clock,
    call: impl Future<Output = Result<Response>>,
) -> impl Future<Output = Result<Response>> {
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
        let took = || clock.now().since(context.asked_at());
        telemetry::call(context.operation(), took, failure);
        result
    };
    traced.instrument(span)
}
