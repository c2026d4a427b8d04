//! What the layers know of the call that an attempt belongs to.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use crate::call::{AttemptHook, Call, EarlierAttempts, Safety};
use crate::clock::{Instant, nanos};
use crate::error::{Error, ErrorKind};
use crate::limiter::{AcquireRequest, Deadline, Permit};
use crate::lock::lock;

/// Shared by all attempts at a call, and by whoever waits for it.
#[derive(Clone, Debug)]
pub(crate) struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    operation: &'static str,
    safety: Safety,
    cache: &'static str,
    hook: Option<Arc<dyn AttemptHook>>,
    asked_at: Instant,
    request: AcquireRequest,
    permit: Mutex<Option<Permit>>,
    attempts: AtomicU32,
    /// How long to wait before asking for a turn again, in nanoseconds.
    pause: AtomicU64,
    /// Whether the server may have seen an attempt whose end was not seen.
    reached: AtomicBool,
    abandoned: AtomicBool,
    abandonment: Notify,
    renewed_token: AtomicBool,
}

impl Context {
    /// Of a call that is asked for now.
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
            request: AcquireRequest { priority: call.priority, since: Some(now), deadline },
            permit: Mutex::new(None),
            attempts: AtomicU32::new(0),
            pause: AtomicU64::new(0),
            reached: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            abandonment: Notify::new(),
            renewed_token: AtomicBool::new(false),
        }))
    }

    /// The context that the transport put among the extensions.
    pub(super) fn of(extensions: &http::Extensions) -> Result<Self, reqwest_middleware::Error> {
        extensions.get::<Self>().cloned().ok_or_else(|| {
            reqwest_middleware::Error::middleware(Error::new(
                ErrorKind::Internal,
                "a call without its context",
            ))
        })
    }

    pub(super) fn operation(&self) -> &'static str {
        self.0.operation
    }

    pub(super) fn safety(&self) -> Safety {
        self.0.safety
    }

    /// What the cache had to say before there was a call.
    pub(super) fn cache(&self) -> &'static str {
        self.0.cache
    }

    pub(super) fn asked_at(&self) -> Instant {
        self.0.asked_at
    }

    /// The request for a permit. Attempts after the first keep the call's position in the queue: it has waited already.
    pub(super) fn request(&self) -> &AcquireRequest {
        &self.0.request
    }

    /// Keeps the permit of the attempt that is being sent.
    pub(super) fn put_permit(&self, permit: Permit) {
        *lock(&self.0.permit) = Some(permit);
    }

    /// Takes the permit of the attempt out, if it still has one.
    pub(super) fn take_permit(&self) -> Option<Permit> {
        lock(&self.0.permit).take()
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.0.attempts.load(Ordering::Relaxed)
    }

    pub(super) fn count_attempt(&self) {
        self.0.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// Calls the attempt hook, which can cancel the call before the attempt is sent.
    pub(super) fn before_attempt(&self) -> Result<(), reqwest_middleware::Error> {
        let Some(hook) = &self.0.hook else { return Ok(()) };
        let earlier =
            if self.reached() { EarlierAttempts::MayHaveHadEffect } else { EarlierAttempts::HadNoEffect };
        match hook.before_attempt(earlier) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(reqwest_middleware::Error::middleware(Error::new(
                ErrorKind::Internal,
                "the call was cancelled when its permit came, since nothing needs it any more",
            ))),
        }
    }

    /// The next attempt shall ask for its turn so much later.
    pub(super) fn pause_for(&self, pause: Duration) {
        self.0.pause.store(nanos(pause), Ordering::Relaxed);
    }

    pub(super) fn take_pause(&self) -> Duration {
        Duration::from_nanos(self.0.pause.swap(0, Ordering::Relaxed))
    }

    /// Whether the server may have done what an attempt asked that failed.
    pub(crate) fn reached(&self) -> bool {
        self.0.reached.load(Ordering::Relaxed)
    }

    pub(super) fn set_reached(&self) {
        self.0.reached.store(true, Ordering::Relaxed);
    }

    /// Nobody waits for the call any more: what has not been sent need not be.
    pub(crate) fn abandon(&self) {
        self.0.abandoned.store(true, Ordering::Release);
        self.0.abandonment.notify_one();
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.0.abandoned.load(Ordering::Acquire)
    }

    /// Ends when nobody waits for the call any more.
    pub(super) async fn abandoned(&self) {
        while !self.is_abandoned() {
            self.0.abandonment.notified().await;
        }
    }

    /// Whether this is the first 401 of the call: a token is renewed once.
    pub(super) fn may_renew_token(&self) -> bool {
        !self.0.renewed_token.swap(true, Ordering::Relaxed)
    }
}
