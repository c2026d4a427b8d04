//! Answers that say that the call failed.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use ultracart_model::{ErrorDetails, ErrorResponse};

use super::rejection::Rejection;
use super::{Error, ErrorKind, retry_after, shown};

impl Error {
    /// From an answer whose status is no success.
    pub(crate) fn from_status(
        status: StatusCode,
        headers: &HeaderMap,
        body: &Bytes,
        wall: SystemTime,
    ) -> Self {
        let details = serde_json::from_slice::<ErrorResponse>(body)
            .ok()
            .and_then(|answer| answer.error)
            .unwrap_or_default();
        let header = |name: &str| {
            let value = headers.get(name)?;
            let text = shown(&String::from_utf8_lossy(value.as_bytes()));
            (!text.is_empty()).then_some(text)
        };
        let kind = kind(status);
        let merchant_id = header("uc-rest-error-merchant-id");
        let mut error = Self::new(kind, String::new()).after_sending().with_details(&details);
        if let (None, Some(text)) = (error.developer_message(), header("uc-rest-error")) {
            error = error.change(|inner| inner.developer_message = Some(text));
        }
        let said = error.user_message().or(error.developer_message()).map(str::to_owned);
        let said = said.unwrap_or_else(|| explain(kind, headers, body));
        error.change(|inner| {
            inner.status = Some(status.as_u16());
            inner.merchant_id = merchant_id;
            inner.retry_after = retry_after::parse(headers, wall);
            inner.rejection = (kind == ErrorKind::RateLimited).then(|| Rejection::parse(headers, body, wall));
            let reason = status.canonical_reason().unwrap_or("unknown status");
            inner.message = format!("{} {reason}: {said}", status.as_u16());
        })
    }

    /// From an answer whose status is a success and whose body says otherwise.
    pub fn refused(status: u16, details: &ErrorDetails) -> Self {
        let error = Self::new(ErrorKind::Api, String::new()).after_sending().with_details(details);
        let said =
            error.user_message().or(error.developer_message()).unwrap_or("it does not say why").to_owned();
        error.change(|inner| {
            inner.status = Some(status);
            inner.message = format!("the answer has status {status} and says that the call failed: {said}");
        })
    }

    fn with_details(self, details: &ErrorDetails) -> Self {
        let text =
            |text: &Option<ultracart_model::Text>| text.as_deref().map(shown).filter(|text| !text.is_empty());
        self.change(|inner| {
            inner.user_message = text(&details.user_message);
            inner.developer_message = text(&details.developer_message);
        })
    }
}

impl Error {
    /// The kind of an answer with this status, if it is a failure.
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

/// What to say of an answer that says nothing itself.
fn explain(kind: ErrorKind, headers: &HeaderMap, body: &Bytes) -> String {
    let html = headers
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"text/html"));
    match kind {
        ErrorKind::Redirect => {
            "the server wants the call to be made elsewhere, which is not followed".to_owned()
        }
        _ if html => "the answer is HTML, so it came from a proxy in between and not from the API".to_owned(),
        _ if body.is_empty() => "the answer is empty".to_owned(),
        _ => "the answer does not say why".to_owned(),
    }
}
