//! The fields of a write. An update does not change the fields that are missing from its body.

use std::collections::HashMap;

use serde_json::value::RawValue;
use ultracart_model::Extra;

use crate::response::ApiError;

/// Maximum number of fields of an object. Real objects have a few dozen.
const MAX_FIELDS: usize = 1_000;

/// The fields in the body of a write, each with its JSON.
pub(super) struct Fields(HashMap<String, Box<RawValue>>);

impl Fields {
    pub(super) fn read(body: &[u8]) -> Result<Self, ApiError> {
        let fields: HashMap<String, Box<RawValue>> =
            serde_json::from_slice(body).map_err(|error| invalid_json(&error))?;
        if fields.len() > MAX_FIELDS {
            return Err(ApiError::bad_request(format!("An object has more than {MAX_FIELDS} fields.")));
        }
        Ok(Self(fields))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Replaces a field if it was sent. A null clears it.
    pub(super) fn replace<T>(&self, name: &str, field: &mut Option<T>, sent: Option<T>) {
        if self.has(name) {
            *field = sent;
        }
    }

    /// Returns the value of a password field, or `None` if the field is missing or null. The model does not
    /// deserialize such fields. The error message does not contain the value.
    pub(super) fn secret(&self, name: &str) -> Result<Option<String>, ApiError> {
        let Some(json) = self.0.get(name) else { return Ok(None) };
        serde_json::from_str(json.get())
            .map_err(|_| ApiError::bad_request(format!("{name} must be a string.")))
    }
}

pub(super) fn invalid_json(error: &serde_json::Error) -> ApiError {
    ApiError::bad_request(format!("Invalid JSON: {error}"))
}

/// Stores those fields of a write that the model does not declare. Keeps their JSON as it was sent.
pub(super) fn replace_extra(extra: &mut Extra, sent: &Extra) -> Result<(), ApiError> {
    for (name, json) in sent.iter() {
        let value: &RawValue = serde_json::from_str(json).map_err(|error| invalid_json(&error))?;
        extra.insert(name, &value).map_err(|error| ApiError::bad_request(error.to_string()))?;
    }
    if extra.len() > MAX_FIELDS {
        return Err(ApiError::bad_request(format!("An object has more than {MAX_FIELDS} fields.")));
    }
    Ok(())
}
