//! Deliveries as UltraCart and others may send them.

mod client;
mod credentials;
mod read;
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

fn open() -> Receiver {
    Receiver::builder().no_auth()
}

fn closed() -> Receiver {
    Receiver::builder().basic_auth(USER, PASSWORD)
}

fn plain(events: &str) -> Vec<u8> {
    format!(r#"{{"events": {events}}}"#).into_bytes()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn packed(content: &[u8]) -> Vec<u8> {
    plain(&format!("\"{}\"", STANDARD.encode(gzip(content))))
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(Event::name).collect()
}

/// A body as a client sends it: in pieces, with or without a length, to its end or not.
struct Pieces {
    left: VecDeque<Result<&'static [u8], ()>>,
    length: Option<u64>,
    ends: Ends,
}

enum Ends {
    Well,
    Never,
    /// It must not be asked for.
    Unread,
}

impl Pieces {
    fn of(pieces: &[&'static [u8]]) -> Self {
        Self { left: pieces.iter().copied().map(Ok).collect(), length: None, ends: Ends::Well }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        assert!(!matches!(self.ends, Ends::Unread), "the body is read");
        match self.left.pop_front() {
            Some(Ok(piece)) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece))))),
            Some(Err(())) => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            None if matches!(self.ends, Ends::Never) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn post(body: Pieces) -> Request<Pieces> {
    Request::post("/hook").body(body).unwrap()
}

async fn call(receiver: &Receiver, request: Request<Pieces>) -> axum::response::Response {
    receiver.router("/hook").call(request.map(axum::body::Body::new)).await.unwrap()
}
