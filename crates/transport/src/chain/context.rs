//! What the layers know of the call that an attempt belongs to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::sync::Notify;

use crate::call::Safety;
use crate::error::{Error, ErrorKind};

/// Shared by all attempts at a call, and by whoever waits for it.
#[derive(Clone, Debug)]
pub(crate) struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    operation: &'static str,
    safety: Safety,
    attempts: AtomicU32,
    abandoned: AtomicBool,
    abandonment: Notify,
    renewed_token: AtomicBool,
}

impl Context {
    pub(crate) fn new(operation: &'static str, safety: Safety) -> Self {
        Self(Arc::new(Inner {
            operation,
            safety,
            attempts: AtomicU32::new(0),
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

    pub(crate) fn attempts(&self) -> u32 {
        self.0.attempts.load(Ordering::Relaxed)
    }

    pub(super) fn count_attempt(&self) {
        self.0.attempts.fetch_add(1, Ordering::Relaxed);
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
