//! Calls made by hand.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower_service::Service as _;
use ultracart_sim::Sim;

/// An answer that has been read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// What `UC-REST-ERROR` says; it is what the body says.
    pub(crate) fn error(&self) -> String {
        let header = self.headers["uc-rest-error"].to_str().expect("a text").to_owned();
        assert_eq!(self.json()["error"]["user_message"], header.as_str());
        assert_eq!(self.headers["uc-rest-error-merchant-id"], "DEMO");
        header
    }
}

/// A request as every client makes it, with the account's simple key.
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

/// Sends it and reads the whole answer.
pub(crate) async fn send(sim: &Sim, request: Request<Bytes>) -> Answer {
    let (parts, body) = sim.service().call(request).await.expect("an answer").into_parts();
    let body = body.collect().await.expect("the whole body").to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub(crate) async fn get(sim: &Sim, path: &str) -> Answer {
    send(sim, request(sim, &Method::GET, path, "")).await
}

pub(crate) async fn post(sim: &Sim, path: &str, body: &str) -> Answer {
    send(sim, request(sim, &Method::POST, path, body)).await
}

pub(crate) async fn put(sim: &Sim, path: &str, body: &str) -> Answer {
    send(sim, request(sim, &Method::PUT, path, body)).await
}

pub(crate) async fn delete(sim: &Sim, path: &str) -> Answer {
    send(sim, request(sim, &Method::DELETE, path, "")).await
}
