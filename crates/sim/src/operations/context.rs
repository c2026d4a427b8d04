//! The input of an operation besides the account.

use bytes::Bytes;
use http::{Request, StatusCode};
use jiff::Timestamp;

use crate::record::has_type;
use crate::response::ApiError;
use crate::settings::{Settings, UnknownIdStatus};

/// A request, the account's settings, and the current date and time.
pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) wall: Timestamp,
    pub(crate) request: &'a Request<Bytes>,
}

impl Context<'_> {
    /// Returns the error for an unknown identifier.
    pub(super) fn unknown_id(&self, what: &str, id: i32) -> ApiError {
        let status = match self.settings.unknown_id {
            UnknownIdStatus::BadRequest => StatusCode::BAD_REQUEST,
            UnknownIdStatus::NotFound => StatusCode::NOT_FOUND,
        };
        ApiError::new(status, format!("{what} {id} does not exist.")).about(id)
    }

    /// Returns the body of a write, or an error if its `Content-Type` is not JSON.
    pub(super) fn json(&self) -> Result<&[u8], ApiError> {
        if has_type(self.request.headers(), "application/json") {
            Ok(self.request.body())
        } else {
            Err(ApiError::bad_request("The Content-Type must be application/json; charset=UTF-8."))
        }
    }
}
