//! OAuth: access tokens that expire, and the refresh tokens that each refresh replaces.
//!
//! A refresh token works once. If its successor is lost, the application is locked out until somebody authorizes it
//! again; so a new one is stored before the access token that came with it is used, and where several processes
//! share a file, one of them refreshes at a time and the others go on from what it wrote.

mod answer;
mod token_file;

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
use crate::error::{Error, ErrorKind, shown};
use answer::Fields;
use token_file::{Locked, TokenFile};

pub(crate) use answer::is_answer;

/// A token is renewed this long before it expires, or a tenth of its life where that is less.
const AHEAD: Duration = Duration::from_mins(1);
/// The life of a token that does not say how long it lives.
const UNKNOWN_LIFE: Duration = Duration::from_mins(10);

/// Stores a new refresh token, which replaces all earlier ones.
pub(crate) type StoreToken =
    Arc<dyn Fn(&Secret) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + Sync>;

/// The tokens of an application.
pub(crate) struct Session {
    client_id: String,
    token_url: Url,
    state: Arc<Mutex<State>>,
    /// Held from before a refresh is sent until its new refresh token is stored.
    in_flight: Arc<Mutex<()>>,
    file: Option<TokenFile>,
    store: Option<StoreToken>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct State {
    access: Option<Access>,
    /// The refresh token to use next.
    refresh: Option<Secret>,
    /// Whether that token is still to be stored: an earlier attempt failed.
    unstored: bool,
}

#[derive(Debug)]
struct Access {
    /// Marked as sensitive, so that no `Debug` shows it.
    header: HeaderValue,
    renew_at: Instant,
}

/// The state of the access token.
pub(crate) enum TokenStatus {
    /// The token can be used.
    Valid(HeaderValue),
    /// The token has to be refreshed. All other calls wait meanwhile.
    Expired(Box<Refresh>),
}

/// A refresh under way.
pub(crate) struct Refresh {
    client_id: String,
    token_url: Url,
    _in_flight: OwnedMutexGuard<()>,
    state: OwnedMutexGuard<State>,
    locked: Option<Locked>,
    store: Option<StoreToken>,
    clock: Arc<dyn Clock>,
    used: Secret,
}

impl Session {
    /// A session that begins with the refresh token in a file, or with this one where the file is not there.
    pub(crate) fn new(
        client_id: String,
        token_url: Url,
        refresh: Option<Secret>,
        file: Option<PathBuf>,
        store: Option<StoreToken>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let state = Arc::new(Mutex::new(State { refresh, ..State::default() }));
        let file = file.map(TokenFile::new);
        Self { client_id, token_url, state, in_flight: Arc::default(), file, store, clock }
    }

    /// Which application it is.
    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Returns the token, or the exclusive right to refresh it.
    pub(crate) async fn token(&self) -> Result<TokenStatus, Error> {
        let mut state = Arc::clone(&self.state).lock_owned().await;
        if let Some(access) = state.access.as_ref().filter(|access| self.clock.now() < access.renew_at) {
            return Ok(TokenStatus::Valid(access.header.clone()));
        }
        let (file, callback) = (self.file.clone(), self.store.clone());
        let (refresh, is_unstored) = (state.refresh.clone(), state.unstored);
        let (locked, used) = blocking(move || {
            let mut locked = file.map(TokenFile::lock).transpose()?;
            // What a file holds is newer than what was configured, and what could not be stored is newer than that.
            let file = locked
                .as_ref()
                .filter(|file| !is_unstored && (refresh.is_none() || file.is_there()));
            let used = match (file, refresh) {
                (Some(file), _) => file.read()?,
                (None, Some(refresh)) => refresh,
                (None, None) => {
                    return Err(Error::new(
                        ErrorKind::Oauth,
                        "there is no refresh token: set `auth.oauth.refresh_token` or `auth.oauth.refresh_token_file`",
                    ));
                }
            };
            if is_unstored {
                store(locked.as_mut(), callback.as_ref(), &used)?;
            }
            if let Some(locked) = &mut locked {
                locked.prepare()?;
            }
            Ok((locked, used))
        })
        .await?;
        state.unstored = false;
        Ok(TokenStatus::Expired(Box::new(Refresh {
            client_id: self.client_id.clone(),
            token_url: self.token_url.clone(),
            _in_flight: Arc::clone(&self.in_flight).lock_owned().await,
            state,
            locked,
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            used,
        })))
    }

