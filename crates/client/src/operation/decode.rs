//! Answers, read with distrust: a 200 can be an error, or HTML, or nothing.

use serde::de::DeserializeOwned;
use ultracart_model::{
    ErrorDetails, ErrorResponse, GroupResponse, GroupsResponse, UserLoginsResponse, UserResponse,
    UsersResponse,
};
use ultracart_transport::{Answer, Error, ErrorKind};

/// What all answers have in common.
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

/// An answer that succeeded in what it says, too.
pub(super) fn decode<T: Envelope>(answer: &Answer) -> Result<T, Error> {
    // UTF-8 is checked as a whole, for next to nothing: text by text it is a sixth of what decoding costs.
    let decoded = match str::from_utf8(&answer.body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(&answer.body),
    };
    let decoded: T = decoded.map_err(|_| undecodable::<T>(answer))?;
    let failed = decoded.error().filter(|error| **error != ErrorDetails::new());
    if failed.is_some() || decoded.success() == Some(false) {
        return Err(Error::refused(answer.status.as_u16(), failed.unwrap_or(&ErrorDetails::new())));
    }
    Ok(decoded)
}

/// What the answer was to hold.
pub(super) fn required<T>(field: Option<T>, name: &str) -> Result<T, Error> {
    field.ok_or_else(|| undocumented(&format!("there is no `{name}` in it")))
}

/// Says where an answer is not what it should be; never what stands there, which can be personal data.
fn undecodable<T: Envelope>(answer: &Answer) -> Error {
    let body = answer.body.trim_ascii_start();
    if body.is_empty() {
        return undocumented("it is empty");
    }
    if body.starts_with(b"<") {
        return undocumented("it is HTML, so it came from a proxy in between and not from the API");
    }
    // Again, with the path written down, which costs time that a good answer need not spend.
    let mut deserializer = serde_json::Deserializer::from_slice(&answer.body);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut deserializer) else {
        return undocumented("something follows the JSON");
    };
    let path = error.path().to_string();
    let error = error.into_inner();
    let (line, column) = (error.line(), error.column());
    if !error.is_data() {
        return undocumented(&format!("it is no JSON from line {line}, column {column} on"));
    }
    // Where the whole is meant the path is a dot, which says nothing.
    let place = match path.as_str() {
        "." => format!("at line {line}, column {column}"),
        path => format!("at `{path}` (line {line}, column {column})"),
    };
    let text = error.to_string();
    // Looked for at the end: before it is the field's name, which the server chose.
    if text.trim_end_matches(&format!(" at line {line} column {column}")).ends_with(" levels deep") {
        return undocumented(&format!("{place}: it is nested too deeply"));
    }
    let expected = text.rfind("expected ").map_or("something else was expected", |at| &text[at..]);
    let expected = expected.split(" at line ").next().unwrap_or_default();
    undocumented(&format!("{place}: {expected}"))
}

fn undocumented(what: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("the answer is not what the API documents: {what}")).after_sending()
}
