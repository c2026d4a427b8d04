//! Tokens that replace one another.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::Value;

use crate::support::{Answer, request, send};
use ultracart_model::Token;
use ultracart_sim::Sim;

async fn token(sim: &Sim, form: &str) -> Answer {
    let request = Request::post("/rest/v2/oauth/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::copy_from_slice(form.as_bytes()))
        .unwrap();
    send(sim, request).await
}

async fn call(sim: &Sim, tokens: &Value) -> StatusCode {
    let mut call = request(sim, &Method::GET, "/user/users", "");
    call.headers_mut().remove("x-ultracart-simple-key");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    call.headers_mut().insert("authorization", bearer.parse().unwrap());
    send(sim, call).await.status
}

#[tokio::test(start_paused = true)]
async fn a_refresh_brings_new_tokens_and_takes_the_old_ones() {
    let sim = Sim::builder().oauth("app", "first").build();
    let form = "grant_type=refresh_token&client_id=app&refresh_token=first";
    let tokens = token(&sim, form).await;
    assert_eq!(
        (tokens.status, &tokens.headers["cache-control"]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    let tokens = tokens.json();
    assert_eq!(
        (&tokens["expires_in"], &tokens["token_type"]),
        (&Value::from("3600"), &Value::from("bearer"))
    );
    assert_eq!(call(&sim, &tokens).await, StatusCode::OK);
    assert_eq!(sim.access_tokens().iter().map(Token::expose).collect::<Vec<_>>(), [&tokens["access_token"]]);

    let again = token(&sim, form).await;
    assert_eq!(
        (again.status, &again.json()["error"]),
        (StatusCode::BAD_REQUEST, &Value::from("invalid_grant"))
    );
    assert_eq!(again.json().get("token_type"), None);
    let next = sim.refresh_token("app").unwrap();
    assert_eq!(tokens["refresh_token"], next.expose());
    let form = format!("grant_type=refresh_token&client_id=app&refresh_token={}", next.expose());
    let second = token(&sim, &form).await.json();
    assert_ne!(second["access_token"], tokens["access_token"]);

    tokio::time::advance(std::time::Duration::from_hours(1)).await;
    assert_eq!(call(&sim, &second).await, StatusCode::UNAUTHORIZED);
    assert!(!format!("{:?}", sim.requests()).contains(next.expose()));
}

#[tokio::test]
async fn what_is_no_refresh_is_refused_in_oauths_form() {
    let sim = Sim::builder().oauth("app", "first").build();
    for (form, error) in [
        ("", "invalid_request"),
        ("grant_type=refresh_token&client_id=app", "invalid_request"),
        ("grant_type=refresh_token&client_id=other&refresh_token=first", "invalid_client"),
        ("grant_type=authorization_code&client_id=app&code=x", "invalid_grant"),
        ("grant_type=password", "unsupported_grant_type"),
    ] {
        let answer = token(&sim, form).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (StatusCode::BAD_REQUEST, &Value::from(error)),
            "{form}"
        );
    }
    let json = request(&sim, &Method::POST, "/oauth/token", "{}");
    assert_eq!(send(&sim, json).await.json()["error"], "invalid_request");
}
