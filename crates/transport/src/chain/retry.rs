//! Retries calls where that is safe.
//!
//! reqwest-retry runs the loop, and its `ExponentialBackoff` computes the back-off. A strategy of
//! reqwest-retry sees only the result of an attempt, and not the request. So the default strategy would retry
//! even a POST. Instead, each call has its own strategy, which knows the call's safety and makes all
//! decisions.
//!
//! The limit layer sleeps for the back-off, since reqwest-retry cannot use the transport's clock. The limit
//! layer stops sleeping when the call is cancelled. After a 429, the limiter holds all calls, and the
//! rejected attempt queues for another permit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::{Extensions, StatusCode};
use reqwest::{Request, Response};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{
    Jitter, RetryDecision, RetryPolicy, RetryTransientMiddleware, Retryable, RetryableStrategy,
};
use tracing::{debug, warn};

use super::context::Context;
use super::error::as_transport_error;
use crate::call::Safety;
use crate::clock::{Clock, system_time};
use crate::config;
use crate::error::ErrorKind;

/// The retry layer.
#[derive(Debug)]
pub(crate) struct RetryLayer(Arc<RetryState>);

/// Settings and state that all calls of a transport share.
#[derive(Debug)]
struct RetryState {
    backoff: ExponentialBackoff,
    max_attempts: u32,
    max_rejections: u32,
    budget: Budget,
    clock: Arc<dyn Clock>,
}

impl RetryLayer {
    pub(crate) fn new(config: &config::Retry, clock: Arc<dyn Clock>) -> Self {
        let backoff = ExponentialBackoff::builder()
            .retry_bounds(config.base_delay.min(config.max_delay), config.max_delay)
            .jitter(Jitter::Full)
            .base(2)
            .build_with_max_retries(u32::MAX);
        Self(Arc::new(RetryState {
            backoff,
            max_attempts: config.max_attempts,
            max_rejections: config.max_rejections,
            budget: Budget::new(config.budget),
            clock,
        }))
    }
}

#[async_trait]
impl Middleware for RetryLayer {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let strategy = CallStrategy {
            context: Context::from_extensions(extensions)?,
            shared: Arc::clone(&self.0),
            failures: AtomicU32::new(0),
            rejections: AtomicU32::new(0),
        };
        RetryTransientMiddleware::new_with_policy_and_strategy(NoDelay, strategy)
            .handle(request, extensions, next)
            .await
    }
}

/// The retry budget that all calls of a transport share. It is counted in fifths of a retry: a retry after a
/// back-off costs five, and a success refunds one. In an outage, the budget is soon spent. Each call then
/// makes a single attempt.
#[derive(Debug)]
struct Budget {
    fifths: AtomicU32,
    max: u32,
}

impl Budget {
    const COST: u32 = 5;

    fn new(retries: u32) -> Self {
        let max = retries.saturating_mul(Self::COST);
        Self { fifths: AtomicU32::new(max), max }
    }

    fn spend(&self) -> bool {
        let spend = |left: u32| left.checked_sub(Self::COST);
        self.fifths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
    }

    fn refund(&self) {
        let refund = |left: u32| (left < self.max).then_some(left + 1);
        _ = self.fifths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refund);
    }
}

/// How to handle a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Do not retry: the call would fail again, or could have its effect twice.
    Final,
    /// Retry after a back-off.
    AfterBackoff,
    /// Retry as soon as the limiter grants a permit.
    NextPermit,
    /// Retry after a token refresh.
    WithNewToken,
}

/// Returns the verdict on a failed attempt. `reached` says whether the server may have carried the attempt
/// out.
fn verdict(safety: Safety, kind: ErrorKind, reached: bool) -> Verdict {
    match kind {
        // A rejected attempt had no effect.
        ErrorKind::RateLimited => Verdict::NextPermit,
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::IncompleteResponse | ErrorKind::Server
            if safety != Safety::Insert || !reached =>
        {
            Verdict::AfterBackoff
        }
        _ => Verdict::Final,
    }
}

/// The retry strategy of one call.
struct CallStrategy {
    context: Context,
    shared: Arc<RetryState>,
    failures: AtomicU32,
    rejections: AtomicU32,
}

impl RetryableStrategy for CallStrategy {
    fn handle(&self, result: &std::result::Result<Response, ChainError>) -> Option<Retryable> {
        let (kind, reached) = match result {
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                (ErrorKind::RateLimited, false)
            }
            Ok(response) if response.status().is_server_error() => (ErrorKind::Server, true),
            Ok(response)
                if response.status() == StatusCode::UNAUTHORIZED && self.context.take_token_retry() =>
            {
                return self.prepare_retry(Verdict::WithNewToken).then_some(Retryable::Transient);
            }
            Ok(response) => {
                if response.status().is_success() {
                    self.shared.budget.refund();
                }
                return None;
            }
            Err(error) => {
                as_transport_error(error).map(|error| (error.kind(), error.may_have_reached_server()))?
            }
        };
        let retry = self.prepare_retry(verdict(self.context.safety(), kind, reached));
        if retry && reached {
            self.context.record_possible_effect();
        }
        retry.then_some(Retryable::Transient)
    }
}

