//! The input of an operation, apart from the account itself.

use bytes::Bytes;
use http::{Request, StatusCode};
use jiff::Timestamp;

use crate::record::has_type;
use crate::reply::Problem;
use crate::settings::{Settings, UnknownId};

/// A request, the settings that its operation depends on, and the time of day.
pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) wall: Timestamp,
    pub(crate) request: &'a Request<Bytes>,
}

impl Context<'_> {
    /// Returns the error for an unknown identifier.
    pub(super) fn unknown(&self, what: &str, id: i32) -> Problem {
        let status = match self.settings.unknown_id {
            UnknownId::BadRequest => StatusCode::BAD_REQUEST,
            UnknownId::NotFound => StatusCode::NOT_FOUND,
        };
        Problem::new(status, format!("{what} {id} does not exist.")).about(id)
    }

    /// Returns the body of a write, which has to be JSON.
    pub(super) fn json(&self) -> Result<&[u8], Problem> {
        if has_type(self.request.headers(), "application/json") {
            Ok(self.request.body())
        } else {
            Err(Problem::bad_request("The Content-Type must be application/json; charset=UTF-8."))
        }
    }
}
