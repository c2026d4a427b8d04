//! Recorded requests, for tests to inspect.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Map, Value};

use crate::route::Operation;

const REDACTED: &str = "[redacted]";
const SECRET_HEADERS: [&str; 5] =
    ["authorization", "cookie", "proxy-authorization", "x-ultracart-browser-key", "x-ultracart-simple-key"];
const SECRET_FIELDS: [&str; 4] = ["change_ftp_password_to", "change_password_to", "code", "refresh_token"];
/// Maximum length of a recorded body, in bytes. A longer body is not recorded.
const MAX_BODY: usize = 256 * 1024;
/// Maximum size of all recorded requests, in bytes.
const MAX_KEPT: usize = 32 * 1024 * 1024;

/// A request that the simulated account received, with credentials and passwords redacted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// When the request arrived: the time since the account was built.
    pub at: Duration,
    /// The requested operation, or `None` if the API does not have the path or the method.
    pub operation: Option<Operation>,
    /// HTTP method.
    pub method: Method,
    /// Path, for example `/rest/v2/user/users`.
    pub path: String,
    /// Query string without the `?`.
    pub query: Option<String>,
    /// Headers. The values of credentials are `[redacted]`.
    pub headers: HeaderMap,
    /// Client's IP address.
    pub peer: IpAddr,
    /// Number of other calls of the same application or IP address that were in flight when the request
    /// arrived.
    pub in_flight: u32,
    /// Status of the response, or `None` if a scripted fault prevented a response.
    pub status: Option<StatusCode>,
    /// The body as JSON text, because a parsed value takes many times as much memory.
    body: Option<Box<str>>,
}

impl RecordedRequest {
    pub(crate) fn new(request: &Request<Bytes>, at: Duration, peer: IpAddr) -> Self {
        let mut headers = request.headers().clone();
        for (name, value) in &mut headers {
            *value = if SECRET_HEADERS.contains(&name.as_str()) {
                HeaderValue::from_static(REDACTED)
            } else {
                // A copy: over TCP, the value itself would keep the connection's whole read buffer alive.
                HeaderValue::from_bytes(value.as_bytes()).unwrap_or(HeaderValue::from_static("?"))
            };
        }
        Self {
            at,
            operation: None,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers,
            peer,
            in_flight: 0,
            status: None,
            body: body(request).map(|body| body.to_string().into()),
        }
    }

    /// Returns the body as JSON, with passwords and tokens `[redacted]`.
    ///
    /// A form is returned as an object. `None` if the body is empty, longer than 256 KiB, or neither JSON nor
    /// a form.
    pub fn body(&self) -> Option<Value> {
        serde_json::from_str(self.body.as_deref()?).ok()
    }

    /// Returns the size of the recorded texts, in bytes.
    fn len(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let texts = [Some(&*self.path), self.query.as_deref(), self.body.as_deref()];
        headers + texts.into_iter().flatten().map(str::len).sum::<usize>()
    }
}

fn body(request: &Request<Bytes>) -> Option<Value> {
    let bytes = request.body();
    if bytes.is_empty() || bytes.len() > MAX_BODY {
        return None;
    }
    let mut value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(_) if is_form(request.headers()) => {
            let pairs = url::form_urlencoded::parse(bytes);
            pairs.map(|(name, value)| (name.into_owned(), Value::from(&*value))).collect::<Map<_, _>>().into()
        }
        Err(_) => return None,
    };
    redact(&mut value);
    Some(value)
}

pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    has_type(headers, "application/x-www-form-urlencoded")
}

