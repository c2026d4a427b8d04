//! When may an attempt be sent?

use std::sync::Arc;

use async_trait::async_trait;
use http::{Extensions, StatusCode};
use reqwest::{Request, Response};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};
use tracing::{debug, warn};

use super::{Context, ours};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::limiter::{Limiter, Outcome, retry_after};

/// Takes a permit for every attempt, holds it until the answer is there, and tells the limiter what it was.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) limiter: Limiter,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Middleware for Limit {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let context = Context::of(extensions)?;
        let asked_at = self.clock.now();
        let permit = tokio::select! {
            biased;
            () = context.abandoned() => return Err(ChainError::middleware(
                Error::new(ErrorKind::Internal, "nobody waits for the call any more"))),
            permit = self.limiter.acquire() => Arc::new(permit.map_err(ChainError::middleware)?),
        };
        context.count_attempt();
        debug!(attempt = context.attempts(), waited = ?self.clock.now().saturating_sub(asked_at), "sending");
        // A layer further in needs another turn when it has to get a token first.
        extensions.insert(Arc::clone(&permit));
        let result = next.run(request, extensions).await;
        extensions.remove::<Arc<crate::limiter::Permit>>();
        permit.finish(self.outcome(&result));
        result
    }
}

impl Limit {
    fn outcome(&self, result: &Result<Response>) -> Outcome {
        match result {
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                let retry_after = retry_after::parse(response.headers(), self.clock.wall());
                warn!(?retry_after, "429: all calls wait");
                Outcome::Rejected(retry_after)
            }
            Ok(_) => Outcome::Answered,
            Err(error) => match ours(error) {
                Some(error) if error.kind() == ErrorKind::RateLimited => {
                    Outcome::Rejected(error.retry_after())
                }
                Some(error) if error.kind() == ErrorKind::Connect => Outcome::Unsent,
                _ => Outcome::Unknown,
            },
        }
    }
}
