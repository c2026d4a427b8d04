//! OAuth: refreshes access tokens and stores refresh tokens.
//!
//! A refresh token works once, and each token refresh returns a new refresh token. If the new one is lost,
//! the merchant must authorize the application again. So it is stored before the new access token is used.
//!
//! Processes can share a token file. Only one process at a time refreshes the access token. The next process
//! then reads the refresh token that the previous process wrote.

mod token_file;
mod token_response;

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use reqwest::{Request, Url};
use tokio::sync::{Mutex, OwnedMutexGuard};
use ultracart_model::ExpiresIn;

use crate::clock::{Clock, Instant};
use crate::config::Secret;
use crate::error::{Error, ErrorKind, sanitized};
use token_file::{LockedTokenFile, TokenFile};
use token_response::TokenResponse;

pub(crate) use token_response::is_token_response;

/// An access token is refreshed this long before it expires. If its lifetime is below ten minutes, it is
/// refreshed a tenth of the lifetime before it expires.
const REFRESH_AHEAD: Duration = Duration::from_mins(1);
/// Lifetime of an access token if the response has no valid `expires_in`.
const DEFAULT_LIFETIME: Duration = Duration::from_mins(10);

/// A function that stores a new refresh token, which replaces all earlier ones.
pub(crate) type StoreRefreshToken =
    Arc<dyn Fn(&Secret) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + Sync>;

/// The current tokens of an OAuth client.
pub(crate) struct Session {
    client_id: String,
    token_url: Url,
    state: Arc<Mutex<State>>,
    /// Locked while a token refresh is in flight: from before it is sent until the new refresh token is
    /// stored.
    refresh_in_flight: Arc<Mutex<()>>,
    file: Option<TokenFile>,
    store: Option<StoreRefreshToken>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct State {
    access_token: Option<AccessToken>,
    /// The latest refresh token that this process knows. The next token refresh uses it if there is no token
    /// file, or if `is_unstored` is `true`. Otherwise it uses the file's refresh token.
    refresh_token: Option<Secret>,
    /// Whether `refresh_token` is only in memory, since it could not be stored. If so, it is stored before
    /// the next token refresh is sent.
    is_unstored: bool,
}

#[derive(Debug)]
struct AccessToken {
    /// The value of the `Authorization` header, marked as sensitive so that `Debug` hides it.
    header: HeaderValue,
    refresh_at: Instant,
}

/// The state of the access token.
pub(crate) enum TokenStatus {
    /// The token is valid. Contains the value of the `Authorization` header.
    Valid(HeaderValue),
    /// The token is missing, expired or about to expire, so the caller must refresh it. Other calls wait
    /// meanwhile.
    RefreshDue(Box<TokenRefresh>),
}

/// The exclusive right to refresh the token. Send the [`request`](Self::request), then pass the response to
/// [`finish`](Self::finish).
pub(crate) struct TokenRefresh {
    client_id: String,
    token_url: Url,
    _refresh_in_flight: OwnedMutexGuard<()>,
    state: OwnedMutexGuard<State>,
    file: Option<LockedTokenFile>,
    store: Option<StoreRefreshToken>,
    clock: Arc<dyn Clock>,
    refresh_token: Secret,
}

impl Session {
    /// Creates a session. If `file` is given and exists, the session uses the refresh token in it. Otherwise
    /// the session uses `refresh_token`.
    pub(crate) fn new(
        client_id: String,
        token_url: Url,
        refresh_token: Option<Secret>,
        file: Option<PathBuf>,
        store: Option<StoreRefreshToken>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let state = Arc::new(Mutex::new(State { refresh_token, ..State::default() }));
        let file = file.map(TokenFile::new);
        Self { client_id, token_url, state, refresh_in_flight: Arc::default(), file, store, clock }
    }

    /// Returns the OAuth client's id.
    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Returns the access token if it is valid, or else the exclusive right to refresh it.
    pub(crate) async fn token(&self) -> Result<TokenStatus, Error> {
        let mut state = Arc::clone(&self.state).lock_owned().await;
        if let Some(access) =
            state.access_token.as_ref().filter(|access| self.clock.now() < access.refresh_at)
        {
            return Ok(TokenStatus::Valid(access.header.clone()));
        }
        let (file, callback) = (self.file.clone(), self.store.clone());
        let (in_memory, is_unstored) = (state.refresh_token.clone(), state.is_unstored);
        let (file, refresh_token) = blocking(move || {
            let mut file = file.map(TokenFile::lock).transpose()?;
            // The file's token is newer than the one in memory, unless the latter could not be stored.
            let newer_file = file
                .as_ref()
                .filter(|file| !is_unstored && (in_memory.is_none() || file.exists()));
            let refresh_token = match (newer_file, in_memory) {
                (Some(file), _) => file.read()?,
                (None, Some(in_memory)) => in_memory,
                (None, None) => {
                    return Err(Error::new(
                        ErrorKind::Oauth,
                        "there is no refresh token: set `auth.oauth.refresh_token` or `auth.oauth.refresh_token_file`",
                    ));
                }
            };
            if is_unstored {
                store(file.as_mut(), callback.as_ref(), &refresh_token)?;
            }
            if let Some(file) = &mut file {
                file.prepare()?;
            }
            Ok((file, refresh_token))
        })
        .await?;
        state.is_unstored = false;
        Ok(TokenStatus::RefreshDue(Box::new(TokenRefresh {
            client_id: self.client_id.clone(),
            token_url: self.token_url.clone(),
            _refresh_in_flight: Arc::clone(&self.refresh_in_flight).lock_owned().await,
            state,
            file,
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            refresh_token,
        })))
    }

