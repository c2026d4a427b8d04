//! The current credential, fresh for every attempt.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Extensions, HeaderName, HeaderValue, StatusCode, header};
use reqwest::{Request, Response};
use reqwest_middleware::{Error as ChainError, Middleware, Next, Result};

use super::context::Context;
use super::error::peel;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::limiter::{Limiter, Outcome};
use crate::oauth::{self, Session, TokenStatus};

static SIMPLE_KEY: HeaderName = HeaderName::from_static("x-ultracart-simple-key");

/// How a request proves who sends it.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    /// A header that never changes, marked as sensitive.
    SimpleKey(HeaderValue),
    /// A token that does.
    Oauth(Arc<Session>),
}

/// Puts the credential on a request, and gets a new token where it has to.
#[derive(Debug)]
pub(crate) struct Auth {
    pub(crate) credentials: Credentials,
    pub(crate) limiter: Limiter,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Middleware for Auth {
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
                let context = Context::of(extensions)?;
                let token = self.token(session, &context, extensions, &next).await?;
                request.headers_mut().insert(header::AUTHORIZATION, token.clone());
                let response = next.run(request, extensions).await?;
                if response.status() == StatusCode::UNAUTHORIZED {
                    session.reject(&token).await;
                    context.token_rejected();
                }
                Ok(response)
            }
        }
    }
}

impl Auth {
    /// Returns the current access token. While one call refreshes it, the others wait. The refresh is a call of its own: it
    /// takes the permit that was meant for the request, and the request acquires the next one behind the same gate.
    async fn token(
        &self,
        session: &Session,
        context: &Context,
        extensions: &mut Extensions,
        next: &Next<'_>,
    ) -> Result<HeaderValue> {
        let status = session.token().await.map_err(ChainError::middleware)?;
        // Only now: a refresh counts as in flight from here on, so a caller that drops a call and then waits for the
        // refresh in flight misses none.
        context.check_cancelled().map_err(ChainError::middleware)?;
        let refresh = match status {
            TokenStatus::Valid(token) => return Ok(token),
            TokenStatus::Expired(refresh) => refresh,
        };
        let answer = match next.clone().run(refresh.request(), extensions).await {
            Ok(response) => response,
            // The call itself was not sent, however far the way to its token went.
            Err(error) => return Err(ChainError::middleware(peel(error).before_sending())),
        };
        let (status, body) = (answer.status(), context.take_body());
        if !oauth::is_answer(status, &body) {
            let error =
                Error::from_status(status, answer.headers(), &body, self.clock.wall()).before_sending();
            return Err(ChainError::middleware(match error.kind() {
                // Above, these would be about what the call asks for.
                ErrorKind::BadRequest | ErrorKind::NotFound => {
                    Error::new(ErrorKind::Oauth, format!("no new token: {error}"))
                }
                // The limiter, the retry layer and whoever called know what these mean, whichever call they answer.
                _ => error,
            }));
        }
        let token = refresh.finish(status, &body).await.map_err(ChainError::middleware)?;
        if let Some(permit) = context.take_permit() {
            permit.finish(Outcome::Answered);
        }
        context.start_attempt(&self.limiter).await.map_err(ChainError::middleware)?;
        Ok(token)
    }
}
