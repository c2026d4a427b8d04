//! Checks that a 429 with any headers and body neither panics nor holds calls for longer than a day.
//!
//! The input is split at its first three line breaks into `UC-REST-ERROR`, `Retry-After`, `Date` and the
//! body. After the 429, the hold must end and the next call must succeed.
#![no_main]

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use ultracart_client::{Client, Config, ErrorKind};

const DAY: Duration = Duration::from_hours(24);

/// Responds with a 429 to the first request, and with an empty list of users to all later ones.
#[derive(Clone)]
struct Server {
    rejection: Arc<Response<Full<Bytes>>>,
    has_rejected: Arc<AtomicBool>,
}

impl tower_service::Service<Request<Bytes>> for Server {
    type Response = Response<Full<Bytes>>;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        ready(Ok(if self.has_rejected.swap(true, Ordering::Relaxed) {
            Response::new(Full::new(Bytes::from_static(b"{\"users\":[]}")))
        } else {
            (*self.rejection).clone()
        }))
    }
}

/// Builds the 429 response from the input.
fn rejection(input: &[u8]) -> Response<Full<Bytes>> {
    let mut parts = input.splitn(4, |byte| *byte == b'\n');
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    for name in ["uc-rest-error", "retry-after", "date"] {
        if let Some(value) = parts.next().and_then(|value| HeaderValue::from_bytes(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    *response.body_mut() = Full::new(Bytes::copy_from_slice(parts.next().unwrap_or_default()));
    response
}

fuzz_target!(|input: &[u8]| {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let server = Server { rejection: Arc::new(rejection(input)), has_rejected: Arc::default() };
        let mut config = Config::default();
        // Plain HTTP, so that no root certificates are needed.
        config.api.base_url = "http://127.0.0.1/rest/v2".into();
        config.retry.max_rejections = 0;
        // The cache would return the first call's error for the second call.
        config.cache = ultracart_client::config::Cache::off();
        let client = Client::builder().config(config).simple_key("key").service(server).build().unwrap();
        let error = client.user_api().get_users().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(!error.to_string().contains(char::is_control));
        let snapshot = client.limiter().snapshot().await.unwrap();
        let waits = snapshot
            .windows
            .iter()
            .map(|window| window.next_in)
            .chain(snapshot.closed.map(|closed| closed.time));
        assert!(waits.max().unwrap() <= DAY, "{snapshot:?}");
        let started_at = tokio::time::Instant::now();
        assert!(client.user_api().get_users().await.unwrap().is_empty());
        assert!(started_at.elapsed() <= DAY + Duration::from_secs(1));
    });
});
