//! Adds the current credential to each attempt.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Extensions, HeaderName, HeaderValue, StatusCode, header};
use reqwest::{Request, Response};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};

use super::context::Context;
use super::error::into_transport_error;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::limiter::{Limiter, Outcome};
use crate::oauth::{self, Session, TokenStatus};

static SIMPLE_KEY: HeaderName = HeaderName::from_static("x-ultracart-simple-key");

/// The credential of a transport.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    /// The simple key as a header value, marked as sensitive.
    SimpleKey(HeaderValue),
    /// The OAuth session, which provides the current access token.
    Oauth(Arc<Session>),
}

/// The layer that adds the credential to a request, after a token refresh if one is needed.
#[derive(Debug)]
pub(crate) struct AuthLayer {
    pub(crate) credentials: Credentials,
    pub(crate) limiter: Limiter,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Middleware for AuthLayer {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        match &self.credentials {
            Credentials::SimpleKey(key) => {
                request.headers_mut().insert(SIMPLE_KEY.clone(), key.clone());
                next.run(request, extensions).await
            }
            Credentials::Oauth(session) => {
                let context = Context::from_extensions(extensions)?;
                let token = self.token(session, &context, extensions, &next).await?;
                request.headers_mut().insert(header::AUTHORIZATION, token.clone());
                let response = next.run(request, extensions).await?;
                if response.status() == StatusCode::UNAUTHORIZED {
                    session.discard(&token).await;
                    context.record_invalid_token();
                }
                Ok(response)
            }
        }
    }
}

impl AuthLayer {
    /// Returns the current access token, after a token refresh if one is needed. Only one call refreshes the
    /// token; the others wait for it.
    ///
    /// A token refresh counts against the quota. It uses the attempt's permit, and the attempt then acquires
    /// a second permit.
    async fn token(
        &self,
        session: &Session,
        context: &Context,
        extensions: &mut Extensions,
        next: &Next<'_>,
    ) -> Result<HeaderValue> {
        let status = session.token().await.map_err(ChainError::middleware)?;
        // Checked only after `token` has marked the refresh as in flight. So a program that drops a call and
        // then calls `finish_token_refresh` does not miss the refresh.
        context.check_cancelled().map_err(ChainError::middleware)?;
        let refresh = match status {
            TokenStatus::Valid(token) => return Ok(token),
            TokenStatus::RefreshDue(refresh) => refresh,
        };
        let response = match next.clone().run(refresh.request(), extensions).await {
            Ok(response) => response,
            // The call's own request was not sent, whether or not the token request was sent.
            Err(error) => return Err(ChainError::middleware(into_transport_error(error).mark_unsent())),
        };
        let (status, body) = (response.status(), context.take_body());
        if !oauth::is_token_response(status, &body) {
            let error =
                Error::from_status(status, response.headers(), &body, self.clock.wall()).mark_unsent();
            return Err(ChainError::middleware(match error.kind() {
                // With these kinds, the caller would take the error for one about the requested object.
                ErrorKind::BadRequest | ErrorKind::NotFound => {
                    Error::new(ErrorKind::Oauth, format!("the token refresh failed: {error}"))
                }
                // The other kinds mean the same for every request.
                _ => error,
            }));
        }
        let token = refresh.finish(status, &body).await.map_err(ChainError::middleware)?;
        if let Some(permit) = context.take_permit() {
            permit.finish(Outcome::Responded);
        }
        context.start_attempt(&self.limiter).await.map_err(ChainError::middleware)?;
        Ok(token)
    }
}
