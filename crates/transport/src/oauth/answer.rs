//! The answer of `/oauth/token`.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use ultracart_model::Token;

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
}
