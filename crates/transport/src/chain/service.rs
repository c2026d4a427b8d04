//! A service that replaces the network.

use std::error::Error as StdError;
use std::future::{Future, poll_fn};

use async_trait::async_trait;
use bytes::Bytes;
use http::Extensions;
use reqwest::{Body, Request, Response, ResponseBuilderExt as _};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};
use tower_service::Service;

use crate::error::{Error, ErrorKind};

/// The innermost layer if a service replaces the network. It sends requests to the service, and never to the
/// network.
#[derive(Debug)]
pub(crate) struct ServiceBackend<S>(pub(crate) S);

#[async_trait]
impl<S, B> Middleware for ServiceBackend<S>
where
    S: Service<http::Request<Bytes>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Future + Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: http_body::Body<Data = Bytes> + Send + Sync + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    async fn handle(&self, request: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response> {
        let url = request.url().clone();
        let request = http::Request::<Body>::try_from(request)?.map(|body| {
            // The transport's requests always have their complete body in memory.
            body.as_bytes().map(Bytes::copy_from_slice).unwrap_or_default()
        });
        let mut service = self.0.clone();
        let response = async {
            poll_fn(|context| service.poll_ready(context)).await?;
            service.call(request).await
        };
        let response: http::Response<B> = response
            .await
            .map_err(|error: S::Error| ChainError::middleware(Error::from_service(error.into())))?;
        let (mut parts, body) = response.into_parts();
        let with_url = http::Response::builder().url(url).body(()).map_err(|error| {
            ChainError::middleware(
                Error::new(ErrorKind::Internal, "the URL cannot be attached to the response")
                    .with_source(error),
            )
        })?;
        parts.extensions.extend(with_url.into_parts().0.extensions);
        Ok(http::Response::from_parts(parts, Body::wrap(body)).into())
    }
}
