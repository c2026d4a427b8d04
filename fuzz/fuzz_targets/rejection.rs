//! A 429 with any headers and any body: nothing panics, and nothing is held for longer than a day.
//!
//! The input is cut at its first three line breaks into `UC-REST-ERROR`, `Retry-After`, `Date` and the body. Then the
//! client has to get through: the hold ends, and the next call is answered.
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

/// Answers with a 429, and with an empty list of users after that.
#[derive(Clone)]
struct Server {
    rejection: Arc<Response<Full<Bytes>>>,
    is_over: Arc<AtomicBool>,
}

impl tower_service::Service<Request<Bytes>> for Server {
    type Response = Response<Full<Bytes>>;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        ready(Ok(if self.is_over.swap(true, Ordering::Relaxed) {
            Response::new(Full::new(Bytes::from_static(b"{\"users\":[]}")))
        } else {
            (*self.rejection).clone()
        }))
    }
}

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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let server = Server { rejection: Arc::new(rejection(input)), is_over: Arc::default() };
        let mut config = Config::default();
        // A machine without certificates will do.
        config.api.base_url = "http://127.0.0.1/rest/v2".into();
        config.retry.max_rejections = 0;
        // Which would answer the second call with the error of the first.
        config.cache = ultracart_client::config::Cache::off();
        let client = Client::builder().config(config).simple_key("key").service(server).build().unwrap();
        let error = client.user_api().get_users().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(!error.to_string().contains(char::is_control));
        let known = client.limiter().snapshot().await.unwrap();
        let held = known.windows.iter().map(|window| window.next_in).chain(known.closed.map(|closed| closed.time));
        assert!(held.max().unwrap() <= DAY, "{known:?}");
        let started_at = tokio::time::Instant::now();
        assert!(client.user_api().get_users().await.unwrap().is_empty());
        assert!(started_at.elapsed() <= DAY + Duration::from_secs(1));
    });
});