    /// Waits for a token refresh that is in flight.
    pub(crate) async fn finish_token_refresh(&self) {
        drop(self.refresh_in_flight.lock().await);
    }

    /// Discards an access token that the server did not accept.
    pub(crate) async fn discard(&self, token: &HeaderValue) {
        let mut state = self.state.lock().await;
        // Another call may have refreshed the token meanwhile.
        if state.access_token.as_ref().is_some_and(|access| access.header == token) {
            state.access_token = None;
        }
    }
}

impl TokenRefresh {
    /// Returns the request to `/oauth/token`.
    pub(crate) fn request(&self) -> Request {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.client_id)
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", self.refresh_token.expose())
            .finish();
        let mut request = Request::new(Method::POST, self.token_url.clone());
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form_type);
        *request.body_mut() = Some(form.into());
        request
    }

    /// Processes the response: stores the new refresh token, then returns the value of the `Authorization`
    /// header with the new access token.
    pub(crate) async fn finish(
        mut self: Box<Self>,
        status: StatusCode,
        body: &[u8],
    ) -> Result<HeaderValue, Error> {
        let failed = |why: String| Error::new(ErrorKind::Oauth, format!("the token refresh failed: {why}"));
        let body = String::from_utf8_lossy(body);
        let response = TokenResponse::parse(&body);
        if let Some(token) = response.token("refresh_token").filter(|_| status.is_success()) {
            let refresh_token = Secret::from(token.expose());
            self.state.refresh_token = Some(refresh_token.clone());
            self.state.is_unstored = true;
            let (mut file, callback) = (self.file.take(), self.store.clone());
            blocking(move || store(file.as_mut(), callback.as_ref(), &refresh_token)).await?;
            self.state.is_unstored = false;
        }
        let Some(access_token) = response.token("access_token").filter(|_| status.is_success()) else {
            // The message shows no other part of the response, since it could be a token.
            return Err(failed(match response.error_message() {
                // UltraCart's message can quote the refresh token, so the token is removed before the message
                // is cut.
                Some(why) => format!(
                    "{}; if the refresh token was used or revoked elsewhere, authorize the application again",
                    sanitized(&why.replace(self.refresh_token.expose(), "(hidden)")).trim_end_matches('.')
                ),
                None => format!("the response has status {} and no valid access token", status.as_u16()),
            }));
        };
        let mut header =
            HeaderValue::from_str(&format!("Bearer {}", access_token.expose())).map_err(|_| {
                failed(
                    "the new access token has characters that are not allowed in an HTTP header".to_owned(),
                )
            })?;
        header.set_sensitive(true);
        let lifetime = response
            .field("expires_in")
            .map_or(DEFAULT_LIFETIME, |lifetime: ExpiresIn| Duration::from_secs(lifetime.as_secs()));
        let refresh_at = self.clock.now() + lifetime.saturating_sub(REFRESH_AHEAD.min(lifetime / 10));
        self.state.access_token = Some(AccessToken { header: header.clone(), refresh_at });
        Ok(header)
    }
}

/// Runs file operations and callbacks on tokio's blocking threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|panic| {
        Error::new(ErrorKind::Oauth, "reading or storing the refresh token panicked").with_source(panic)
    })?
}

/// Stores a refresh token in the file and through the callback.
fn store(
    file: Option<&mut LockedTokenFile>,
    callback: Option<&StoreRefreshToken>,
    token: &Secret,
) -> Result<(), Error> {
    if let Some(file) = file {
        file.write(token).map_err(|error| {
            unstored_error(
                &format!("the new refresh token cannot be written to {}", file.path().display()),
                error,
            )
        })?;
    }
    if let Some(callback) = callback {
        callback(token).map_err(|error| unstored_error("the new refresh token cannot be stored", error))?;
    }
    Ok(())
}

fn unstored_error(failure: &str, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    let message = format!(
        "{failure}: it is only in memory, and the previous one is used up; the next call tries to store it again, and \
         if the program ends first, authorize the application again"
    );
    Error::new(ErrorKind::Oauth, message).with_source(error)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("client_id", &self.client_id)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
