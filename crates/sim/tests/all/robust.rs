//! Every request gets a response. Only a scripted fault causes a 5xx.

use crate::support::{get, request, send};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use proptest::prelude::*;
use ultracart_sim::{GetGroupBody, Histories, Sim};

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("1e999".to_owned()),
        ".*".prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    let name = prop_oneof![
        prop::sample::select(vec![
            "user_id",
            "login",
            "email",
            "groups",
            "group_oid",
            "member",
            "permissions",
            "permission_Name",
            "users",
            "name",
            "notifications",
            "login_histories",
            "change_password_to",
            "change_ftp_password_to",
            "linked_accounts",
            "extra",
        ])
        .prop_map(str::to_owned),
        "[a-z]{0,3}",
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((name.clone(), inner), 0..4).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "user",
            "users",
            "groups",
            "logins",
            "oauth",
            "token",
            "1",
            "101",
            "-1",
            "2147483647"
        ])
        .prop_map(str::to_owned),
        "[a-z0-9%/._~-]{0,6}",
    ];
    let query = "(\\?[a-z_=&0-9%]{0,20})?";
    (prop::collection::vec(part, 0..5), query)
        .prop_map(|(parts, query)| format!("/rest/v2/{}{query}", parts.join("/")))
}

fn method() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::HEAD,
    ])
}

proptest! {
    #[test]
    fn any_request_gets_a_response_below_500(
        calls in prop::collection::vec((method(), path(), json(), any::<Vec<u8>>(), any::<bool>()), 1..12),
        page in prop::option::of(0_usize..3), empty in any::<bool>(), all in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let sim = Sim::builder().users(2).groups(2).unlimited().page_size(page)
            .get_group_body(if empty { GetGroupBody::Empty } else { GetGroupBody::Present })
            .histories_in_list(if all { Histories::All } else { Histories::None })
            .oauth("app", "r").build();
        runtime.block_on(async {
            for (method, path, json, raw, is_raw) in calls {
                let Ok(mut call) = Request::builder().method(method).uri(&path).body(bytes::Bytes::new()) else { continue };
                *call.headers_mut() = request(&sim, &Method::POST, "/", "{}").headers().clone();
                if is_raw {
                    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&raw), HeaderValue::from_bytes(&raw)) {
                        call.headers_mut().insert(name, value);
                    }
                    let form = "application/x-www-form-urlencoded".parse().unwrap();
                    call.headers_mut().insert("content-type", form);
                }
                *call.body_mut() = if is_raw { raw.into() } else { json.into() };
                let response = send(&sim, call).await;
                assert!(response.status.as_u16() < 500, "{path}: {response:?}");
                if !response.body.is_empty() {
                    assert!(response.json().is_object());
                }
            }
            for list in ["/user/users", "/user/groups"] {
                let response = get(&sim, list).await;
                assert_eq!(response.status, StatusCode::OK);
                assert!(response.json()["metadata"].is_object());
            }
        });
    }
}

#[tokio::test]
async fn deep_or_wide_bodies_are_bad_requests() {
    let sim = Sim::builder().users(0).build();
    let fields: Vec<String> = (0..100_000).map(|number| format!("\"f{number}\":0")).collect();
    let lists = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for body in [
        format!("{{{}}}", fields.join(",")),
        format!("{{\"x\":{}}}", lists(200)),
        format!("{{\"permissions\":{}}}", lists(100_000)),
        lists(100_000),
    ] {
        assert_eq!(crate::support::post(&sim, "/user/users", &body).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn hundred_thousand_users_can_be_listed() {
    let sim = Sim::builder().users(100_000).build();
    let body = get(&sim, "/user/users").await.body;
    let last = body.len() - 8 * 1024;
    assert!(String::from_utf8_lossy(&body[..400]).contains(r#""count":100000,"#));
    assert!(String::from_utf8_lossy(&body[last..]).contains(r#"{"user_id":100000,"#));
    assert!(body.ends_with(b"]}"));
}
