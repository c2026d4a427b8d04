//! OAuth: token refresh, scopes and errors.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::Value;

use crate::support::{ReadResponse, request, send};
use ultracart_model::Token;
use ultracart_sim::Sim;

async fn token(sim: &Sim, form: &str) -> ReadResponse {
    let request = Request::post("/rest/v2/oauth/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::copy_from_slice(form.as_bytes()))
        .unwrap();
    send(sim, request).await
}

async fn call(sim: &Sim, tokens: &Value) -> StatusCode {
    send_with(tokens, sim, request(sim, &Method::GET, "/user/users", "")).await.status
}

async fn send_with(tokens: &Value, sim: &Sim, mut call: Request<Bytes>) -> ReadResponse {
    call.headers_mut().remove("x-ultracart-simple-key");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    call.headers_mut().insert("authorization", bearer.parse().unwrap());
    send(sim, call).await
}

#[tokio::test(start_paused = true)]
async fn token_refresh_replaces_the_refresh_token() {
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
async fn scopes_limit_an_application() {
    for (scopes, may_read, may_write) in [
        ("user_read user_write", true, true),
        ("user_read", true, false),
        ("user_write", false, true),
        ("order_read user_reader", false, false),
        ("", false, false),
    ] {
        let sim = Sim::builder().users(1).groups(1).oauth_with_scopes("app", "first", scopes).build();
        let tokens = token(&sim, "grant_type=refresh_token&client_id=app&refresh_token=first").await.json();
        assert_eq!(tokens["scope"], scopes);
        for (method, path, body) in [
            (Method::GET, "/user/users", ""),
            (Method::GET, "/user/users/1/logins", ""),
            (Method::GET, "/user/groups", ""),
            (Method::POST, "/user/users", r#"{"login":"ada"}"#),
            (Method::PUT, "/user/users/1", r#"{"phone":"1"}"#),
            (Method::DELETE, "/user/users/1", ""),
            (Method::POST, "/user/groups", r#"{"name":"new"}"#),
        ] {
            let (may, scope) = match method {
                Method::GET => (may_read, "user_read"),
                _ => (may_write, "user_write"),
            };
            let (users, groups) = (sim.users(), sim.groups());
            let response = send_with(&tokens, &sim, request(&sim, &method, path, body)).await;
            if may {
                assert!(response.status.is_success(), "{scopes:?} {method} {path}: {response:?}");
            } else {
                assert_eq!(response.status, StatusCode::UNAUTHORIZED, "{scopes:?} {method} {path}");
                assert_eq!(response.error(), format!("The application does not have the scope {scope}."));
                assert_eq!((sim.users(), sim.groups()), (users, groups));
            }
        }
        let with_key = request(&sim, &Method::POST, "/user/groups", r#"{"name":"by key"}"#);
        assert!(send(&sim, with_key).await.status.is_success(), "the simple key has all scopes");
    }
}

#[tokio::test]
async fn invalid_token_requests_get_oauth_errors() {
    let sim = Sim::builder().oauth("app", "first").build();
    for (form, error) in [
        ("", "invalid_request"),
        ("grant_type=refresh_token&client_id=app", "invalid_request"),
        ("grant_type=refresh_token&client_id=other&refresh_token=first", "invalid_client"),
        ("grant_type=authorization_code&client_id=app&code=x", "invalid_grant"),
        ("grant_type=password", "unsupported_grant_type"),
    ] {
        let response = token(&sim, form).await;
        assert_eq!(
            (response.status, &response.json()["error"]),
            (StatusCode::BAD_REQUEST, &Value::from(error)),
            "{form}"
        );
    }
    let json = request(&sim, &Method::POST, "/oauth/token", "{}");
    assert_eq!(send(&sim, json).await.json()["error"], "invalid_request");
}
