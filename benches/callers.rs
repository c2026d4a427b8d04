//! Ways to call `get_user`: this workspace's, and what one could write instead. None uses TLS or a proxy, each keeps one
//! connection.
//!
//! A client that progenitor 0.15 generates is not among them: `deny.toml` does not take the licence of its runtime
//! (MPL-2.0), and in `tests/schema/user-api.openapi.yaml` it takes the YAML merge keys for fields named `<<`. Made from a copy
//! without them, outside of this workspace, it took 158,300 instructions a call where [`Raw`] took 152,900 and
//! [`Ours`] 159,000: it is reqwest and serde's derive underneath, and drops unknown fields.

use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use governor::{DefaultDirectRateLimiter, Quota};
use http::{Extensions, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use ultracart_client::{CachePolicy, Cached, Client, Config, UserApi, config};
use ultracart_model::{User, UserId};

use crate::peers::dropping;

/// Whatever went wrong.
pub type Failure = Box<dyn Error + Send + Sync>;

const KEY: &str = "only-a-benchmark";
const VERSION: &str = "2017-03-01";

/// This workspace's client with everything on: limiter, retry, time limit, errors, spans that nobody reads. Its windows
/// are so wide and its pause between calls so short that nothing waits, and it reads past the cache.
#[derive(Debug)]
pub struct Ours(UserApi);

impl Ours {
    /// A client of the server at this address.
    ///
    /// # Errors
    /// If a setting cannot be used.
    pub fn new(server: SocketAddr) -> Result<Self, Failure> {
        Ok(Self(Self::cached(server)?.cache_policy(CachePolicy::Bypass)))
    }

    /// The same client, and what is remembered is good.
    ///
    /// # Errors
    /// If a setting cannot be used.
    pub fn cached(server: SocketAddr) -> Result<UserApi, Failure> {
        let mut settings = Config::default();
        settings.api.base_url = format!("http://{server}/rest/v2");
        settings.limiter.guard_gap = Duration::ZERO;
        settings.limiter.windows = vec![config::Window::new(u32::MAX, Duration::from_secs(1))];
        Ok(Client::builder().config(settings).simple_key(KEY).build()?.user_api())
    }

    /// One call.
    ///
    /// # Errors
    /// If it fails.
    pub async fn get_user(&self) -> Result<Cached<User>, Failure> {
        Ok(self.0.get_user(UserId::from(1)).await?)
    }
}

/// hyper on one open connection. It gives bytes: what HTTP costs by itself.
#[derive(Debug)]
pub struct Bare {
    host: String,
    connection: Mutex<SendRequest<Empty<Bytes>>>,
}

impl Bare {
    /// A connection to the server at this address.
    ///
    /// # Errors
    /// If there is none.
    pub async fn connect(server: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let (connection, io) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(io);
        Ok(Self { host: server.to_string(), connection: Mutex::new(connection) })
    }

    /// One call.
    ///
    /// # Errors
    /// If it fails.
    pub async fn get_user(&self) -> Result<Bytes, Failure> {
        let request = http::Request::get("/rest/v2/user/users/1")
            .header(header::HOST, &self.host)
            .header("x-ultracart-simple-key", KEY)
            .header("x-ultracart-api-version", VERSION)
            .body(Empty::new())?;
        let mut connection = self.connection.lock().await;
        connection.ready().await?;
        let answer = connection.send_request(request).await?;
        Ok(answer.into_body().collect().await?.to_bytes())
    }
}

/// reqwest and serde's derive, and nothing else: no limit, no retry, no time limit, unknown fields are lost.
#[derive(Debug)]
pub struct Raw {
    client: reqwest::Client,
    url: String,
}

impl Raw {
    /// A client of the server at this address.
    ///
    /// # Errors
    /// If none can be made.
    pub fn new(server: SocketAddr) -> Result<Self, Failure> {
        Ok(Self { client: network()?.build()?, url: format!("http://{server}/rest/v2/user/users/1") })
    }

    /// One call.
    ///
    /// # Errors
    /// If it fails.
    pub async fn get_user(&self) -> Result<dropping::UserResponse, Failure> {
        let request = self.client.get(&self.url);
        let request =
            request.header("x-ultracart-simple-key", KEY).header("x-ultracart-api-version", VERSION);
        let answer = request.send().await?.error_for_status()?;
        // What `Response::json` does.
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }
}

/// reqwest-middleware with reqwest-retry, and governor for the quota, as one would put them together.
#[derive(Debug)]
pub struct Chain {
    client: ClientWithMiddleware,
    url: String,
}

#[derive(Debug)]
struct Governed(DefaultDirectRateLimiter);

#[async_trait]
impl Middleware for Governed {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        self.0.until_ready().await;
        next.run(request, extensions).await
    }
}

impl Chain {
    /// A client of the server at this address.
    ///
    /// # Errors
    /// If none can be made.
    pub fn new(server: SocketAddr) -> Result<Self, Failure> {
        let retry = ExponentialBackoff::builder().build_with_max_retries(3);
        let limiter = DefaultDirectRateLimiter::direct(Quota::per_second(NonZeroU32::MAX));
        let client = ClientBuilder::new(network()?.timeout(Duration::from_mins(1)).build()?)
            .with(RetryTransientMiddleware::new_with_policy(retry))
            .with_arc(Arc::new(Governed(limiter)))
            .build();
        Ok(Self { client, url: format!("http://{server}/rest/v2/user/users/1") })
    }

    /// One call.
    ///
    /// # Errors
    /// If it fails.
    pub async fn get_user(&self) -> Result<dropping::UserResponse, Failure> {
        let request = self.client.get(&self.url);
        let request =
            request.header("x-ultracart-simple-key", KEY).header("x-ultracart-api-version", VERSION);
        let answer = request.send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }
}

fn network() -> Result<reqwest::ClientBuilder, Failure> {
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy())
}
