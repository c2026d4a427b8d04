//! The client and how it is made.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::OnceCell;
use tower_service::Service;
use ultracart_transport::limiter::{self, Limiter};
use ultracart_transport::{Clock, Error, Transport};

use crate::cache::{CacheSnapshot, Caches};
use crate::config::{self, Config, Secret};
use crate::inner::Inner;
use crate::user_api::UserApi;

/// A connection to one UltraCart account, with its quota and its caches. Clones share everything.
///
/// Make one per account and keep it: two clients of one account do not know of each other's calls.
///
/// ```no_run
/// # async fn example() -> Result<(), ultracart_client::Error> {
/// use ultracart_client::Client;
///
/// let api = Client::builder().simple_key("…").build()?.user_api();
/// for user in api.get_users().await?.iter() {
///     println!("{:?}", user.login);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

impl Client {
    /// A client is made from its configuration.
    pub fn builder() -> Builder {
        Builder { config: Config::default(), transport: Box::new(|transport| transport) }
    }

    /// The operations on users and groups.
    pub fn user_api(&self) -> UserApi {
        UserApi::new(Arc::clone(&self.0))
    }

    /// What is left of the quota, and what it takes.
    pub fn limiter(&self) -> &Limiter {
        self.0.transport.limiter()
    }

    /// What is left of the quota, and what the caches were good for.
    ///
    /// ```
    /// # use ultracart_client::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sim = ultracart_sim::Sim::builder().users(3).simple_key("key").build();
    /// let client = Client::builder().simple_key("key").service(sim.service()).build()?;
    /// for _ in 0..10 {
    ///     client.user_api().get_users().await?;
    /// }
    /// let snapshot = client.snapshot().await?;
    /// assert_eq!((snapshot.limiter.calls_spent, snapshot.cache.total().calls_saved), (1, 9));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the store of the limits cannot be reached.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot { limiter: self.limiter().snapshot().await?, cache: self.cache_snapshot() })
    }

    /// What the caches were good for.
    pub fn cache_snapshot(&self) -> CacheSnapshot {
        self.0.caches.snapshot()
    }

    /// Forgets what was read. Personal data stays in memory only where somebody holds it. What has been sent for already is
    /// not remembered either.
    pub fn clear_cache(&self) {
        self.0.caches.clear();
    }

    /// How many calls have been sent, retries and token refreshes included.
    pub fn calls_spent(&self) -> u64 {
        self.limiter().calls_spent()
    }

    /// Waits for a refresh of the OAuth token that is in flight, until the new refresh token is stored. Where none is,
    /// it ends at once.
    ///
    /// To be awaited before a program ends whose calls may have been dropped; see
    /// [`Transport::finish_refresh`](ultracart_transport::Transport::finish_refresh). It takes no longer than
    /// `http.request_timeout` and the storing.
    ///
    /// ```no_run
    /// # async fn example(client: ultracart_client::Client, stop: impl Future<Output = ()>) {
    /// let api = client.user_api();
    /// tokio::select! {
    ///     _ = api.audit().run() => {}
    ///     () = stop => client.finish_refresh().await,
    /// }
    /// # }
    /// ```
    pub async fn finish_refresh(&self) {
        self.0.transport.finish_refresh().await;
    }
}

/// What a client knows at one moment; see [`Client::snapshot`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// The quota.
    pub limiter: limiter::Snapshot,
    /// The caches.
    pub cache: CacheSnapshot,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("transport", &self.0.transport).finish_non_exhaustive()
    }
}

/// Makes a [`Client`].
#[must_use = "it makes nothing until it is built"]
pub struct Builder {
    config: Config,
    transport: Box<dyn FnOnce(ultracart_transport::Builder) -> ultracart_transport::Builder + Send>,
}

impl Builder {
    /// All settings at once; what is set before is lost.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The simple key to call with, and no other credential.
    pub fn simple_key(mut self, key: impl Into<Secret>) -> Self {
        self.config.auth = config::Auth::default();
        self.config.auth.simple_key = Some(key.into());
        self
    }

    /// Where the API is, if not at UltraCart's.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.config.api.base_url = url.into();
        self
    }

    /// Another clock than tokio's.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        self.transport(|transport| transport.clock(clock))
    }

    /// A limiter that is shared with the other clients that call from this IP address, one for each merchant; see
    /// [`Limiter`].
    pub fn limiter(self, limiter: Limiter) -> Self {
        self.transport(|transport| transport.limiter(limiter))
    }

    /// Called with every new OAuth refresh token before it is used; see
    /// [`Builder::store_refresh_token`](ultracart_transport::Builder::store_refresh_token).
    pub fn store_refresh_token<F, E>(self, store: F) -> Self
    where
        F: Fn(&Secret) -> Result<(), E> + Send + Sync + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.transport(|transport| transport.store_refresh_token(store))
    }

    /// A service that takes the place of the network: a simulated account, or a stub.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use ultracart_client::Client;
    /// use ultracart_sim::Sim;
    ///
    /// let sim = Sim::builder().users(3).simple_key("key").build();
    /// let api = Client::builder().simple_key("key").service(sim.service()).build()?.user_api();
    /// assert_eq!(api.get_users().await?.len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn service<S, B>(self, service: S) -> Self
    where
        S: Service<http::Request<Bytes>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn StdError + Send + Sync>>,
        B: http_body::Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.transport(|transport| transport.service(service))
    }

    /// The way to whatever else the transport can do, a middleware of one's own above all.
    pub fn transport(
        self,
        change: impl FnOnce(ultracart_transport::Builder) -> ultracart_transport::Builder + Send + 'static,
    ) -> Self {
        let before = self.transport;
        Self { config: self.config, transport: Box::new(|transport| change(before(transport))) }
    }

    /// The client. Nothing is started, and nothing is sent.
    ///
    /// # Errors
    /// If a setting cannot be used, there is no credential, or its file cannot be read.
    pub fn build(self) -> Result<Client, Error> {
        config::Settings::checked(&self.config)?;
        let (cache, audit) = (self.config.cache.clone(), self.config.audit.clone());
        let base_url = self.config.api.base_url.clone();
        let transport = (self.transport)(Transport::builder(self.config.transport())).build()?;
        let caches = Arc::new(Caches::new(&cache, transport.limiter()));
        Ok(Client(Arc::new(Inner {
            transport,
            caches,
            get_group_returns_nothing: OnceCell::new(),
            audit,
            base_url,
        })))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}
