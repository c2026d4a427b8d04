//! The body of an answer that the user's own middleware may have replaced.

use async_trait::async_trait;
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};

use super::context::Context;
use super::exchange::whole_body;

/// Reads the body again above the user's middleware. Without one there is no such layer.
#[derive(Debug)]
pub(crate) struct Reread;

#[async_trait]
impl Middleware for Reread {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let context = Context::of(extensions)?;
        let mut response = next.run(request, extensions).await?;
        let body = whole_body(&mut response, u64::MAX).await.map_err(ChainError::middleware)?;
        context.set_body(body);
        Ok(response)
    }
}
