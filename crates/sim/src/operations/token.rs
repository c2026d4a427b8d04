//! `POST /oauth/token`. Its errors have OAuth's form and not UltraCart's.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{Request, StatusCode};
use ultracart_model::OauthTokenResponse;

use crate::oauth::{Credentials, Refusal};
use crate::record::is_form;
use crate::reply::Reply;
use crate::state::State;

pub(crate) fn token(state: &mut State, request: &Request<Bytes>, merchant_id: &str, now: Duration) -> Reply {
    let (status, answer) = match grant(&mut state.credentials, request, now) {
        Ok(tokens) => (StatusCode::OK, tokens.merchant_id(merchant_id)),
        Err((error, description)) => {
            (StatusCode::BAD_REQUEST, OauthTokenResponse::new().error(error).error_description(description))
        }
    };
    Reply::json(status, serde_json::to_vec(&answer).unwrap_or_default()).header(CACHE_CONTROL, "no-store")
}

/// The application that a token call is made for, as far as it says.
pub(crate) fn client_id(request: &Request<Bytes>) -> Option<String> {
    form(request)?.remove("client_id").map(Cow::into_owned)
}

fn form(request: &Request<Bytes>) -> Option<HashMap<Cow<'_, str>, Cow<'_, str>>> {
    is_form(request.headers()).then(|| url::form_urlencoded::parse(request.body()).collect())
}

fn grant(
    credentials: &mut Credentials,
    request: &Request<Bytes>,
    now: Duration,
) -> Result<OauthTokenResponse, Refusal> {
    let form = form(request)
        .ok_or(("invalid_request", "The Content-Type must be application/x-www-form-urlencoded."))?;
    let field =
        |name| form.get(name).map(AsRef::as_ref).ok_or(("invalid_request", "A parameter is missing."));
    match field("grant_type")? {
        "refresh_token" => credentials.refresh(field("client_id")?, field("refresh_token")?, now),
        // Nobody can have been sent to the page that would have given this code.
        "authorization_code" => Err(("invalid_grant", "The code is not valid.")),
        _ => Err(("unsupported_grant_type", "The grant_type must be refresh_token.")),
    }
}
