//! What a write says, and what it says nothing about: an update keeps the fields that it does not send.

use std::collections::HashMap;

use serde_json::value::RawValue;
use ultracart_model::Extra;

use crate::reply::Problem;

/// A sane object has a few dozen fields.
const MAX_FIELDS: usize = 1_000;

/// The names of the fields that were sent, each with its JSON.
pub(super) struct Fields(HashMap<String, Box<RawValue>>);

impl Fields {
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        let fields: HashMap<String, Box<RawValue>> =
            serde_json::from_slice(body).map_err(|error| invalid_json(&error))?;
        if fields.len() > MAX_FIELDS {
            return Err(Problem::bad_request(format!("An object has {MAX_FIELDS} fields at the most.")));
        }
        Ok(Self(fields))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Replaces a field if it was sent, with nothing if it was sent as null.
    pub(super) fn replace<T>(&self, name: &str, field: &mut Option<T>, sent: Option<T>) {
        if self.has(name) {
            *field = sent;
        }
    }

    /// A text that the object's type does not read. The message must not repeat it: it is a password.
    pub(super) fn secret(&self, name: &str) -> Result<Option<String>, Problem> {
        let Some(json) = self.0.get(name) else { return Ok(None) };
        serde_json::from_str(json.get())
            .map_err(|_| Problem::bad_request(format!("{name} must be a string.")))
    }
}

pub(super) fn invalid_json(error: &serde_json::Error) -> Problem {
    Problem::bad_request(format!("Invalid JSON: {error}"))
}

/// Takes over the fields that nobody knows, as they came.
pub(super) fn replace_extra(extra: &mut Extra, sent: &Extra) -> Result<(), Problem> {
    for (name, json) in sent.iter() {
        let value: &RawValue = serde_json::from_str(json).map_err(|error| invalid_json(&error))?;
        extra.insert(name, &value).map_err(|error| Problem::bad_request(error.to_string()))?;
    }
    if extra.len() > MAX_FIELDS {
        return Err(Problem::bad_request(format!("An object has {MAX_FIELDS} fields at the most.")));
    }
    Ok(())
}
