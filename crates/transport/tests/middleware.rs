//! A custom middleware receives complete responses, and the call returns the response of the middleware.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Extensions, Request, Response, StatusCode};
use http_body_util::Full;
use reqwest_middleware::{Middleware, Next, Result};
use tower_service::Service;
use ultracart_transport::config::Transport as Config;
use ultracart_transport::{Call, ErrorKind, Transport};

/// A server that sends the same response to each request.
#[derive(Clone)]
struct Server(StatusCode);

impl Service<Request<Bytes>> for Server {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<std::result::Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        let mut response = Response::new(Full::new(Bytes::from_static(b"theirs")));
        *response.status_mut() = self.0;
        ready(Ok(response))
    }
}

/// Replaces the body of the server's response.
struct ReplaceBody(&'static str);

#[async_trait]
impl Middleware for ReplaceBody {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<reqwest::Response> {
        let response: http::Response<reqwest::Body> = next.run(request, extensions).await?.into();
        Ok(response.map(|_| self.0).into())
    }
}

/// Responds without sending the request to the server.
struct RespondDirectly(&'static str);

#[async_trait]
impl Middleware for RespondDirectly {
    async fn handle(
        &self,
        _: reqwest::Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> Result<reqwest::Response> {
        Ok(http::Response::new(self.0).into())
    }
}

/// Returns the body that a call returns, or the kind of its error.
async fn call_body(status: StatusCode, middleware: impl Middleware) -> std::result::Result<Bytes, ErrorKind> {
    let mut config = Config::default();
    config.api.base_url = "http://127.0.0.1/rest/v2".into();
    config.auth.simple_key = Some("key".into());
    config.retry.max_rejections = 0;
    let transport =
        Transport::builder(config).service(Server(status)).middleware(middleware).build().unwrap();
    let result = transport.send(Call::get("get_users", "/user/users")).await;
    result.map(|response| response.body).map_err(|error| {
        assert!(error.to_string().contains("ours"), "{error}");
        error.kind()
    })
}

#[tokio::test(start_paused = true)]
async fn call_returns_the_body_of_the_middleware() {
    assert_eq!(call_body(StatusCode::OK, ReplaceBody("ours")).await.unwrap(), "ours");
    assert_eq!(call_body(StatusCode::OK, RespondDirectly("ours")).await.unwrap(), "ours");
    let error = r#"{"error":{"user_message":"ours"}}"#;
    for (status, kind) in [
        (StatusCode::BAD_REQUEST, ErrorKind::BadRequest),
        (StatusCode::TOO_MANY_REQUESTS, ErrorKind::RateLimited),
    ] {
        assert_eq!(call_body(status, ReplaceBody(error)).await.unwrap_err(), kind);
    }
}
