//! Sends a request and reads the complete response.
//!
//! `Next::run` returns as soon as the headers have arrived. This layer reads the body, too, before it
//! returns. So the gate stays closed until the body has been read. To the layers above, an incomplete or
//! endless body is a failed attempt.
//!
//! This layer is below auth, so each request has its own timeout: the token refresh has one, and the call's
//! own request has another. Auth stores a new refresh token outside these timeouts, so none of them
//! interrupts the storing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::Extensions;
use reqwest::{Request, Response, ResponseBuilderExt as _};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};

use super::context::Context;
use super::error::into_transport_error;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};

/// The layer that reads complete responses, within a time limit and up to a maximum length.
#[derive(Debug)]
pub(crate) struct ExchangeLayer {
    pub(crate) request_timeout: Duration,
    pub(crate) max_body: u64,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Middleware for ExchangeLayer {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let result = tokio::select! {
            result = self.exchange(request, extensions, next) => result,
            () = self.clock.sleep(self.request_timeout) => Err(Error::timeout()),
        };
        result.map_err(ChainError::middleware)
    }
}

impl ExchangeLayer {
    async fn exchange(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> std::result::Result<Response, Error> {
        let context = Context::from_extensions(extensions).map_err(into_transport_error)?;
        let mut response = next.run(request, extensions).await.map_err(into_transport_error)?;
        let body = read_body(&mut response, self.max_body).await?;
        let mut whole = http::Response::builder().status(response.status()).version(response.version());
        if let Some(headers) = whole.headers_mut() {
            std::mem::swap(headers, response.headers_mut());
        }
        if let Some(extensions) = whole.extensions_mut() {
            std::mem::swap(extensions, response.extensions_mut());
        }
        context.set_body(body.clone());
        // Without a URL, reqwest would set `http://no.url.provided.local`.
        let whole = whole.url(response.url().clone()).body(body);
        whole.map(Response::from).map_err(|error| {
            Error::new(ErrorKind::Internal, "the response cannot be rebuilt with its body").with_source(error)
        })
    }
}

/// Reads a response's body. Fails if it is longer than `max_length` bytes. A body that arrives in one chunk
/// is not copied.
pub(super) async fn read_body(response: &mut Response, max_length: u64) -> std::result::Result<Bytes, Error> {
    let announced = response.content_length().unwrap_or_default();
    if announced > max_length {
        return Err(Error::body_too_large(max_length));
    }
    let Some(first) = response.chunk().await.map_err(Error::from_reqwest)? else {
        return Ok(Bytes::new());
    };
    if first.len() as u64 == announced {
        return Ok(first);
    }
    if first.len() as u64 > max_length {
        return Err(Error::body_too_large(max_length));
    }
    let mut next = response.chunk().await.map_err(Error::from_reqwest)?;
    if next.is_none() {
        return Ok(first);
    }
    // Reserves at most 1 MiB in advance, since a server can announce any length.
    let capacity = usize::try_from(announced.min(1 << 20)).unwrap_or_default();
    let mut body = BytesMut::with_capacity(capacity.max(first.len()));
    body.extend_from_slice(&first);
    while let Some(chunk) = next {
        if (body.len() + chunk.len()) as u64 > max_length {
            return Err(Error::body_too_large(max_length));
        }
        body.extend_from_slice(&chunk);
        next = response.chunk().await.map_err(Error::from_reqwest)?;
    }
    Ok(body.freeze())
}
