//! A request out, a whole answer back.
//!
//! `Next::run` returns when the headers are there. Here the body is read to its end too, so that the layers above see a
//! body that breaks off or never ends as a failed attempt, and the gate stays shut until then. The timeout is below auth,
//! so that it does not cut a token refresh off.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::Extensions;
use reqwest::{Request, Response, ResponseBuilderExt as _};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};

use super::context::Context;
use super::error::peel;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};

/// Reads answers to the end, within a time and a length.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) request_timeout: Duration,
    pub(crate) max_body: u64,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Middleware for Exchange {
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

impl Exchange {
    async fn exchange(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> std::result::Result<Response, Error> {
        let context = Context::of(extensions).map_err(peel)?;
        let mut response = next.run(request, extensions).await.map_err(peel)?;
        let body = whole_body(&mut response, self.max_body).await?;
        let mut whole = http::Response::builder().status(response.status()).version(response.version());
        if let Some(headers) = whole.headers_mut() {
            std::mem::swap(headers, response.headers_mut());
        }
        if let Some(extensions) = whole.extensions_mut() {
            std::mem::swap(extensions, response.extensions_mut());
        }
        context.set_body(body.clone());
        // Without it the response would claim to come from `http://no.url.provided.local`.
        let whole = whole.url(response.url().clone()).body(body);
        whole.map(Response::from).map_err(|error| {
            Error::new(ErrorKind::Internal, "the answer cannot be put together again").with_source(error)
        })
    }
}

/// Reads the body of an answer, if it is not longer than `most`. A body that comes in one piece is not copied.
pub(super) async fn whole_body(response: &mut Response, most: u64) -> std::result::Result<Bytes, Error> {
    let announced = response.content_length().unwrap_or_default();
    if announced > most {
        return Err(Error::body_too_large(most));
    }
    let Some(first) = response.chunk().await.map_err(Error::from_reqwest)? else {
        return Ok(Bytes::new());
    };
    if first.len() as u64 == announced {
        return Ok(first);
    }
    if first.len() as u64 > most {
        return Err(Error::body_too_large(most));
    }
    let mut next = response.chunk().await.map_err(Error::from_reqwest)?;
    if next.is_none() {
        return Ok(first);
    }
    // What is announced is believed only so far: it costs the server nothing.
    let capacity = usize::try_from(announced.min(1 << 20)).unwrap_or_default();
    let mut body = BytesMut::with_capacity(capacity.max(first.len()));
    body.extend_from_slice(&first);
    while let Some(chunk) = next {
        if (body.len() + chunk.len()) as u64 > most {
            return Err(Error::body_too_large(most));
        }
        body.extend_from_slice(&chunk);
        next = response.chunk().await.map_err(Error::from_reqwest)?;
    }
    Ok(body.freeze())
}
