//! Shall a call be sent again?
//!
//! reqwest-retry runs the loop. Its default strategy would replay a POST, and its two traits see neither the request
//! nor each other: so each call gets a strategy of its own that knows the operation and leaves its verdict to its
//! policy. When the server asks to wait, the limiter does it for all calls; here an attempt that was rejected simply
//! queues again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::{Extensions, StatusCode};
use reqwest::{Request, Response};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{
    Jitter, RetryDecision, RetryPolicy, RetryTransientMiddleware, Retryable, RetryableStrategy,
};
use tracing::debug;

use super::auth::TokenExpired;
use super::{Context, ours};
use crate::call::Safety;
use crate::clock::{Clock, machine_wall};
use crate::config;
use crate::error::ErrorKind;

/// The retry layer.
#[derive(Debug)]
pub(crate) struct Retry {
    backoff: ExponentialBackoff,
    max_attempts: u32,
    deadline: Option<Duration>,
    clock: Arc<dyn Clock>,
}

impl Retry {
    pub(crate) fn new(config: &config::Retry, clock: Arc<dyn Clock>) -> Self {
        let backoff = ExponentialBackoff::builder()
            .retry_bounds(config.base_delay.min(config.max_delay), config.max_delay)
            .jitter(Jitter::Full)
            .base(2)
            .build_with_max_retries(config.max_attempts.saturating_sub(1));
        Self { backoff, max_attempts: config.max_attempts, deadline: config.deadline, clock }
    }
}

#[async_trait]
impl Middleware for Retry {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let call = ThisCall {
            context: Context::of(extensions)?,
            backoff: self.backoff,
            max_attempts: self.max_attempts,
            deadline: self.deadline.map(|deadline| self.clock.now() + deadline),
            clock: Arc::clone(&self.clock),
            at_once: Arc::default(),
        };
        RetryTransientMiddleware::new_with_policy_and_strategy(call.clone(), call)
            .handle(request, extensions, next)
            .await
    }
}

/// The strategy and the policy of one call.
#[derive(Clone, Debug)]
struct ThisCall {
    context: Context,
    backoff: ExponentialBackoff,
    max_attempts: u32,
    deadline: Option<Duration>,
    clock: Arc<dyn Clock>,
    /// Whether the next attempt needs no pause of its own.
    at_once: Arc<AtomicBool>,
}

/// Whether to send again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// No: it succeeded, it would fail again, or it could do twice what should be done once.
    Done,
    /// After a pause.
    AfterPause,
    /// As soon as the limiter has a turn.
    NextTurn,
}

/// The verdict on a failure; `reached` is whether the server may have done what it was asked.
fn verdict(safety: Safety, kind: ErrorKind, reached: bool) -> Verdict {
    match kind {
        // The server says that it did nothing.
        ErrorKind::RateLimited => Verdict::NextTurn,
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::BrokenOff | ErrorKind::Server
            if safety != Safety::Insert || !reached =>
        {
            Verdict::AfterPause
        }
        _ => Verdict::Done,
    }
}

impl ThisCall {
    fn verdict(&self, result: &std::result::Result<Response, ChainError>) -> Verdict {
        match result {
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                verdict(self.context.safety(), ErrorKind::RateLimited, true)
            }
            Ok(response) if response.status().is_server_error() => {
                verdict(self.context.safety(), ErrorKind::Server, true)
            }
            Ok(response) if response.extensions().get::<TokenExpired>().is_some() => Verdict::NextTurn,
            Ok(_) => Verdict::Done,
            Err(error) => ours(error).map_or(Verdict::Done, |error| {
                verdict(self.context.safety(), error.kind(), error.may_have_reached_server())
            }),
        }
    }
}

impl RetryableStrategy for ThisCall {
    fn handle(&self, result: &std::result::Result<Response, ChainError>) -> Option<Retryable> {
        let verdict = self.verdict(result);
        self.at_once.store(verdict == Verdict::NextTurn, Ordering::Relaxed);
        (verdict != Verdict::Done).then_some(Retryable::Transient)
    }
}

impl RetryPolicy for ThisCall {
    fn should_retry(&self, first_sent: SystemTime, past_retries: u32) -> RetryDecision {
        if past_retries + 1 >= self.max_attempts || self.context.is_abandoned() {
            return RetryDecision::DoNotRetry;
        }
        let at = if self.at_once.load(Ordering::Relaxed) {
            machine_wall()
        } else {
            match self.backoff.should_retry(first_sent, past_retries) {
                RetryDecision::Retry { execute_after } => execute_after,
                RetryDecision::DoNotRetry => return RetryDecision::DoNotRetry,
            }
        };
        let pause = at.duration_since(machine_wall()).unwrap_or_default();
        if self.deadline.is_some_and(|deadline| self.clock.now() + pause > deadline) {
            debug!("`retry.deadline` leaves no time for another attempt");
            return RetryDecision::DoNotRetry;
        }
        debug!(attempt = past_retries + 2, ?pause, "again");
        RetryDecision::Retry { execute_after: at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every safety against every kind of failure.
    #[test]
    fn what_may_be_sent_again() {
        use ErrorKind::{
            ApplicationDisabled, BadRequest, BodyTooLarge, BrokenOff, Connect, Decode, Internal, MaxWait,
            NotFound, Oauth, RateLimited, Redirect, Server, Timeout, Unauthorized, UnexpectedStatus,
        };
        use Verdict::{AfterPause, Done, NextTurn};
        for (kind, reached, reads_and_puts, inserts) in [
            (RateLimited, true, NextTurn, NextTurn),
            (Connect, false, AfterPause, AfterPause),
            (Timeout, true, AfterPause, Done),
            // On the way to a token: the call itself was not sent.
            (Timeout, false, AfterPause, AfterPause),
            (BrokenOff, true, AfterPause, Done),
            (BrokenOff, false, AfterPause, AfterPause),
            (Server, true, AfterPause, Done),
            (BadRequest, true, Done, Done),
            (Unauthorized, true, Done, Done),
            (NotFound, true, Done, Done),
            (ApplicationDisabled, true, Done, Done),
            (BodyTooLarge, true, Done, Done),
            (Redirect, true, Done, Done),
            (UnexpectedStatus, true, Done, Done),
            (Decode, true, Done, Done),
            (MaxWait, false, Done, Done),
            (Oauth, false, Done, Done),
            (Internal, true, Done, Done),
        ] {
            assert_eq!(verdict(Safety::Safe, kind, reached), reads_and_puts, "{kind:?}");
            assert_eq!(verdict(Safety::Idempotent, kind, reached), reads_and_puts, "{kind:?}");
            assert_eq!(verdict(Safety::Insert, kind, reached), inserts, "{kind:?}");
        }
    }
}