impl CallStrategy {
    /// Returns whether to retry. Counts the failure or the rejection. If the call will be retried after a
    /// back-off, this function also takes the retry from the budget and sets the back-off.
    fn prepare_retry(&self, verdict: Verdict) -> bool {
        let shared = &self.shared;
        if self.context.is_cancelled() {
            return false;
        }
        match verdict {
            Verdict::Final => false,
            Verdict::WithNewToken => true,
            Verdict::NextPermit => self.rejections.fetch_add(1, Ordering::Relaxed) < shared.max_rejections,
            Verdict::AfterBackoff => {
                let earlier = self.failures.fetch_add(1, Ordering::Relaxed);
                if earlier + 1 >= shared.max_attempts {
                    return false;
                }
                let backoff = shared.backoff(earlier);
                let deadline = self.context.acquire_request().deadline;
                if deadline.is_some_and(|deadline| shared.clock.now() + backoff > deadline.at) {
                    debug!("no retry, since the back-off would exceed `retry.deadline`");
                    return false;
                }
                if !shared.budget.spend() {
                    warn!("no retry, since `retry.budget` is spent: too many calls failed");
                    return false;
                }
                debug!(attempt = self.context.attempts() + 1, ?backoff, "retrying");
                self.context.set_backoff(backoff);
                true
            }
        }
    }
}

impl RetryState {
    /// Returns a random back-off up to a bound. The bound starts at `retry.base_delay` and doubles with each
    /// earlier failure. It never exceeds `retry.max_delay`.
    fn backoff(&self, earlier_failures: u32) -> Duration {
        let now = system_time();
        match self.backoff.should_retry(now, earlier_failures) {
            RetryDecision::Retry { execute_after } => execute_after.duration_since(now).unwrap_or_default(),
            RetryDecision::DoNotRetry => Duration::ZERO,
        }
    }
}

/// The policy that tells reqwest-retry never to wait, since the limit layer sleeps for the back-off.
struct NoDelay;

impl RetryPolicy for NoDelay {
    fn should_retry(&self, _: SystemTime, _: u32) -> RetryDecision {
        RetryDecision::Retry { execute_after: SystemTime::UNIX_EPOCH }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdict_by_safety_and_error_kind() {
        use ErrorKind::{
            ApplicationDisabled, BadRequest, BodyTooLarge, Connect, Deadline, Decode, IncompleteResponse,
            Internal, MaxWait, NotFound, Oauth, RateLimited, Redirect, Server, Timeout, Unauthorized,
            UnexpectedStatus,
        };
        use Verdict::{AfterBackoff, Final, NextPermit};
        for (kind, reached, reads_and_puts, inserts) in [
            (RateLimited, true, NextPermit, NextPermit),
            (Connect, false, AfterBackoff, AfterBackoff),
            (Timeout, true, AfterBackoff, Final),
            // The token refresh failed, and the call itself was not sent.
            (Timeout, false, AfterBackoff, AfterBackoff),
            (IncompleteResponse, true, AfterBackoff, Final),
            (IncompleteResponse, false, AfterBackoff, AfterBackoff),
            (Server, true, AfterBackoff, Final),
            (BadRequest, true, Final, Final),
            (Unauthorized, true, Final, Final),
            (NotFound, true, Final, Final),
            (ApplicationDisabled, true, Final, Final),
            (BodyTooLarge, true, Final, Final),
            (Redirect, true, Final, Final),
            (UnexpectedStatus, true, Final, Final),
            (Decode, true, Final, Final),
            (MaxWait, false, Final, Final),
            (Deadline, false, Final, Final),
            (Oauth, false, Final, Final),
            (Internal, true, Final, Final),
        ] {
            assert_eq!(verdict(Safety::Safe, kind, reached), reads_and_puts, "{kind:?}");
            assert_eq!(verdict(Safety::Idempotent, kind, reached), reads_and_puts, "{kind:?}");
            assert_eq!(verdict(Safety::Insert, kind, reached), inserts, "{kind:?}");
        }
    }

    #[test]
    fn budget_is_spent_by_retry_refunded_by_success() {
        let budget = Budget::new(2);
        assert!(budget.spend() && budget.spend() && !budget.spend());
        (0..4).for_each(|_| budget.refund());
        assert!(!budget.spend());
        budget.refund();
        assert!(budget.spend() && !budget.spend());
        (0..100).for_each(|_| budget.refund());
        assert!(
            budget.spend() && budget.spend() && !budget.spend(),
            "refunds never exceed the initial budget"
        );
    }

    #[test]
    fn backoff_is_jittered_up_to_doubling_bound() {
        let retry = RetryLayer::new(&config::Retry::default(), Arc::new(crate::clock::TokioClock::new()));
        for (earlier, bound) in [(0, 500), (1, 1_000), (4, 8_000), (20, 60_000), (1_000, 60_000)] {
            let backoffs: Vec<_> = (0..200).map(|_| retry.0.backoff(earlier)).collect();
            assert!(backoffs.iter().all(|backoff| *backoff <= Duration::from_millis(bound)), "{earlier}");
            assert!(backoffs.iter().any(|backoff| *backoff > Duration::from_millis(bound / 2)), "{earlier}");
            assert!(backoffs.iter().any(|backoff| *backoff < Duration::from_millis(bound / 2)), "{earlier}");
        }
    }
}
