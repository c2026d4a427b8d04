//! Who may deliver.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};

use super::{EVENTS, Ends, PASSWORD, Pieces, USER, call, closed, open, plain, post};
use crate::webhook::Receiver;

fn header(text: &str) -> Vec<u8> {
    format!("Basic {}", STANDARD.encode(text)).into_bytes()
}

#[test]
fn the_credentials_let_in_and_nothing_else_does() {
    let good = format!("{USER}:{PASSWORD}");
    let encoded = STANDARD.encode(&good);
    let not_utf8 = STANDARD.encode([good.as_bytes(), &[0xff]].concat());
    let admits = |header: Option<&[u8]>| match closed().receive(header, &plain(EVENTS)) {
        Ok(_) => true,
        Err(refused) => {
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
            assert!(!refused.to_string().contains(PASSWORD));
            false
        }
    };
    for scheme in ["Basic ", "basic ", "BASIC ", "Basic   ", " Basic "] {
        assert!(admits(Some(format!("{scheme}{encoded}").as_bytes())), "{scheme:?}");
    }
    assert!(admits(Some(format!("Basic {} ", encoded.trim_end_matches('=')).as_bytes())));
    assert!(!admits(None));
    for wrong in [
        String::new(),
        "Basic".into(),
        "Basic ".into(),
        format!("Basic{encoded}"),
        format!("Basic\t{encoded}"),
        format!("Bearer {encoded}"),
        format!("Basi\u{e9} {encoded}"),
        format!("Basic {good}"),
        format!("Basic {encoded} {encoded}"),
        format!("Basic {encoded},Basic {encoded}"),
        format!("Basic {not_utf8}"),
        format!("Basic {}", &encoded[..encoded.len() - 4]),
    ] {
        assert!(!admits(Some(wrong.as_bytes())), "{wrong:?}");
    }
    assert!(!admits(Some(b"Basic \xff\xff\xff\xff")));
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
        assert!(!admits(Some(&header(wrong))), "{wrong:?}");
    }
}

#[test]
fn an_empty_password_lets_nobody_in() {
    for user in ["", USER] {
        let receiver = Receiver::builder().basic_auth(user, "");
        for header in [None, Some(header(&format!("{user}:"))), Some(header(""))] {
            let refused = receiver.receive(header.as_deref(), &plain(EVENTS)).unwrap_err();
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        }
    }
}

#[test]
fn where_none_are_asked_for_any_credentials_will_do() {
    for header in [None, Some(header("a:b")), Some(b"\xff".to_vec())] {
        assert!(open().receive(header.as_deref(), &plain(EVENTS)).is_ok());
    }
}

#[tokio::test]
async fn who_is_not_let_in_is_not_listened_to() {
    assert_eq!(closed().receive(None, b"s3cret").unwrap_err().status(), StatusCode::UNAUTHORIZED);
    let long = Receiver::builder().max_body(1).basic_auth(USER, PASSWORD);
    assert_eq!(long.receive(None, b"s3cret").unwrap_err().status(), StatusCode::UNAUTHORIZED);
    let unread = || Pieces { left: VecDeque::new(), length: Some(1 << 40), ends: Ends::Unread };
    let answer = call(&closed(), post(unread())).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()[WWW_AUTHENTICATE], "Basic realm=\"webhook\"");
    let good = header(&format!("{USER}:{PASSWORD}"));
    let mut request = post(unread());
    for _ in 0..2 {
        request.headers_mut().append(AUTHORIZATION, good.as_slice().try_into().unwrap());
    }
    let refused = closed().accept(request).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "which of two would count?");
}

#[test]
fn nothing_shows_the_password() {
    let shown = format!("{:?}", closed());
    assert!(shown.contains("Basic(…)") && !shown.contains(PASSWORD) && !shown.contains(USER), "{shown}");
}
