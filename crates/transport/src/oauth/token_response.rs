//! The response of `/oauth/token`.

use std::collections::HashMap;

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use ultracart_model::{Text, Token};

/// Returns whether a response is a success or an OAuth error. Returns `false` for an error that is not
/// specific to OAuth, such as a 429.
pub(crate) fn is_token_response(status: StatusCode, body: &[u8]) -> bool {
    let is_general_error =
        matches!(status, StatusCode::GONE | StatusCode::TOO_MANY_REQUESTS) || status.is_server_error();
    let is_oauth_error = || TokenResponse::parse(&String::from_utf8_lossy(body)).error_message().is_some();
    status.is_success() || !is_general_error && is_oauth_error()
}

/// The fields of the response. Each is decoded separately, so that the new refresh token can be read even if
/// another field is invalid.
pub(super) struct TokenResponse<'a>(HashMap<String, &'a RawValue>);

impl<'a> TokenResponse<'a> {
    /// Parses a body. If it is not a JSON object, the result has no fields.
    pub(super) fn parse(body: &'a str) -> Self {
        Self(serde_json::from_str(body).unwrap_or_default())
    }

    /// Returns a field, if it is present and valid.
    pub(super) fn field<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }

    /// Returns a token, if it is present and not empty.
    pub(super) fn token(&self, name: &str) -> Option<Token> {
        self.field(name).filter(|token: &Token| !token.expose().is_empty())
    }

    /// Returns the message of an OAuth error. `None` for other errors of UltraCart. In an OAuth error, the
    /// field `error` is a string; in other errors, it is an object.
    pub(super) fn error_message(&self) -> Option<Text> {
        let error = self.field("error")?;
        Some(self.field("error_description").unwrap_or(error))
    }
}
