//! Whether a call is sent again.
//!
//! reqwest-retry runs the loop and its `ExponentialBackoff` says how long to pause. Its default strategy would replay a
//! POST, and its two traits see neither the request nor each other: so each call gets a strategy of its own, which knows the
//! operation and decides alone. The pause is left to the layer below, which waits by our clock and ends with the call. When
//! the server asks to wait, the limiter does so for all calls; here a rejected attempt simply queues again.

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
use super::error::ours;
use crate::call::Safety;
use crate::clock::{Clock, machine_wall};
use crate::config;
use crate::error::ErrorKind;

/// The retry layer.
#[derive(Debug)]
pub(crate) struct Retry(Arc<Rules>);

/// What all calls of a client have in common.
#[derive(Debug)]
struct Rules {
    backoff: ExponentialBackoff,
    max_attempts: u32,
    max_rejections: u32,
    budget: Budget,
    clock: Arc<dyn Clock>,
}

impl Retry {
    pub(crate) fn new(config: &config::Retry, clock: Arc<dyn Clock>) -> Self {
        let backoff = ExponentialBackoff::builder()
            .retry_bounds(config.base_delay.min(config.max_delay), config.max_delay)
            .jitter(Jitter::Full)
            .base(2)
            .build_with_max_retries(u32::MAX);
        Self(Arc::new(Rules {
            backoff,
            max_attempts: config.max_attempts,
            max_rejections: config.max_rejections,
            budget: Budget::new(config.budget),
            clock,
        }))
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
            rules: Arc::clone(&self.0),
            failures: AtomicU32::new(0),
            rejections: AtomicU32::new(0),
        };
        RetryTransientMiddleware::new_with_policy_and_strategy(AtOnce, call)
            .handle(request, extensions, next)
            .await
    }
}

/// Attempts after the first that all calls of a client may still make, in fifths: each costs five, and each success
/// brings one. So when nothing succeeds any more, calls soon make one attempt each.
#[derive(Debug)]
struct Budget {
    fifths: AtomicU32,
    most: u32,
}

impl Budget {
    const COST: u32 = 5;

    fn new(retries: u32) -> Self {
        let most = retries.saturating_mul(Self::COST);
        Self { fifths: AtomicU32::new(most), most }
    }

    fn spend(&self) -> bool {
        let spend = |left: u32| left.checked_sub(Self::COST);
        self.fifths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
    }

    fn pay_back(&self) {
        let pay = |left: u32| (left < self.most).then_some(left + 1);
        _ = self.fifths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay);
    }
}

/// What is to be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing: it would fail again, or it could do twice what should be done once.
    Final,
    /// It is sent again after a pause.
    AfterPause,
    /// It was rejected, and is sent again with the next permit.
    NextPermit,
    /// It is sent again with a new token.
    WithNewToken,
}

/// The verdict on a failure; `reached` is whether the server may have done what it was asked.
fn verdict(safety: Safety, kind: ErrorKind, reached: bool) -> Verdict {
    match kind {
        // The server says that it did nothing.
        ErrorKind::RateLimited => Verdict::NextPermit,
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::IncompleteResponse | ErrorKind::Server
            if safety != Safety::Insert || !reached =>
        {
            Verdict::AfterPause
        }
        _ => Verdict::Final,
    }
}

/// The strategy of one call.
struct ThisCall {
    context: Context,
    rules: Arc<Rules>,
    failures: AtomicU32,
    rejections: AtomicU32,
}

impl RetryableStrategy for ThisCall {
    fn handle(&self, result: &std::result::Result<Response, ChainError>) -> Option<Retryable> {
        let (kind, reached) = match result {
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                (ErrorKind::RateLimited, false)
            }
            Ok(response) if response.status().is_server_error() => (ErrorKind::Server, true),
            Ok(response)
                if response.status() == StatusCode::UNAUTHORIZED && self.context.take_token_renewal() =>
            {
                return self.goes_on(Verdict::WithNewToken).then_some(Retryable::Transient);
            }
            Ok(response) => {
                if response.status().is_success() {
                    self.rules.budget.pay_back();
                }
                return None;
            }
            Err(error) => ours(error).map(|error| (error.kind(), error.may_have_reached_server()))?,
        };
        let again = self.goes_on(verdict(self.context.safety(), kind, reached));
        if again && reached {
            self.context.may_have_had_effect();
        }
        again.then_some(Retryable::Transient)
    }
}

