//! Decodes responses. A response with status 200 can still be an error, HTML or empty.

use serde::de::DeserializeOwned;
use ultracart_model::{
    ErrorDetails, ErrorResponse, GroupResponse, GroupsResponse, UserLoginsResponse, UserResponse,
    UsersResponse,
};
use ultracart_transport::{ApiResponse, Error, ErrorKind};

/// A decoded response, with access to fields that all responses have.
pub(super) trait Envelope: DeserializeOwned {
    fn success(&self) -> Option<bool>;
    fn error(&self) -> Option<&ErrorDetails>;
}

macro_rules! envelopes {
    ($($name:ident),*) => {
        $(
            impl Envelope for $name {
                fn success(&self) -> Option<bool> {
                    self.success
                }
                fn error(&self) -> Option<&ErrorDetails> {
                    self.error.as_ref()
                }
            }
        )*
    };
}

envelopes!(ErrorResponse, GroupResponse, GroupsResponse, UserLoginsResponse, UserResponse, UsersResponse);

/// Decodes a response whose status is a success.
///
/// # Errors
/// If the response cannot be decoded, or says that the call failed.
pub(super) fn decode<T: Envelope>(response: &ApiResponse) -> Result<T, Error> {
    // Checking the whole body for UTF-8 costs almost nothing. Checking each string takes a sixth of the
    // decoding time.
    let decoded = match str::from_utf8(&response.body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(&response.body),
    };
    let decoded: T = decoded.map_err(|_| decode_error::<T>(response))?;
    let failed = decoded.error().filter(|error| **error != ErrorDetails::new());
    if failed.is_some() || decoded.success() == Some(false) {
        return Err(Error::from_error_details(
            response.status.as_u16(),
            failed.unwrap_or(&ErrorDetails::new()),
        ));
    }
    Ok(decoded)
}

/// Returns a field that the response must have.
///
/// # Errors
/// If the field is missing.
pub(super) fn required<T>(field: Option<T>, name: &str) -> Result<T, Error> {
    field.ok_or_else(|| invalid_response(&format!("has no field `{name}`")))
}

/// Describes why and where a response cannot be decoded. Shows no values from the response, since they can be
/// personal data.
fn decode_error<T: Envelope>(response: &ApiResponse) -> Error {
    let body = response.body.trim_ascii_start();
    if body.is_empty() {
        return invalid_response("is empty");
    }
    if body.starts_with(b"<") {
        return invalid_response("is HTML, so it came from a proxy and not from the API");
    }
    // Decodes once more to find the path. Recording it for every response would make decoding slower.
    let mut deserializer = serde_json::Deserializer::from_slice(&response.body);
    let Err(source) = serde_path_to_error::deserialize::<_, T>(&mut deserializer) else {
        return invalid_response("has data after the JSON");
    };
    let path = source.path().to_string();
    let source = source.into_inner();
    let (line, column) = (source.line(), source.column());
    if !source.is_data() {
        return invalid_response(&format!("is not valid JSON at line {line}, column {column}"));
    }
    // The path of the whole document is a dot.
    let place = match path.as_str() {
        "." => format!("at line {line}, column {column}"),
        path => format!("at `{path}` (line {line}, column {column})"),
    };
    let text = source.to_string();
    // Only the end is compared: the field's name before it comes from the server.
    if text.trim_end_matches(&format!(" at line {line} column {column}")).ends_with(" levels deep") {
        return mismatch(&format!("{place}: nested too deeply"));
    }
    let expected = text.rfind("expected ").map_or("something else was expected", |at| &text[at..]);
    let expected = expected.split(" at line ").next().unwrap_or_default();
    mismatch(&format!("{place}: {expected}"))
}

fn mismatch(place_and_reason: &str) -> Error {
    invalid_response(&format!("does not match the API documentation {place_and_reason}"))
}

/// Returns a decode error whose message is "the response" and then `problem`.
fn invalid_response(problem: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("the response {problem}")).mark_sent()
}
