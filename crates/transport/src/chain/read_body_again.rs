//! Reads the response body again, since a custom middleware may have replaced it.

use async_trait::async_trait;
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};

use super::context::Context;
use super::exchange::read_body;

/// The layer that reads the body of the response that the custom middleware returns. It is added only if
/// there is custom middleware.
#[derive(Debug)]
pub(crate) struct ReadBodyAgain;

#[async_trait]
impl Middleware for ReadBodyAgain {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let context = Context::from_extensions(extensions)?;
        let mut response = next.run(request, extensions).await?;
        let body = read_body(&mut response, u64::MAX).await.map_err(ChainError::middleware)?;
        context.set_body(body);
        Ok(response)
    }
}