impl ThisCall {
    /// Whether there is another attempt, which is told how long to wait first.
    fn goes_on(&self, verdict: Verdict) -> bool {
        let rules = &self.rules;
        if self.context.is_cancelled() {
            return false;
        }
        match verdict {
            Verdict::Final => false,
            Verdict::WithNewToken => true,
            Verdict::NextPermit => self.rejections.fetch_add(1, Ordering::Relaxed) < rules.max_rejections,
            Verdict::AfterPause => {
                let past = self.failures.fetch_add(1, Ordering::Relaxed);
                if past + 1 >= rules.max_attempts {
                    return false;
                }
                let pause = rules.pause(past);
                let deadline = self.context.request().deadline;
                if deadline.is_some_and(|deadline| rules.clock.now() + pause > deadline.at) {
                    debug!("`retry.deadline` leaves no time for another attempt");
                    return false;
                }
                if !rules.budget.spend() {
                    warn!("`retry.budget` is spent: too many calls fail for another attempt at each");
                    return false;
                }
                debug!(attempt = self.context.attempts() + 1, ?pause, "again");
                self.context.set_pause(pause);
                true
            }
        }
    }
}

impl Rules {
    /// The pause after so many failures: full jitter under a bound that doubles.
    fn pause(&self, past: u32) -> Duration {
        let before = machine_wall();
        match self.backoff.should_retry(before, past) {
            RetryDecision::Retry { execute_after } => {
                execute_after.duration_since(before).unwrap_or_default()
            }
            RetryDecision::DoNotRetry => Duration::ZERO,
        }
    }
}

/// The policy of every call: what the strategy says, and no wait here.
struct AtOnce;

impl RetryPolicy for AtOnce {
    fn should_retry(&self, _: SystemTime, _: u32) -> RetryDecision {
        RetryDecision::Retry { execute_after: SystemTime::UNIX_EPOCH }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every safety against every kind of failure.
    #[test]
    fn what_may_be_sent_again() {
        use ErrorKind::{
            ApplicationDisabled, BadRequest, BodyTooLarge, Connect, Deadline, Decode, IncompleteResponse,
            Internal, MaxWait, NotFound, Oauth, RateLimited, Redirect, Server, Timeout, Unauthorized,
            UnexpectedStatus,
        };
        use Verdict::{AfterPause, Final as Done, NextPermit};
        for (kind, reached, reads_and_puts, inserts) in [
            (RateLimited, true, NextPermit, NextPermit),
            (Connect, false, AfterPause, AfterPause),
            (Timeout, true, AfterPause, Done),
            // On the way to a token: the call itself was not sent.
            (Timeout, false, AfterPause, AfterPause),
            (IncompleteResponse, true, AfterPause, Done),
            (IncompleteResponse, false, AfterPause, AfterPause),
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
            (Deadline, false, Done, Done),
            (Oauth, false, Done, Done),
            (Internal, true, Done, Done),
        ] {
            assert_eq!(verdict(Safety::Safe, kind, reached), reads_and_puts, "{kind:?}");
            assert_eq!(verdict(Safety::Idempotent, kind, reached), reads_and_puts, "{kind:?}");
            assert_eq!(verdict(Safety::Insert, kind, reached), inserts, "{kind:?}");
        }
    }

    #[test]
    fn the_budget_is_spent_by_retries_and_paid_back_by_successes() {
        let budget = Budget::new(2);
        assert!(budget.spend() && budget.spend() && !budget.spend());
        (0..4).for_each(|_| budget.pay_back());
        assert!(!budget.spend());
        budget.pay_back();
        assert!(budget.spend() && !budget.spend());
        (0..100).for_each(|_| budget.pay_back());
        assert!(budget.spend() && budget.spend() && !budget.spend(), "it never grows beyond its size");
    }

    #[test]
    fn the_pause_is_jittered_under_a_bound_that_doubles() {
        let retry = Retry::new(&config::Retry::default(), Arc::new(crate::clock::TokioClock::new()));
        for (past, bound) in [(0, 500), (1, 1_000), (4, 8_000), (20, 60_000), (1_000, 60_000)] {
            let pauses: Vec<_> = (0..200).map(|_| retry.0.pause(past)).collect();
            assert!(pauses.iter().all(|pause| *pause <= Duration::from_millis(bound)), "{past}");
            assert!(pauses.iter().any(|pause| *pause > Duration::from_millis(bound / 2)), "{past}");
            assert!(pauses.iter().any(|pause| *pause < Duration::from_millis(bound / 2)), "{past}");
        }
    }
}
