//! Deliveries that UltraCart or any other sender may send.

mod client;
mod credentials;
mod decode;
mod request;

use std::collections::VecDeque;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use tower_service::Service as _;
use ultracart_model::Event;

use super::Receiver;

const USER: &str = "ultracart";
const PASSWORD: &str = "s3cret: of the tests";
const EVENTS: &str = r#"[{"user_update": {"user_id": 7, "login": "ada"}}, {"order_create": {}}]"#;

fn receiver_without_auth() -> Receiver {
    Receiver::builder().no_auth()
}

fn receiver_with_auth() -> Receiver {
    Receiver::builder().basic_auth(USER, PASSWORD)
}

fn delivery(events: &str) -> Vec<u8> {
    format!(r#"{{"events": {events}}}"#).into_bytes()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn compressed_delivery(content: &[u8]) -> Vec<u8> {
    delivery(&format!("\"{}\"", STANDARD.encode(gzip(content))))
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(Event::name).collect()
}

/// A body in chunks. Its length may be undeclared, and it may never end.
struct ChunkedBody {
    chunks: VecDeque<Result<&'static [u8], ()>>,
    length: Option<u64>,
    end: End,
}

enum End {
    /// The body ends after its chunks.
    Complete,
    /// The body stays open after its chunks.
    Never,
    /// Reading the body panics.
    MustNotBeRead,
}

impl ChunkedBody {
    fn new(chunks: &[&'static [u8]]) -> Self {
        Self { chunks: chunks.iter().copied().map(Ok).collect(), length: None, end: End::Complete }
    }
}

impl Body for ChunkedBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        assert!(!matches!(self.end, End::MustNotBeRead), "the body is read");
        match self.chunks.pop_front() {
            Some(Ok(chunk)) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(chunk))))),
            Some(Err(())) => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            None if matches!(self.end, End::Never) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn post(body: ChunkedBody) -> Request<ChunkedBody> {
    Request::post("/hook").body(body).unwrap()
}

async fn send(receiver: &Receiver, request: Request<ChunkedBody>) -> axum::response::Response {
    receiver.router("/hook").call(request.map(axum::body::Body::new)).await.unwrap()
}