    /// Waits for a refresh that is in flight.
    pub(crate) async fn finish_refresh(&self) {
        drop(self.in_flight.lock().await);
    }

    /// Says that the server did not accept a token.
    pub(crate) async fn reject(&self, token: &HeaderValue) {
        let mut state = self.state.lock().await;
        // Another call may have got a new one meanwhile.
        if state.access.as_ref().is_some_and(|access| access.header == token) {
            state.access = None;
        }
    }
}

impl Refresh {
    /// The call to `/oauth/token`.
    pub(crate) fn request(&self) -> Request {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.client_id)
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", self.used.expose())
            .finish();
        let mut request = Request::new(Method::POST, self.token_url.clone());
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form_type);
        *request.body_mut() = Some(form.into());
        request
    }

    /// Takes the answer in: the new refresh token is read and stored before anything else, and only then is the access
    /// token used.
    pub(crate) async fn finish(
        mut self: Box<Self>,
        status: StatusCode,
        body: &[u8],
    ) -> Result<HeaderValue, Error> {
        let failed = |why: String| Error::new(ErrorKind::Oauth, why);
        let body = String::from_utf8_lossy(body);
        let answer = Fields::of(&body);
        if let Some(refresh) = answer.token("refresh_token").filter(|_| status.is_success()) {
            let refresh = Secret::from(refresh.expose());
            self.state.refresh = Some(refresh.clone());
            self.state.unstored = true;
            let (mut locked, callback) = (self.locked.take(), self.store.clone());
            blocking(move || store(locked.as_mut(), callback.as_ref(), &refresh)).await?;
            self.state.unstored = false;
        }
        let Some(access_token) = answer.token("access_token").filter(|_| status.is_success()) else {
            // Nothing else of the answer is shown: it could be a token.
            return Err(failed(match answer.refusal() {
                // It can quote the token that was sent, before it is cut to a length.
                Some(why) => format!(
                    "no new token: {}; if the refresh token was used or revoked elsewhere, authorize the application again",
                    shown(&why.replace(self.used.expose(), "(hidden)")).trim_end_matches('.')
                ),
                None => format!(
                    "no new token: the answer has status {} and is not what is documented",
                    status.as_u16()
                ),
            }));
        };
        let mut header = HeaderValue::from_str(&format!("Bearer {}", access_token.expose()))
            .map_err(|_| failed("no new token: it has characters that no header can carry".to_owned()))?;
        header.set_sensitive(true);
        let life = answer
            .get("expires_in")
            .map_or(UNKNOWN_LIFE, |life: ExpiresIn| Duration::from_secs(life.as_secs()));
        let renew_at = self.clock.now() + life.saturating_sub(AHEAD.min(life / 10));
        self.state.access = Some(Access { header: header.clone(), renew_at });
        Ok(header)
    }
}

/// Files and callbacks can take their time, and the runtime has other things to do.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|panic| {
        Error::new(ErrorKind::Oauth, "reading or storing the refresh token panicked").with_source(panic)
    })?
}

fn store(locked: Option<&mut Locked>, callback: Option<&StoreToken>, token: &Secret) -> Result<(), Error> {
    if let Some(locked) = locked {
        locked.write(token).map_err(|error| {
            unstored(
                &format!("the new refresh token cannot be written to {}", locked.path().display()),
                error,
            )
        })?;
    }
    if let Some(callback) = callback {
        callback(token).map_err(|error| unstored("the new refresh token cannot be stored", error))?;
    }
    Ok(())
}

fn unstored(what: &str, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    let why = format!(
        "{what}: it is only in memory, and the one before it is used up; it is stored before the next use, but if the \
         program ends first, the application has to be authorized again"
    );
    Error::new(ErrorKind::Oauth, why).with_source(error)
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
