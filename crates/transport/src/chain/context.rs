//! What the layers share about the call that an attempt belongs to.
//!
//! The user's own middleware stands between the layers, so they cannot pass values to each other. A context is the one
//! value that travels among a request's extensions instead.

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

/// Shared by the layers, by all attempts at a call, and by the caller.
#[derive(Clone)]
pub(crate) struct Context(Arc<Inner>);

struct Inner {
    operation: &'static str,
    safety: Safety,
    cache: &'static str,
    hook: Option<Arc<dyn AttemptHook>>,
    asked_at: Instant,
    request: AcquireRequest,
    is_cancelled: AtomicBool,
    cancellation: Notify,
    progress: Mutex<Progress>,
}

/// What changes from attempt to attempt.
struct Progress {
    attempts: u32,
    earlier: EarlierAttempts,
    /// How long the next attempt pauses before it asks for a permit.
    pause: Duration,
    renewal: TokenRenewal,
    /// The permit of the attempt that is being sent.
    permit: Option<Permit>,
    /// The body of the latest answer.
    body: Bytes,
}

/// A call is sent again once because the server rejected its OAuth token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TokenRenewal {
    Unused,
    Due,
    Used,
}

impl Context {
    /// The context of a call that is asked for now.
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
            asked_at: now,
            // Attempts after the first keep the call's position in the queue: it has waited already.
            request: AcquireRequest { priority: call.priority, since: Some(now), deadline },
            is_cancelled: AtomicBool::new(false),
            cancellation: Notify::new(),
            progress: Mutex::new(Progress {
                attempts: 0,
                earlier: EarlierAttempts::HadNoEffect,
                pause: Duration::ZERO,
                renewal: TokenRenewal::Unused,
                permit: None,
                body: Bytes::new(),
            }),
        }))
    }

    /// The context that the transport put among the extensions.
    pub(super) fn of(extensions: &Extensions) -> Result<Self, ChainError> {
        extensions.get::<Self>().cloned().ok_or_else(|| {
            ChainError::middleware(Error::new(ErrorKind::Internal, "a call without its context"))
        })
    }

    pub(super) fn operation(&self) -> &'static str {
        self.0.operation
    }

    pub(super) fn safety(&self) -> Safety {
        self.0.safety
    }

    /// What the cache said before there was a call.
    pub(super) fn cache(&self) -> &'static str {
        self.0.cache
    }

    pub(super) fn asked_at(&self) -> Instant {
        self.0.asked_at
    }

    pub(super) fn request(&self) -> &AcquireRequest {
        &self.0.request
    }

    fn with_progress<T>(&self, change: impl FnOnce(&mut Progress) -> T) -> T {
        change(&mut lock(&self.0.progress))
    }

    /// How often the call was sent.
    pub(crate) fn attempts(&self) -> u32 {
        self.with_progress(|progress| progress.attempts)
    }

    pub(super) fn count_attempt(&self) {
        self.with_progress(|progress| progress.attempts += 1);
    }

    /// What the attempts so far may have done on the server.
    pub(crate) fn earlier_attempts(&self) -> EarlierAttempts {
        self.with_progress(|progress| progress.earlier)
    }

    /// Notes that the attempt which failed may have been carried out.
    pub(super) fn may_have_had_effect(&self) {
        self.with_progress(|progress| progress.earlier = EarlierAttempts::MayHaveHadEffect);
    }

    /// Lets the next attempt pause before it asks for a permit.
    pub(super) fn set_pause(&self, pause: Duration) {
        self.with_progress(|progress| progress.pause = pause);
    }

    pub(super) fn take_pause(&self) -> Duration {
        self.with_progress(|progress| std::mem::take(&mut progress.pause))
    }

    /// Waits for a permit, asks the hook, and keeps the permit for the attempt that is sent now. Returns what it waited for.
    pub(super) async fn start_attempt(&self, limiter: &Limiter) -> Result<Option<Constraint>, Error> {
        let mut permit = self.unless_cancelled(limiter.acquire(self.request())).await?;
        if let Some(hook) = &self.0.hook
            && let ControlFlow::Break(()) = hook.before_attempt(self.earlier_attempts())
        {
            let why = "the call was cancelled when its permit came, since nothing needs it any more";
            return Err(Error::new(ErrorKind::Internal, why));
        }
        permit.mark_sent();
        let constraint = permit.constraint();
        self.with_progress(|progress| progress.permit = Some(permit));
        Ok(constraint)
    }

    /// Takes the permit of the attempt, if the attempt still has one.
    pub(super) fn take_permit(&self) -> Option<Permit> {
        self.with_progress(|progress| progress.permit.take())
    }

    /// Keeps the body of an answer, which the layers above could only read by taking it from the response.
    pub(super) fn set_body(&self, body: Bytes) {
        self.with_progress(|progress| progress.body = body);
    }

    pub(super) fn body(&self) -> Bytes {
        self.with_progress(|progress| progress.body.clone())
    }

    /// Takes the body of the latest answer.
    pub(crate) fn take_body(&self) -> Bytes {
        self.with_progress(|progress| std::mem::take(&mut progress.body))
    }

    /// Notes that the server rejected the OAuth token.
    pub(super) fn token_rejected(&self) {
        self.with_progress(|progress| {
            if progress.renewal == TokenRenewal::Unused {
                progress.renewal = TokenRenewal::Due;
            }
        });
    }

    /// Whether the call may be sent again with a new token, which it may once.
    pub(super) fn take_token_renewal(&self) -> bool {
        self.with_progress(|progress| {
            let is_due = progress.renewal == TokenRenewal::Due;
            if is_due {
                progress.renewal = TokenRenewal::Used;
            }
            is_due
        })
    }

    /// Cancels what has not been sent: the caller has gone away.
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
            return Err(Error::new(ErrorKind::Internal, "nobody waits for the call any more"));
        }
        Ok(())
    }

    /// Waits for a future that nothing is lost by dropping, or until the call is cancelled.
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
