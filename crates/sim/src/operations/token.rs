//! `POST /oauth/token`. Its errors have OAuth's form instead of UltraCart's.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{Request, StatusCode};
use ultracart_model::OauthTokenResponse;

use crate::oauth::{Credentials, OauthError};
use crate::record::is_form;
use crate::response::BufferedResponse;
use crate::state::State;

pub(crate) fn token(
    state: &mut State,
    request: &Request<Bytes>,
    merchant_id: &str,
    now: Duration,
) -> BufferedResponse {
    let (status, body) = match exchange(&mut state.credentials, request, now) {
        Ok(tokens) => (StatusCode::OK, tokens.merchant_id(merchant_id)),
        Err((error, description)) => {
            (StatusCode::BAD_REQUEST, OauthTokenResponse::new().error(error).error_description(description))
        }
    };
    BufferedResponse::json(status, serde_json::to_vec(&body).unwrap_or_default())
        .header(CACHE_CONTROL, "no-store")
}

/// Returns the `client_id` of a token request.
pub(crate) fn client_id(request: &Request<Bytes>) -> Option<String> {
    form(request)?.remove("client_id").map(Cow::into_owned)
}

fn form(request: &Request<Bytes>) -> Option<HashMap<Cow<'_, str>, Cow<'_, str>>> {
    is_form(request.headers()).then(|| url::form_urlencoded::parse(request.body()).collect())
}

fn exchange(
    credentials: &mut Credentials,
    request: &Request<Bytes>,
    now: Duration,
) -> Result<OauthTokenResponse, OauthError> {
    let form = form(request)
        .ok_or(("invalid_request", "The Content-Type must be application/x-www-form-urlencoded."))?;
    let field =
        |name| form.get(name).map(AsRef::as_ref).ok_or(("invalid_request", "A parameter is missing."));
    match field("grant_type")? {
        "refresh_token" => credentials.refresh(field("client_id")?, field("refresh_token")?, now),
        // The simulator has no authorization page, so it never issued the code.
        "authorization_code" => Err(("invalid_grant", "The code is not valid.")),
        _ => Err(("unsupported_grant_type", "The grant_type must be refresh_token.")),
    }
}
