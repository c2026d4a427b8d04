//! Errors of responses that report a failure.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use ultracart_model::{ErrorDetails, ErrorResponse};

use super::rejection::Rejection;
use super::{Error, ErrorKind, retry_after, sanitized};

impl Error {
    /// Converts a response whose status is not a success.
    pub(crate) fn from_status(
        status: StatusCode,
        headers: &HeaderMap,
        body: &Bytes,
        wall: SystemTime,
    ) -> Self {
        let details = serde_json::from_slice::<ErrorResponse>(body)
            .ok()
            .and_then(|response| response.error)
            .unwrap_or_default();
        let header = |name: &str| {
            let value = headers.get(name)?;
            let text = sanitized(&String::from_utf8_lossy(value.as_bytes()));
            (!text.is_empty()).then_some(text)
        };
        let kind = kind(status);
        let merchant_id = header("uc-rest-error-merchant-id");
        let mut error = Self::new(kind, String::new()).mark_sent().with_details(&details);
        if let (None, Some(text)) = (error.developer_message(), header("uc-rest-error")) {
            error = error.modify(|inner| inner.developer_message = Some(text));
        }
        let reason = error.user_message().or(error.developer_message()).map(str::to_owned);
        let reason = reason.unwrap_or_else(|| default_reason(kind, headers, body));
        error.modify(|inner| {
            inner.status = Some(status.as_u16());
            inner.merchant_id = merchant_id;
            inner.retry_after = retry_after::parse(headers, wall);
            inner.rejection = (kind == ErrorKind::RateLimited).then(|| Rejection::parse(headers, body, wall));
            let name = status.canonical_reason().unwrap_or("unknown status");
            inner.message = format!("{} {name}: {reason}", status.as_u16());
        })
    }

    /// Converts a response whose status is a success, but whose body reports a failure.
    pub fn from_error_details(status: u16, details: &ErrorDetails) -> Self {
        let error = Self::new(ErrorKind::Api, String::new()).mark_sent().with_details(details);
        let reason =
            error.user_message().or(error.developer_message()).unwrap_or("it gives no reason").to_owned();
        error.modify(|inner| {
            inner.status = Some(status);
            inner.message = format!("the response has status {status} but reports a failure: {reason}");
        })
    }

    fn with_details(self, details: &ErrorDetails) -> Self {
        let text = |text: &Option<ultracart_model::Text>| {
            text.as_deref().map(sanitized).filter(|text| !text.is_empty())
        };
        self.modify(|inner| {
            inner.user_message = text(&details.user_message);
            inner.developer_message = text(&details.developer_message);
        })
    }
}

impl Error {
    /// Returns the kind of error that a status stands for, or `None` for a success.
    pub(crate) fn kind_of(status: StatusCode) -> Option<ErrorKind> {
        (!status.is_success()).then(|| kind(status))
    }
}

fn kind(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        400 => ErrorKind::BadRequest,
        401 | 403 => ErrorKind::Unauthorized,
        404 => ErrorKind::NotFound,
        410 => ErrorKind::ApplicationDisabled,
        429 => ErrorKind::RateLimited,
        300..=399 => ErrorKind::Redirect,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::UnexpectedStatus,
    }
}

/// Explains a failure for which the response gives no reason.
fn default_reason(kind: ErrorKind, headers: &HeaderMap, body: &Bytes) -> String {
    let html = headers
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"text/html"));
    match kind {
        ErrorKind::Redirect => {
            "the server redirects to another URL, which is not followed; check `api.base_url`".to_owned()
        }
        _ if html => "the response is HTML, so it came from a proxy and not from the API".to_owned(),
        _ if body.is_empty() => "the response is empty".to_owned(),
        _ => "the response gives no reason".to_owned(),
    }
}
