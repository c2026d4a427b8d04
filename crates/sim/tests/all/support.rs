//! Helpers that send requests to a simulated account in process.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower_service::Service as _;
use ultracart_sim::Sim;

/// A response whose body has been read.
#[derive(Debug)]
pub(crate) struct ReadResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl ReadResponse {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Returns the message in `UC-REST-ERROR`, which must equal the one in the body.
    pub(crate) fn error(&self) -> String {
        let header = self.headers["uc-rest-error"].to_str().expect("a text").to_owned();
        assert_eq!(self.json()["error"]["user_message"], header.as_str());
        assert_eq!(self.headers["uc-rest-error-merchant-id"], "DEMO");
        header
    }
}

/// Builds a request with the account's simple key and the other headers that every call needs.
pub(crate) fn request(sim: &Sim, method: &Method, path: &str, body: &str) -> Request<Bytes> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/rest/v2{path}"))
        .header("x-ultracart-api-version", "2017-03-01")
        .header("x-ultracart-simple-key", sim.simple_key().expose());
    if !body.is_empty() {
        request = request.header("content-type", "application/json; charset=UTF-8");
    }
    request.body(Bytes::copy_from_slice(body.as_bytes())).expect("a request")
}

/// Sends a request and reads the whole response.
pub(crate) async fn send(sim: &Sim, request: Request<Bytes>) -> ReadResponse {
    let (parts, body) = sim.service().call(request).await.expect("a response").into_parts();
    let body = body.collect().await.expect("the whole body").to_bytes();
    ReadResponse { status: parts.status, headers: parts.headers, body }
}

pub(crate) async fn get(sim: &Sim, path: &str) -> ReadResponse {
    send(sim, request(sim, &Method::GET, path, "")).await
}

pub(crate) async fn post(sim: &Sim, path: &str, body: &str) -> ReadResponse {
    send(sim, request(sim, &Method::POST, path, body)).await
}

pub(crate) async fn put(sim: &Sim, path: &str, body: &str) -> ReadResponse {
    send(sim, request(sim, &Method::PUT, path, body)).await
}

pub(crate) async fn delete(sim: &Sim, path: &str) -> ReadResponse {
    send(sim, request(sim, &Method::DELETE, path, "")).await
}
