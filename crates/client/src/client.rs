//! The client and its builder.

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

/// A client of one UltraCart account, with its limiter and its caches. Clones share everything.
///
/// Create one client per account and keep it. Two clients of one account do not count each other's calls, and
/// can exceed the quota together, unless they share a [limiter](ClientBuilder::limiter). They never share a
/// cache.
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
    /// Returns a builder with the default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder { config: Config::default(), transport: Box::new(|transport| transport) }
    }

    /// Returns the operations on users and groups.
    pub fn user_api(&self) -> UserApi {
        UserApi::new(Arc::clone(&self.0))
    }

    /// Returns the limiter, which reports the remaining quota and forecasts when calls will be done.
    pub fn limiter(&self) -> &Limiter {
        self.0.transport.limiter()
    }

    /// Returns the state of the quota and the statistics of the caches.
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
    /// If the store of the limiter's state cannot be reached.
    pub async fn snapshot(&self) -> Result<ClientSnapshot, Error> {
        Ok(ClientSnapshot { limiter: self.limiter().snapshot().await?, cache: self.cache_snapshot() })
    }

    /// Returns the statistics of the caches.
    pub fn cache_snapshot(&self) -> CacheSnapshot {
        self.0.caches.snapshot()
    }

    /// Removes all values from the caches.
    ///
    /// Calls that are in flight continue, but their responses are not cached. Afterwards the caches hold no
    /// personal data. Values that callers hold stay in memory.
    pub fn clear_cache(&self) {
        self.0.caches.clear();
    }

    /// Returns the number of requests sent so far with this client's credential, including retries and token
    /// refreshes. UltraCart counts each of them as a call. Clients that share the credential and a
    /// [`limiter`](ClientBuilder::limiter) are counted together.
    pub fn calls_spent(&self) -> u64 {
        self.limiter().calls_spent()
    }

    /// Waits until a token refresh that is in flight has stored its new refresh token. Returns at once if no
    /// token refresh is in flight.
    ///
    /// If the future of an API call is dropped while it refreshes the token, the token refresh continues.
    /// Await this function before the program ends, so that the new refresh token is not lost. A refresh
    /// token works only once: without the new one, the application needs a new authorization. The wait is at
    /// most `http.request_timeout` plus the time to store the token.
    ///
    /// # Cancel safety
    /// Dropping the future ends only the wait. The token refresh continues.
    ///
    /// ```no_run
    /// # async fn example(client: ultracart_client::Client, stop: impl Future<Output = ()>) {
    /// let api = client.user_api();
    /// tokio::select! {
    ///     _ = api.audit().run() => {}
    ///     () = stop => client.finish_token_refresh().await,
    /// }
    /// # }
    /// ```
    pub async fn finish_token_refresh(&self) {
        self.0.transport.finish_token_refresh().await;
    }
}

/// The state of a client at one point in time; see [`Client::snapshot`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClientSnapshot {
    /// State of the quota.
    pub limiter: limiter::Snapshot,
    /// Statistics of the caches.
    pub cache: CacheSnapshot,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("transport", &self.0.transport).finish_non_exhaustive()
    }
}

/// Builds a [`Client`].
///
/// ```
/// # fn main() -> Result<(), ultracart_client::Error> {
/// use ultracart_client::{Client, Config};
///
/// let mut config = Config::default();
/// config.limiter.spare = 50; // leave 50 calls of each window to other programs
/// let client = Client::builder().config(config).simple_key("key").build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    config: Config,
    transport: Box<
        dyn FnOnce(ultracart_transport::TransportBuilder) -> ultracart_transport::TransportBuilder + Send,
    >,
}

impl ClientBuilder {
    /// Replaces all settings, including those set by earlier calls of [`simple_key`](Self::simple_key) and
    /// [`base_url`](Self::base_url).
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets the simple key that authorizes calls. Replaces any other credential.
    pub fn simple_key(mut self, key: impl Into<Secret>) -> Self {
        self.config.auth = config::Auth::default();
        self.config.auth.simple_key = Some(key.into());
        self
    }

    /// Sets the URL of the API, for example of a simulated account. The default is UltraCart's.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.config.api.base_url = url.into();
        self
    }

    /// Sets the clock. The default is tokio's, which tests can pause. If a shared [`limiter`](Self::limiter)
    /// is set, the client uses the limiter's clock instead.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        self.transport(|transport| transport.clock(clock))
    }

    /// Sets a limiter that this client shares with others. Clients that call from the same IP address need
    /// this, for example the clients of several merchants. The limiter keeps the settings with which it was
    /// created. The section `[limiter]` of this client's configuration then has no effect on it.
    ///
    /// ```
    /// # fn main() -> Result<(), ultracart_client::Error> {
    /// use ultracart_client::{Client, config, limiter::Limiter};
    ///
    /// let limiter = Limiter::new(&config::Limiter::default())?;
    /// let first = Client::builder().simple_key("first-key").limiter(limiter.clone()).build()?;
    /// let second = Client::builder().simple_key("second-key").limiter(limiter).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn limiter(self, limiter: Limiter) -> Self {
        self.transport(|transport| transport.limiter(limiter))
    }

    /// Sets a function that stores each new OAuth refresh token. The function runs before the new access
    /// token is used. If the function fails, the API call that needs the access token fails, too.
    ///
    /// ```
    /// use ultracart_client::Client;
    ///
    /// let builder = Client::builder();
    /// let builder = builder.store_refresh_token(|token| std::fs::write("refresh-token", token.expose()));
    /// ```
    pub fn store_refresh_token<F, E>(self, store: F) -> Self
    where
        F: Fn(&Secret) -> Result<(), E> + Send + Sync + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.transport(|transport| transport.store_refresh_token(store))
    }

    /// Sets a service that replaces the network, such as a simulated account or a stub.
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

    /// Changes the builder of the underlying transport, for example to add a `reqwest-middleware`. Use this
    /// for settings that `ClientBuilder` does not have.
    pub fn transport(
        self,
        change: impl FnOnce(ultracart_transport::TransportBuilder) -> ultracart_transport::TransportBuilder
        + Send
        + 'static,
    ) -> Self {
        let before = self.transport;
        Self { config: self.config, transport: Box::new(|transport| change(before(transport))) }
    }

    /// Returns the client. Starts no task and sends no request.
    ///
    /// # Errors
    /// If a setting is invalid, if there is no credential, or if the file that holds the credential cannot be
    /// read.
    pub fn build(self) -> Result<Client, Error> {
        config::Settings::validate(&self.config)?;
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

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
