//! Credentials: the simple key and OAuth applications, whose refresh tokens are single-use.

use std::collections::HashMap;
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use ultracart_model::{OauthTokenResponse, Token};

use crate::account::Rng;

/// Name of the application that uses the simple key.
pub(crate) const SIMPLE_KEY_APPLICATION: &str = "simple key";

#[derive(Debug)]
pub(crate) struct Credentials {
    simple_key: Token,
    clients: Vec<Client>,
    /// The issued access tokens.
    issued: HashMap<String, IssuedToken>,
    lifetime: Duration,
    rng: Rng,
}

/// An OAuth application.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    id: String,
    /// The only valid refresh token. Each token refresh replaces it.
    refresh_token: Token,
    /// OAuth scopes, separated by spaces.
    scopes: String,
}

impl Client {
    pub(crate) fn new(id: &str, refresh_token: &str, scopes: &str) -> Self {
        Self { id: id.to_owned(), refresh_token: refresh_token.into(), scopes: scopes.to_owned() }
    }
}

#[derive(Debug)]
struct IssuedToken {
    client_id: String,
    expires_at: Duration,
}

/// Why a token refresh failed: `error` and `error_description`.
pub(crate) type OauthError = (&'static str, &'static str);

impl Credentials {
    pub(crate) fn new(simple_key: Token, clients: Vec<Client>, lifetime: Duration, seed: u64) -> Self {
        Self { simple_key, clients, issued: HashMap::new(), lifetime, rng: Rng::new(seed, u64::MAX) }
    }

    pub(crate) fn simple_key(&self) -> &Token {
        &self.simple_key
    }

    pub(crate) fn applications(&self) -> impl Iterator<Item = &str> {
        std::iter::once(SIMPLE_KEY_APPLICATION).chain(self.clients.iter().map(|client| &*client.id))
    }

    fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }

    /// Returns the application's current refresh token.
    pub(crate) fn refresh_token(&self, client_id: &str) -> Option<&Token> {
        self.client(client_id).map(|client| &client.refresh_token)
    }

    /// Returns whether an application has a scope. The simple key has all scopes.
    pub(crate) fn has_scope(&self, application: &str, scope: &str) -> bool {
        self.client(application).is_none_or(|client| client.scopes.split(' ').any(|has| has == scope))
    }

    /// Returns the issued access tokens.
    pub(crate) fn access_tokens(&self) -> impl Iterator<Item = &str> {
        self.issued.keys().map(String::as_str)
    }

    /// Returns the application whose credentials are in the headers, or `None` if they are missing or
    /// invalid.
    pub(crate) fn application(&self, headers: &HeaderMap, now: Duration) -> Option<String> {
        if let Some(key) = headers.get("x-ultracart-simple-key") {
            let is_right = key.as_bytes() == self.simple_key.expose().as_bytes();
            return is_right.then(|| SIMPLE_KEY_APPLICATION.to_owned());
        }
        let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        let token = self.issued.get(token.trim())?;
        (scheme.eq_ignore_ascii_case("bearer") && now < token.expires_at).then(|| token.client_id.clone())
    }

    /// Expires all access tokens.
    pub(crate) fn expire_access_tokens(&mut self) {
        self.issued.clear();
    }

    /// Exchanges a refresh token for a new access token and a new refresh token.
    pub(crate) fn refresh(
        &mut self,
        client_id: &str,
        refresh_token: &str,
        now: Duration,
    ) -> Result<OauthTokenResponse, OauthError> {
        let [access, next] = [self.rng.next(), self.rng.next()].map(|number| format!("{number:016x}"));
        let Some(client) = self.clients.iter_mut().find(|client| client.id == client_id) else {
            return Err(("invalid_client", "There is no such application."));
        };
        if client.refresh_token.expose() != refresh_token {
            return Err(("invalid_grant", "The refresh token is not valid, or was used before."));
        }
        let (access, next) = (format!("access-{access}"), format!("refresh-{next}"));
        client.refresh_token = next.as_str().into();
        let scopes = client.scopes.clone();
        self.issued.retain(|_, token| now < token.expires_at);
        let expires_at = now.saturating_add(self.lifetime);
        self.issued.insert(access.clone(), IssuedToken { client_id: client_id.to_owned(), expires_at });
        Ok(OauthTokenResponse::new()
            .access_token(access)
            .refresh_token(next)
            .token_type("bearer")
            .expires_in(self.lifetime.as_secs())
            .scope(scopes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refresh_token_is_valid_once() {
        let mut credentials =
            Credentials::new("k".into(), vec![Client::new("app", "r1", "")], Duration::from_secs(10), 1);
        let tokens = credentials.refresh("app", "r1", Duration::ZERO).unwrap();
        assert_eq!(credentials.refresh("app", "r1", Duration::ZERO).unwrap_err().0, "invalid_grant");
        assert_eq!(credentials.refresh("other", "r1", Duration::ZERO).unwrap_err().0, "invalid_client");

        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {}", tokens.access_token.unwrap().expose());
        headers.insert(AUTHORIZATION, bearer.parse().unwrap());
        let who =
            |credentials: &Credentials, now| credentials.application(&headers, Duration::from_secs(now));
        assert_eq!(who(&credentials, 9).as_deref(), Some("app"));
        assert_eq!(who(&credentials, 10), None);
        assert_eq!(credentials.access_tokens().count(), 1);
        credentials.expire_access_tokens();
        assert_eq!(who(&credentials, 0), None);
        assert_eq!(credentials.access_tokens().count(), 0);

        let next = tokens.refresh_token.unwrap();
        assert_eq!(credentials.refresh_token("app"), Some(&next));
        credentials.refresh("app", next.expose(), Duration::ZERO).unwrap();
    }
}
