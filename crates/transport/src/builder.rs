//! Builds a [`Transport`] from its configuration.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use reqwest::Url;
use reqwest_middleware::{ClientBuilder, Middleware};
use tower_service::Service;

use crate::chain::{
    AuthLayer, Credentials, ExchangeLayer, LimitLayer, ReadBodyAgain, RetryLayer, ServiceBackend,
};
use crate::clock::{Clock, TokioClock};
use crate::config::{self, Secret};
use crate::endpoint::without_slash;
use crate::error::{Error, ErrorKind};
use crate::limiter::{ApplicationKey, Limiter};
use crate::network;
use crate::oauth::{Session, StoreRefreshToken};
use crate::transport::{Inner, Transport};

impl Transport {
    /// Returns a builder of a transport with this configuration.
    ///
    /// ```
    /// use ultracart_transport::{Call, Error, Transport, config};
    ///
    /// # async fn example() -> Result<(), Error> {
    /// let mut config = config::Transport::default();
    /// config.auth.simple_key = Some("your-key".into());
    /// let transport = Transport::builder(config).build()?;
    /// let users = transport.send(Call::get("get_users", "/user/users")).await?;
    /// println!("{}", String::from_utf8_lossy(&users.body));
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(config: config::Transport) -> TransportBuilder {
        TransportBuilder {
            config,
            clock: None,
            limiter: None,
            store_refresh_token: None,
            middleware: Vec::new(),
            backend: None,
        }
    }
}

/// Builds a [`Transport`]. Created by [`Transport::builder`].
#[must_use = "call `build` to create the transport"]
pub struct TransportBuilder {
    config: config::Transport,
    clock: Option<Arc<dyn Clock>>,
    limiter: Option<Limiter>,
    store_refresh_token: Option<StoreRefreshToken>,
    middleware: Vec<Arc<dyn Middleware>>,
    backend: Option<Arc<dyn Middleware>>,
}

impl TransportBuilder {
    /// Sets the clock. The default is [`TokioClock`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Shares a limiter with other clients that call from the same IP address.
    ///
    /// The limiter's settings replace `config.limiter`, and its clock replaces [`clock`](Self::clock).
    pub fn limiter(mut self, limiter: Limiter) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// Sets a function that stores each new OAuth refresh token.
    ///
    /// It runs before the new access token is used. If it fails, the call fails, too.
    pub fn store_refresh_token<F, E>(mut self, store: F) -> Self
    where
        F: Fn(&Secret) -> Result<(), E> + Send + Sync + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.store_refresh_token = Some(Arc::new(move |token| store(token).map_err(Into::into)));
        self
    }

    /// Adds a custom middleware of the crate `reqwest-middleware`.
    ///
    /// When an attempt has its permit, the middleware receives the attempt's request. Later it receives the
    /// complete response. The request does not contain the credential yet. Call `Next::run` at most once:
    /// each use of it sends a request, but the limiter counts only one request.
    pub fn middleware(mut self, middleware: impl Middleware) -> Self {
        self.middleware.push(Arc::new(middleware));
        self
    }

    /// Replaces the network with a service, such as a simulated account or a stub.
    pub fn service<S, B>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Bytes>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn StdError + Send + Sync>>,
        B: http_body::Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.backend = Some(Arc::new(ServiceBackend(service)));
        self
    }

    /// Builds the transport, without starting a task or sending anything.
    ///
    /// # Errors
    /// If a setting is invalid, or if the key file or the machine's root certificates cannot be read.
    pub fn build(self) -> Result<Transport, Error> {
        let Self { config, clock, limiter, store_refresh_token, middleware, backend } = self;
        config::Settings::validate(&config)?;
        let limiter = if let Some(limiter) = limiter {
            limiter
        } else {
            let clock = clock.unwrap_or_else(|| Arc::new(TokioClock::new()));
            Limiter::with_clock(&config.limiter, clock)?
        };
        let clock = Arc::clone(limiter.clock());
        let base_url = config.api.parsed_base_url()?;
        let version = HeaderValue::from_str(&config.api.version).map_err(|error| {
            Error::new(
                ErrorKind::InvalidConfig,
                "`api.version` has characters that are not allowed in an HTTP header",
            )
            .with_source(error)
        })?;
        let root = without_slash(&base_url);
        let credentials = credentials(&config.auth, root, store_refresh_token, &clock)?;
        let limiter = limiter.for_credential(application_key(root, &credentials));

        let mut chain = ClientBuilder::new(network::http_client(&base_url, &config.http)?)
            .with(RetryLayer::new(&config.retry, Arc::clone(&clock)))
            .with(LimitLayer { limiter: limiter.clone(), clock: Arc::clone(&clock) });
        if !middleware.is_empty() {
            chain = chain.with(ReadBodyAgain);
        }
        for middleware in middleware {
            chain = chain.with_arc(middleware);
        }
        let auth = AuthLayer {
            credentials: credentials.clone(),
            limiter: limiter.clone(),
            clock: Arc::clone(&clock),
        };
        chain = chain.with(auth).with(ExchangeLayer {
            request_timeout: config.http.request_timeout,
            max_body: config.http.max_body,
            clock: Arc::clone(&clock),
        });
        if let Some(backend) = backend {
            chain = chain.with_arc(backend);
        }
        let (chain, deadline) = (chain.build(), config.retry.deadline);
        Ok(Transport(Arc::new(Inner { chain, base_url, version, deadline, limiter, clock, credentials })))
    }
}

/// Returns a fingerprint of the application that UltraCart counts calls for.
///
/// OAuth tokens change, so the fingerprint uses the client id. UltraCart counts the calls of an OAuth client
/// for all merchants together.
fn application_key(base_url: &str, credentials: &Credentials) -> ApplicationKey {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let (kind, credential) = match credentials {
        Credentials::SimpleKey(key) => (&b"simple_key"[..], key.as_bytes()),
        Credentials::Oauth(session) => (&b"oauth"[..], session.client_id().as_bytes()),
    };
    for part in [base_url.as_bytes(), kind, credential] {
        digest.update(part);
        digest.update(b"\0");
    }
    let mut key = [0; 32];
    key.copy_from_slice(digest.finish().as_ref());
    ApplicationKey(key)
}

fn credentials(
    config: &config::Auth,
    base_url: &str,
    store: Option<StoreRefreshToken>,
    clock: &Arc<dyn Clock>,
) -> Result<Credentials, Error> {
    let invalid = |why: &str| Error::new(ErrorKind::InvalidConfig, why);
    if let Some(oauth) = &config.oauth {
        let token_url = Url::parse(&format!("{base_url}/oauth/token"))
            .map_err(|error| invalid("`api.base_url` is not a URL").with_source(error))?;
        return Ok(Credentials::Oauth(Arc::new(Session::new(
            oauth.client_id.clone(),
            token_url,
            oauth.refresh_token.clone(),
            oauth.refresh_token_file.clone(),
            store,
            Arc::clone(clock),
        ))));
    }
    let key = config.resolve_simple_key()?;
    let mut key = HeaderValue::from_str(key.expose())
        .map_err(|_| invalid("the simple key has characters that are not allowed in an HTTP header"))?;
    key.set_sensitive(true);
    Ok(Credentials::SimpleKey(key))
}

impl fmt::Debug for TransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
