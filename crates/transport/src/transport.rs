//! The transport: calls in, answers out.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use reqwest::{Request, Url};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware};
use tower_service::Service;
use tracing::Instrument as _;

use crate::call::{Answer, AttemptHook, Call, EarlierAttempts};
use crate::chain::{self, Auth, Context, Credentials, Exchange, Limit, Reread, Retry, ServiceBackend};
use crate::clock::{Clock, TokioClock};
use crate::config::{self, Secret};
use crate::error::{Error, ErrorKind};
use crate::limiter::{ApplicationKey, Deadline, Limiter, WaitLimit};
use crate::network;
use crate::oauth::{Session, StoreToken};

static API_VERSION: HeaderName = HeaderName::from_static("x-ultracart-api-version");
static JSON: HeaderValue = HeaderValue::from_static("application/json");
static JSON_UTF8: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// Sends calls within the quota, and again where that is safe. Clones share everything.
#[derive(Clone)]
pub struct Transport(Arc<Inner>);

struct Inner {
    chain: ClientWithMiddleware,
    base_url: Url,
    version: HeaderValue,
    deadline: Option<Duration>,
    limiter: Limiter,
    clock: Arc<dyn Clock>,
    credentials: Credentials,
}

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

    /// Sends a call and reads its answer to the end.
    ///
    /// # Errors
    /// The last attempt's error, once sending the call again is of no use or not allowed.
    ///
    /// # Calls
    /// One for each attempt, and one for each new OAuth token.
    ///
    /// # Cancel safety
    /// Dropped before it has a permit, the call costs nothing. An attempt that has been sent is finished in the background,
    /// so that it overlaps with no other, and not sent again.
    pub async fn send(&self, call: Call) -> Result<Answer, Error> {
        self.send_with_hook(call, None).await
    }

    /// Sends a call as [`send`](Self::send) does, with a hook that observes each attempt and can cancel it.
    ///
    /// # Errors
    /// See [`send`](Self::send); [`ErrorKind::Internal`] if the hook cancelled the call.
    pub async fn send_with_hook(
        &self,
        call: Call,
        hook: Option<Arc<dyn AttemptHook>>,
    ) -> Result<Answer, Error> {
        let operation = call.operation;
        let now = self.0.clock.now();
        let deadline = self
            .0
            .deadline
            .map(|deadline| Deadline { at: now + deadline, limit: WaitLimit::RetryDeadline(deadline) });
        let context = Context::new(&call, hook, now, deadline);
        let bad_request_is_not_found = call.bad_request_is_not_found;
        let result = self.execute(self.request(call), context.clone()).await;
        let attempts = context.attempts();
        result.map(|answer| Answer { attempts, ..answer }).map_err(|error| {
            let error = match error.status() {
                Some(400) if bad_request_is_not_found && !is_about_a_header(&error) => {
                    error.with_kind(ErrorKind::NotFound)
                }
                _ => error,
            };
            let error = match context.earlier_attempts() {
                EarlierAttempts::HadNoEffect => error,
                EarlierAttempts::MayHaveHadEffect => error.after_earlier_attempt(),
            };
            error.with_operation(operation).with_attempts(attempts)
        })
    }

    /// The limiter, which knows what is left of the quota.
    pub fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    /// The clock that the transport goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Waits for a refresh of the OAuth token that is in flight, until the new refresh token is stored. Where none is,
    /// it ends at once.
    ///
    /// A refresh token works once. So a program that ends while a dropped call is still at it, or before its runtime
    /// is shut down, loses the new one and needs a new authorization.
    ///
    /// # Cancel safety
    /// Dropped, it waits no longer; the refresh goes on.
    pub async fn finish_refresh(&self) {
        if let Credentials::Oauth(session) = &self.0.credentials {
            session.finish_refresh().await;
        }
    }

    fn request(&self, call: Call) -> Request {
        let mut request = Request::new(call.method, below(&self.0.base_url, &call.path));
        let headers = request.headers_mut();
        headers.insert(API_VERSION.clone(), self.0.version.clone());
        headers.insert(header::ACCEPT, JSON.clone());
        if let Some(body) = call.body {
            headers.insert(header::CONTENT_TYPE, JSON_UTF8.clone());
            *request.body_mut() = Some(body.into());
        }
        request
    }

    async fn execute(&self, request: Request, context: Context) -> Result<Answer, Error> {
        let inner = Arc::clone(&self.0);
        let mut extensions = http::Extensions::new();
        extensions.insert(context.clone());
        let guard = CancelOnDrop(Some(context.clone()));
        // A task of its own: a caller that goes away while the server works on the call must not open the gate.
        let exchange = async move {
            let exchange = async {
                let response = inner.chain.execute_with_extensions(request, &mut extensions).await;
                response.map_err(chain::peel)
            };
            let mut response = chain::trace(&context, &*inner.clock, exchange).await?;
            let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
            let body = context.take_body();
            if status.is_success() {
                return Ok(Answer { status, headers, body, attempts: 0 });
            }
            Err(Error::from_status(status, &headers, &body, inner.clock.wall()))
        };
        let answer = tokio::spawn(exchange.in_current_span()).await;
        guard.disarm();
        answer.unwrap_or_else(|error| {
            let message = "the call did not come to an end";
            Err(Error::new(ErrorKind::Internal, message).after_sending().with_source(error))
        })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("base_url", &root(&self.0.base_url)).finish_non_exhaustive()
    }
}

/// Cancels a call whose caller went away.
struct CancelOnDrop(Option<Context>);

impl CancelOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.cancel();
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

/// The base URL without a slash at its end.
fn root(base_url: &Url) -> &str {
    base_url.as_str().trim_end_matches('/')
}

/// The URL of what is below the base URL: a path, with its query. To parse the whole anew would cost three times as much.
fn below(base_url: &Url, path: &str) -> Url {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let mut url = base_url.clone();
    url.set_path(&[base_url.path().trim_end_matches('/'), path].concat());
    url.set_query(query);
    url
}

/// A 400 can also say that `X-UltraCart-Api-Version` is not right.
fn is_about_a_header(error: &Error) -> bool {
    let said = error.developer_message().into_iter().chain(error.user_message());
    said.into_iter().any(|text| text.to_ascii_lowercase().contains("api-version"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_goes_below_the_base_url() {
        for base in ["https://example.com", "https://example.com/rest/v2", "http://127.0.0.1:1/rest%20v2/"] {
            let base = Url::parse(base).unwrap();
            for path in [
                "/user/users",
                "/user/users/7?_expand=a,b&x=a%20b c\"'",
                "/user/users?",
                "/user/./users/%2e%2e/\u{e9}?\u{e9}?/",
            ] {
                let parsed = Url::parse(&format!("{}{path}", root(&base))).unwrap();
                assert_eq!(below(&base, path), parsed);
            }
        }
    }

    #[test]
    fn no_path_leads_to_another_host() {
        let base = Url::parse("https://example.com").unwrap();
        for path in ["", ".evil.example", ":1/", "@evil.example/", "//evil.example/", "#"] {
            let url = below(&base, path);
            assert_eq!(
                (url.host_str(), url.port(), url.username()),
                (Some("example.com"), None, ""),
                "{path}"
            );
        }
    }
}
