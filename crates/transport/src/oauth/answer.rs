//! The answer of `/oauth/token`.

use std::collections::HashMap;

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use ultracart_model::{Text, Token};

/// Whether it is OAuth's own, and not an error that any call can get.
pub(crate) fn is_answer(status: StatusCode, body: &[u8]) -> bool {
    let is_for_any_call =
        matches!(status, StatusCode::GONE | StatusCode::TOO_MANY_REQUESTS) || status.is_server_error();
    let is_refusal = || Fields::of(&String::from_utf8_lossy(body)).refusal().is_some();
    status.is_success() || !is_for_any_call && is_refusal()
}

/// Its fields, each read on its own: one that is odd may not take the new refresh token with it.
pub(super) struct Fields<'a>(HashMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Of a text that is no object, none.
    pub(super) fn of(text: &'a str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// A field, if it is there and can be read.
    pub(super) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }

    /// A token, if there is one.
    pub(super) fn token(&self, name: &str) -> Option<Token> {
        self.get(name).filter(|token: &Token| !token.expose().is_empty())
    }

    /// Why there is no token, in OAuth's form. UltraCart's own has an object for an `error`.
    pub(super) fn refusal(&self) -> Option<Text> {
        let error = self.get("error")?;
        Some(self.get("error_description").unwrap_or(error))
    }
}
