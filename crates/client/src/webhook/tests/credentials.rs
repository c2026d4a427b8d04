//! Credentials of deliveries.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};

use super::{
    ChunkedBody, EVENTS, End, PASSWORD, USER, delivery, post, receiver_with_auth, receiver_without_auth, send,
};
use crate::webhook::Receiver;

fn header(text: &str) -> Vec<u8> {
    format!("Basic {}", STANDARD.encode(text)).into_bytes()
}

#[test]
fn only_the_right_credentials_are_accepted() {
    let credentials = format!("{USER}:{PASSWORD}");
    let encoded = STANDARD.encode(&credentials);
    let not_utf8 = STANDARD.encode([credentials.as_bytes(), &[0xff]].concat());
    let accepts = |header: Option<&[u8]>| match receiver_with_auth().receive(header, &delivery(EVENTS)) {
        Ok(_) => true,
        Err(refused) => {
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
            assert!(!refused.to_string().contains(PASSWORD));
            false
        }
    };
    for scheme in ["Basic ", "basic ", "BASIC ", "Basic   ", " Basic "] {
        assert!(accepts(Some(format!("{scheme}{encoded}").as_bytes())), "{scheme:?}");
    }
    assert!(accepts(Some(format!("Basic {} ", encoded.trim_end_matches('=')).as_bytes())));
    assert!(!accepts(None));
    for wrong in [
        String::new(),
        "Basic".into(),
        "Basic ".into(),
        format!("Basic{encoded}"),
        format!("Basic\t{encoded}"),
        format!("Bearer {encoded}"),
        format!("Basi\u{e9} {encoded}"),
        format!("Basic {credentials}"),
        format!("Basic {encoded} {encoded}"),
        format!("Basic {encoded},Basic {encoded}"),
        format!("Basic {not_utf8}"),
        format!("Basic {}", &encoded[..encoded.len() - 4]),
    ] {
        assert!(!accepts(Some(wrong.as_bytes())), "{wrong:?}");
    }
    assert!(!accepts(Some(b"Basic \xff\xff\xff\xff")));
    for wrong in [
        "",
        ":",
        USER,
        "ultracart:",
        "ultracart:s3cret: of the test",
        "ultracart:s3cret: of the tests ",
        "ultracart:S3cret: of the tests",
        "Ultracart:s3cret: of the tests",
        "ultracar:s3cret: of the tests",
        ":s3cret: of the tests",
        "s3cret: of the tests",
    ] {
        assert!(!accepts(Some(&header(wrong))), "{wrong:?}");
    }
}

#[test]
fn empty_password_accepts_no_delivery() {
    for user in ["", USER] {
        let receiver = Receiver::builder().basic_auth(user, "");
        for header in [None, Some(header(&format!("{user}:"))), Some(header(""))] {
            let refused = receiver.receive(header.as_deref(), &delivery(EVENTS)).unwrap_err();
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        }
    }
}

#[test]
fn any_credentials_are_accepted_without_auth() {
    for header in [None, Some(header("a:b")), Some(b"\xff".to_vec())] {
        assert!(receiver_without_auth().receive(header.as_deref(), &delivery(EVENTS)).is_ok());
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused_before_the_body() {
    assert_eq!(receiver_with_auth().receive(None, b"s3cret").unwrap_err().status(), StatusCode::UNAUTHORIZED);
    let small_maximum = Receiver::builder().max_body(1).basic_auth(USER, PASSWORD);
    assert_eq!(small_maximum.receive(None, b"s3cret").unwrap_err().status(), StatusCode::UNAUTHORIZED);
    let unread = || ChunkedBody { chunks: VecDeque::new(), length: Some(1 << 40), end: End::MustNotBeRead };
    let response = send(&receiver_with_auth(), post(unread())).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()[WWW_AUTHENTICATE], "Basic realm=\"webhook\"");
    let valid = header(&format!("{USER}:{PASSWORD}"));
    let mut request = post(unread());
    for _ in 0..2 {
        request.headers_mut().append(AUTHORIZATION, valid.as_slice().try_into().unwrap());
    }
    let refused = receiver_with_auth().receive_request(request).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "two headers are ambiguous");
}

#[test]
fn debug_hides_the_credentials() {
    let shown = format!("{:?}", receiver_with_auth());
    assert!(shown.contains("Basic(…)") && !shown.contains(PASSWORD) && !shown.contains(USER), "{shown}");
}