/// Returns whether the `Content-Type` is this one, ignoring parameters.
pub(crate) fn has_type(headers: &HeaderMap, wanted: &str) -> bool {
    let sent = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    sent.and_then(|sent| sent.split(';').next()).is_some_and(|sent| sent.trim().eq_ignore_ascii_case(wanted))
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if SECRET_FIELDS.contains(&name.as_str()) {
                    *value = Value::from(REDACTED);
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

/// The latest requests. The counters also include requests that are no longer stored.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) latest: VecDeque<Arc<RecordedRequest>>,
    /// Size of `latest`, in bytes.
    kept: usize,
    pub(crate) calls: u64,
    pub(crate) rejections: u64,
    pub(crate) overlaps: u64,
}

impl Records {
    pub(crate) fn push(&mut self, request: RecordedRequest, keep: usize) {
        self.kept += request.len();
        self.latest.push_back(Arc::new(request));
        while self.latest.len() > keep || self.kept > MAX_KEPT {
            let Some(oldest) = self.latest.pop_front() else { return };
            self.kept -= oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_redacts_credentials_and_passwords() {
        let request = Request::put("/rest/v2/user/users/7?x=1")
            .header("x-ultracart-simple-key", "SECRET-KEY")
            .header("authorization", "Bearer SECRET-TOKEN")
            // Duplicate headers, sent by mistake, are recorded, too.
            .header("authorization", "Basic SECRET-SECOND")
            .header("x-ultracart-simple-key", "SECRET-THIRD")
            .header("x-other", "kept")
            .body(Bytes::from(r#"{"users": [{"change_password_to": "SECRET-1"}], "login": "a"}"#))
            .unwrap();
        let record = RecordedRequest::new(&request, Duration::ZERO, [127, 0, 0, 1].into());
        assert!(!format!("{record:?}").contains("SECRET"));
        let values: Vec<_> = record.headers.get_all("authorization").iter().collect();
        assert_eq!(values, [REDACTED; 2], "both headers are recorded");
        assert_eq!(record.headers["x-other"], "kept");
        assert_eq!(record.body().unwrap()["login"], "a");

        let form = Request::post("/rest/v2/oauth/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from("client_id=app&refresh_token=SECRET"))
            .unwrap();
        let record = RecordedRequest::new(&form, Duration::ZERO, [127, 0, 0, 1].into());
        assert_eq!(
            record.body().unwrap(),
            serde_json::json!({"client_id": "app", "refresh_token": REDACTED})
        );
    }

    #[test]
    fn records_are_capped_by_count_and_by_bytes() {
        let put = |number: usize, body: &str| {
            let request = Request::put(format!("/{number}")).body(Bytes::from(body.to_owned())).unwrap();
            RecordedRequest::new(&request, Duration::ZERO, [127, 0, 0, 1].into())
        };
        let mut records = Records::default();
        for number in 0..5 {
            records.push(put(number, "{}"), 3);
        }
        let paths: Vec<&str> = records.latest.iter().map(|request| &*request.path).collect();
        assert_eq!(paths, ["/2", "/3", "/4"]);

        let long = format!("\"{}\"", "x".repeat(MAX_BODY - 2));
        for number in 0..200 {
            records.push(put(number, &long), 1_000);
        }
        let kept: usize =
            records.latest.iter().map(|request| request.body().unwrap().to_string().len()).sum();
        assert!(kept <= MAX_KEPT && kept > MAX_KEPT - 2 * MAX_BODY, "{kept}");
        assert_eq!(records.latest.back().unwrap().path, "/199");

        records.push(put(0, "{}"), 0);
        assert_eq!((records.latest.len(), records.kept), (0, 0));
    }

    #[test]
    fn record_does_not_retain_the_request_buffer() {
        let buffer = Bytes::from(b"GET / HTTP/1.1\r\nx-other: kept".to_vec());
        let value = HeaderValue::from_maybe_shared(buffer.slice(25..)).unwrap();
        let request = Request::get("/").header("x-other", value).body(Bytes::new()).unwrap();
        let record = RecordedRequest::new(&request, Duration::ZERO, [127, 0, 0, 1].into());
        drop(request);
        assert_eq!(record.headers["x-other"], "kept");
        assert!(buffer.is_unique());
    }
}
