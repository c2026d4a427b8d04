//! Sends calls and returns their responses.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use reqwest::{Request, Url};
use reqwest_middleware::ClientWithMiddleware;
use tracing::Instrument as _;

use crate::call::{ApiResponse, AttemptHook, Call, EarlierAttempts};
use crate::chain::{self, Context, Credentials};
use crate::clock::Clock;
use crate::endpoint::{call_url, without_slash};
use crate::error::{Error, ErrorKind};
use crate::limiter::{Deadline, Limiter, WaitLimit};

static API_VERSION: HeaderName = HeaderName::from_static("x-ultracart-api-version");
static JSON: HeaderValue = HeaderValue::from_static("application/json");
static JSON_UTF8: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// Sends calls within the quota and retries them where that is safe. Clones share one limiter and connection
/// pool.
///
/// Use [`Transport::builder`] to create one.
#[derive(Clone)]
pub struct Transport(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) chain: ClientWithMiddleware,
    pub(crate) base_url: Url,
    pub(crate) version: HeaderValue,
    pub(crate) deadline: Option<Duration>,
    pub(crate) limiter: Limiter,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) credentials: Credentials,
}

impl Transport {
    /// Sends a call and returns its complete response.
    ///
    /// # Errors
    /// The error of the last attempt, if a retry would not help or is not allowed.
    ///
    /// # Calls
    /// One for each attempt, and one for each token refresh.
    ///
    /// # Cancel safety
    /// If the future is dropped before the call has a permit, the call costs nothing. An attempt that was
    /// sent is finished in the background, but not retried. It keeps its permit until then, so that the next
    /// call does not overlap with it.
    pub async fn send(&self, call: Call) -> Result<ApiResponse, Error> {
        self.send_with_hook(call, None).await
    }

    /// Sends a call. The hook, if there is one, observes each attempt and can cancel the call.
    ///
    /// # Errors
    /// Those of [`send`](Self::send), and [`ErrorKind::Internal`] if the hook cancelled the call.
    ///
    /// # Calls
    /// Those of [`send`](Self::send); none if the hook cancels the first attempt.
    ///
    /// # Cancel safety
    /// That of [`send`](Self::send).
    pub async fn send_with_hook(
        &self,
        call: Call,
        hook: Option<Arc<dyn AttemptHook>>,
    ) -> Result<ApiResponse, Error> {
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
        result.map(|response| ApiResponse { attempts, ..response }).map_err(|error| {
            let error = match error.status() {
                Some(400) if bad_request_is_not_found && !is_about_api_version(&error) => {
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

    /// Returns the limiter, to read the remaining quota.
    pub fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    /// Returns the transport's clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Waits until a token refresh that is in flight has stored its new refresh token. Returns at once if
    /// none is in flight.
    ///
    /// Call this before the program exits or shuts its runtime down. A refresh token works once: if the
    /// program ends during a token refresh, the new refresh token is lost, and the application needs a new
    /// authorization.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the token refresh.
    pub async fn finish_token_refresh(&self) {
        if let Credentials::Oauth(session) = &self.0.credentials {
            session.finish_token_refresh().await;
        }
    }

    fn request(&self, call: Call) -> Request {
        let mut request = Request::new(call.method, call_url(&self.0.base_url, &call.path));
        let headers = request.headers_mut();
        headers.insert(API_VERSION.clone(), self.0.version.clone());
        headers.insert(header::ACCEPT, JSON.clone());
        if let Some(body) = call.body {
            headers.insert(header::CONTENT_TYPE, JSON_UTF8.clone());
            *request.body_mut() = Some(body.into());
        }
        request
    }

    async fn execute(&self, request: Request, context: Context) -> Result<ApiResponse, Error> {
        let inner = Arc::clone(&self.0);
        let mut extensions = http::Extensions::new();
        extensions.insert(context.clone());
        let guard = CancelOnDrop(Some(context.clone()));
        // Runs in a separate task. If the caller is cancelled while the server works on the call, the gate
        // must stay closed.
        let exchange = async move {
            let exchange = async {
                let response = inner.chain.execute_with_extensions(request, &mut extensions).await;
                response.map_err(chain::into_transport_error)
            };
            let mut response = chain::trace(&context, &*inner.clock, exchange).await?;
            let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
            let body = context.take_body();
            if status.is_success() {
                return Ok(ApiResponse { status, headers, body, attempts: 0 });
            }
            Err(Error::from_status(status, &headers, &body, inner.clock.wall()))
        };
        let result = tokio::spawn(exchange.in_current_span()).await;
        guard.disarm();
        result.unwrap_or_else(|error| {
            let message = "the call's task panicked, or its runtime shut down";
            Err(Error::new(ErrorKind::Internal, message).mark_sent().with_source(error))
        })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("base_url", &without_slash(&self.0.base_url))
            .finish_non_exhaustive()
    }
}

/// Cancels the call when the caller drops the call's future. Contains `None` once the call has ended.
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

/// Returns whether a 400 is about the header `X-UltraCart-Api-Version`, and not about the object.
fn is_about_api_version(error: &Error) -> bool {
    let messages = error.developer_message().into_iter().chain(error.user_message());
    messages.into_iter().any(|text| text.to_ascii_lowercase().contains("api-version"))
}
