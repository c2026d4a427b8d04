//! The state of a call, which the layers share.
//!
//! Custom middleware runs between the layers, so the layers cannot pass values to each other directly.
//! Instead, the request's extensions contain a [`Context`].

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Extensions;
use reqwest_middleware::Error as ChainError;
use tokio::sync::Notify;

use crate::call::{AttemptHook, Call, EarlierAttempts, Safety};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::limiter::{AcquireRequest, Constraint, Deadline, Limiter, Permit};
use crate::lock::lock;

/// The state of one call, shared by the caller, the layers and all attempts.
#[derive(Clone)]
pub(crate) struct Context(Arc<Inner>);

struct Inner {
    operation: &'static str,
    safety: Safety,
    cache: &'static str,
    hook: Option<Arc<dyn AttemptHook>>,
    called_at: Instant,
    acquire_request: AcquireRequest,
    is_cancelled: AtomicBool,
    cancellation: Notify,
    progress: Mutex<Progress>,
}

/// The part of a call's context that is changed by its attempts.
struct Progress {
    attempts: u32,
    earlier: EarlierAttempts,
    /// How long the next attempt sleeps before it queues for a permit.
    backoff: Duration,
    token_retry: TokenRetry,
    /// The permit of the attempt that is being sent.
    permit: Option<Permit>,
    /// The body of the latest response.
    body: Bytes,
}

/// The state of the one retry that a call gets if its OAuth token is invalid.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TokenRetry {
    Unused,
    Due,
    Used,
}

impl Context {
    /// Creates the context of a call that starts at `now`.
    pub(crate) fn new(
        call: &Call,
        hook: Option<Arc<dyn AttemptHook>>,
        now: Instant,
        deadline: Option<Deadline>,
    ) -> Self {
        Self(Arc::new(Inner {
            operation: call.operation,
            safety: call.safety,
            cache: call.cache,
            hook,
            called_at: now,
            // Retries keep the position in the queue that the call had at first.
            acquire_request: AcquireRequest { priority: call.priority, since: Some(now), deadline },
            is_cancelled: AtomicBool::new(false),
            cancellation: Notify::new(),
            progress: Mutex::new(Progress {
                attempts: 0,
                earlier: EarlierAttempts::HadNoEffect,
                backoff: Duration::ZERO,
                token_retry: TokenRetry::Unused,
                permit: None,
                body: Bytes::new(),
            }),
        }))
    }

    /// Returns the context that the transport added to the request's extensions.
    pub(super) fn from_extensions(extensions: &Extensions) -> Result<Self, ChainError> {
        extensions.get::<Self>().cloned().ok_or_else(|| {
            ChainError::middleware(Error::new(
                ErrorKind::Internal,
                "the request's extensions contain no context",
            ))
        })
    }

    pub(super) fn operation(&self) -> &'static str {
        self.0.operation
    }

    pub(super) fn safety(&self) -> Safety {
        self.0.safety
    }

    /// Returns the outcome of the cache lookup before the call.
    pub(super) fn cache(&self) -> &'static str {
        self.0.cache
    }

    pub(super) fn called_at(&self) -> Instant {
        self.0.called_at
    }

    pub(super) fn acquire_request(&self) -> &AcquireRequest {
        &self.0.acquire_request
    }

    fn with_progress<T>(&self, change: impl FnOnce(&mut Progress) -> T) -> T {
        change(&mut lock(&self.0.progress))
    }

    /// Returns the number of attempts so far.
    pub(crate) fn attempts(&self) -> u32 {
        self.with_progress(|progress| progress.attempts)
    }

    pub(super) fn count_attempt(&self) {
        self.with_progress(|progress| progress.attempts += 1);
    }

    /// Returns whether an attempt that was retried may have had an effect on the server.
    pub(crate) fn earlier_attempts(&self) -> EarlierAttempts {
        self.with_progress(|progress| progress.earlier)
    }

    /// Records that a failed attempt may have had an effect on the server. Called only if the attempt is
    /// retried.
    pub(super) fn record_possible_effect(&self) {
        self.with_progress(|progress| progress.earlier = EarlierAttempts::MayHaveHadEffect);
    }

    /// Sets the back-off: the pause that the next attempt makes before it queues for a permit.
    pub(super) fn set_backoff(&self, backoff: Duration) {
        self.with_progress(|progress| progress.backoff = backoff);
    }

    pub(super) fn take_backoff(&self) -> Duration {
        self.with_progress(|progress| std::mem::take(&mut progress.backoff))
    }

    /// Waits for a permit, calls the hook, and stores the permit of the attempt. Returns the reason why the
    /// attempt waited; `None` if it did not wait.
    pub(super) async fn start_attempt(&self, limiter: &Limiter) -> Result<Option<Constraint>, Error> {
        let mut permit = self.unless_cancelled(limiter.acquire(self.acquire_request())).await?;
        if let Some(hook) = &self.0.hook
            && let ControlFlow::Break(()) = hook.before_attempt(self.earlier_attempts())
        {
            let message = "the call was cancelled before it was sent, since its response is no longer needed";
            return Err(Error::new(ErrorKind::Internal, message));
        }
        permit.mark_sent();
        let constraint = permit.constraint();
        self.with_progress(|progress| progress.permit = Some(permit));
        Ok(constraint)
    }

    /// Takes the permit of the current attempt. Returns `None` if the attempt has no permit now: a token
    /// refresh has used the attempt's first permit, and the attempt does not have a second permit yet.
    pub(super) fn take_permit(&self) -> Option<Permit> {
        self.with_progress(|progress| progress.permit.take())
    }

    /// Stores the body of a response, so that the layers above can read it here. Reading it from the response
    /// would remove it from the response.
    pub(super) fn set_body(&self, body: Bytes) {
        self.with_progress(|progress| progress.body = body);
    }

    pub(super) fn body(&self) -> Bytes {
        self.with_progress(|progress| progress.body.clone())
    }

    /// Takes the body of the latest response.
    pub(crate) fn take_body(&self) -> Bytes {
        self.with_progress(|progress| std::mem::take(&mut progress.body))
    }

    /// Records that the server did not accept the OAuth token.
    pub(super) fn record_invalid_token(&self) {
        self.with_progress(|progress| {
            if progress.token_retry == TokenRetry::Unused {
                progress.token_retry = TokenRetry::Due;
            }
        });
    }

    /// Returns whether to retry the call with a new OAuth token. This is so if the server did not accept the
    /// previous token. Returns `true` at most once for each call.
    pub(super) fn take_token_retry(&self) -> bool {
        self.with_progress(|progress| {
            let is_due = progress.token_retry == TokenRetry::Due;
            if is_due {
                progress.token_retry = TokenRetry::Used;
            }
            is_due
        })
    }

    /// Cancels the call. Used when the caller has dropped the call's future. An attempt that is being sent
    /// continues.
    pub(crate) fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::Release);
        self.0.cancellation.notify_one();
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Acquire)
    }

    /// Fails if the call has been cancelled.
    pub(super) fn check_cancelled(&self) -> Result<(), Error> {
        if self.is_cancelled() {
            return Err(Error::new(ErrorKind::Internal, "the caller dropped the call"));
        }
        Ok(())
    }

    /// Runs a cancel-safe future until it completes or the call is cancelled.
    pub(super) async fn unless_cancelled<T>(
        &self,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let cancelled = async {
            loop {
                self.check_cancelled()?;
                self.0.cancellation.notified().await;
            }
        };
        tokio::select! {
            biased;
            cancelled = cancelled => cancelled,
            result = future => result,
        }
    }
}
