//! The transport: calls in, answers out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use reqwest::{Request, Url};
use reqwest_middleware::ClientWithMiddleware;
use tracing::Instrument as _;

use crate::call::{Answer, AttemptHook, Call, EarlierAttempts};
use crate::chain::{self, Context, Credentials};
use crate::clock::Clock;
use crate::endpoint::{below, root};
use crate::error::{Error, ErrorKind};
use crate::limiter::{Deadline, Limiter, WaitLimit};

static API_VERSION: HeaderName = HeaderName::from_static("x-ultracart-api-version");
static JSON: HeaderValue = HeaderValue::from_static("application/json");
static JSON_UTF8: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// Sends calls within the quota, and again where that is safe. Clones share everything.
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

/// A 400 can also say that `X-UltraCart-Api-Version` is not right.
fn is_about_a_header(error: &Error) -> bool {
    let said = error.developer_message().into_iter().chain(error.user_message());
    said.into_iter().any(|text| text.to_ascii_lowercase().contains("api-version"))
}
