//! Makes a [`Transport`] of settings.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use reqwest::Url;
use reqwest_middleware::{ClientBuilder, Middleware};
use tower_service::Service;

use crate::chain::{Auth, Credentials, Exchange, Limit, Reread, Retry, ServiceBackend};
use crate::clock::{Clock, TokioClock};
use crate::config::{self, Secret};
use crate::endpoint::root;
use crate::error::{Error, ErrorKind};
use crate::limiter::{ApplicationKey, Limiter};
use crate::network;
use crate::oauth::{Session, StoreToken};
use crate::transport::{Inner, Transport};

impl Transport {
    /// A transport with these settings.
    pub fn builder(config: config::Transport) -> Builder {
        Builder {
            config,
            clock: None,
            limiter: None,
            store_token: None,
            middleware: Vec::new(),
            backend: None,
        }
    }
}

/// Makes a [`Transport`].
#[must_use = "it makes nothing until it is built"]
pub struct Builder {
    config: config::Transport,
    clock: Option<Arc<dyn Clock>>,
    limiter: Option<Limiter>,
    store_token: Option<StoreToken>,
    middleware: Vec<Arc<dyn Middleware>>,
    backend: Option<Arc<dyn Middleware>>,
}

impl Builder {
    /// Another clock than tokio's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// A limiter that is shared with the other clients that call from this IP address. Its settings hold instead of
    /// `config.limiter`, and its clock instead of [`clock`](Self::clock).
    pub fn limiter(mut self, limiter: Limiter) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// Called with every new OAuth refresh token before it is used. If it fails, the call does.
    pub fn store_refresh_token<F, E>(mut self, store: F) -> Self
    where
        F: Fn(&Secret) -> Result<(), E> + Send + Sync + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.store_token = Some(Arc::new(move |token| store(token).map_err(Into::into)));
        self
    }

    /// Adds a `reqwest-middleware`. This is the only place where a type of reqwest stands in this interface.
    ///
    /// The middleware sees every attempt that has a permit, without the credential, and the whole answer. Each `Next::run` is
    /// a call of the quota, so run it once.
    pub fn middleware(mut self, middleware: impl Middleware) -> Self {
        self.middleware.push(Arc::new(middleware));
        self
    }

    /// A service that takes the place of the network: a simulated account, or a stub.
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

    /// The transport. Nothing is started, and nothing is sent.
    ///
    /// # Errors
    /// If a setting cannot be used, or a key file cannot be read.
    pub fn build(self) -> Result<Transport, Error> {
        let Self { config, clock, limiter, store_token, middleware, backend } = self;
        config::Settings::checked(&config)?;
        let limiter = if let Some(limiter) = limiter {
            limiter
        } else {
            let clock = clock.unwrap_or_else(|| Arc::new(TokioClock::new()));
            Limiter::with_clock(&config.limiter, clock)?
        };
        let clock = Arc::clone(limiter.clock());
        let base_url = config.api.parsed_base_url()?;
        let version = HeaderValue::from_str(&config.api.version).map_err(|error| {
            Error::new(ErrorKind::InvalidConfig, "`api.version` has characters that no header can carry")
                .with_source(error)
        })?;
        let root = root(&base_url);
        let credentials = credentials(&config.auth, root, store_token, &clock)?;
        let limiter = limiter.for_credential(application_key(root, &credentials));

        let mut chain = ClientBuilder::new(network::client(&base_url, &config.http)?)
            .with(Retry::new(&config.retry, Arc::clone(&clock)))
            .with(Limit { limiter: limiter.clone(), clock: Arc::clone(&clock) });
        if !middleware.is_empty() {
            chain = chain.with(Reread);
        }
        for middleware in middleware {
            chain = chain.with_arc(middleware);
        }
        let auth =
            Auth { credentials: credentials.clone(), limiter: limiter.clone(), clock: Arc::clone(&clock) };
        chain = chain.with(auth).with(Exchange {
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

/// What UltraCart counts calls by. Tokens change, so an OAuth application is known by its client id: if several merchants
/// authorized it, they share a count here.
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
    store: Option<StoreToken>,
    clock: &Arc<dyn Clock>,
) -> Result<Credentials, Error> {
    let invalid = |why: &str| Error::new(ErrorKind::InvalidConfig, why);
    if let Some(oauth) = &config.oauth {
        let token_url = Url::parse(&format!("{base_url}/oauth/token"))
            .map_err(|error| invalid("`api.base_url` is no URL").with_source(error))?;
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
        .map_err(|_| invalid("the simple key has characters that no header can carry"))?;
    key.set_sensitive(true);
    Ok(Credentials::SimpleKey(key))
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}
