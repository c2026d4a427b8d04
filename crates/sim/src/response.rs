//! Responses with whole bodies, before they are sent.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

const UC_REST_ERROR: HeaderName = HeaderName::from_static("uc-rest-error");
const UC_REST_ERROR_MERCHANT_ID: HeaderName = HeaderName::from_static("uc-rest-error-merchant-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// A response with its whole body.
#[derive(Debug, Default)]
pub(crate) struct BufferedResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl BufferedResponse {
    pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, JSON);
        Self { status, headers, body: body.into() }
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, ..Self::default() }
    }

    /// Builds a successful response whose payload has this name. `write` appends the payload as JSON.
    pub(crate) fn object(name: &str, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut json =
            format!(r#"{{"success":true,"metadata":{{"payload_name":"{name}"}},"{name}":"#).into_bytes();
        write(&mut json);
        json.push(b'}');
        Self::json(StatusCode::OK, json)
    }

    /// Builds the response to a successful deletion.
    pub(crate) fn deleted() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.insert(name, header_value(value));
        self
    }
}

/// An error that is reported in UltraCart's form.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    object_id: Option<String>,
    allow: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), object_id: None, allow: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Sets the ID of the object that the error is about.
    pub(crate) fn about(mut self, object_id: i32) -> Self {
        self.object_id = Some(object_id.to_string());
        self
    }

    /// Sets the `Allow` header: the methods that the path supports.
    pub(crate) fn allow(mut self, methods: String) -> Self {
        self.allow = Some(methods);
        self
    }

    pub(crate) fn into_response(self, merchant_id: &str) -> BufferedResponse {
        let mut error = Map::new();
        error.insert("developer_message".to_owned(), Value::from(self.message.as_str()));
        error.insert("user_message".to_owned(), Value::from(self.message.as_str()));
        if let Some(object_id) = self.object_id {
            error.insert("object_id".to_owned(), Value::from(object_id));
        }
        let body = json!({"error": error, "metadata": {}, "success": false}).to_string();
        let mut response = BufferedResponse::json(self.status, body)
            .header(UC_REST_ERROR, &self.message)
            .header(UC_REST_ERROR_MERCHANT_ID, merchant_id);
        if let Some(methods) = self.allow {
            response = response.header(ALLOW, &methods);
        }
        response
    }
}

/// Builds a header value. Control characters become question marks.
pub(crate) fn header_value(text: &str) -> HeaderValue {
    let bytes: Vec<u8> =
        text.bytes().map(|byte| if byte < 0x20 || byte == 0x7f { b'?' } else { byte }).collect();
    HeaderValue::from_bytes(&bytes).unwrap_or(HeaderValue::from_static("?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_message_is_in_the_header_and_the_body() {
        let response = ApiError::bad_request("no\r\n\"7\" é").about(7).into_response("DEMO");
        assert_eq!(response.headers["uc-rest-error"].as_bytes(), "no??\"7\" é".as_bytes());
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["error"]["user_message"], "no\r\n\"7\" é");
        assert_eq!(body["error"]["object_id"], "7");
    }
}
