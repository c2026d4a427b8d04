//! What can be read, and what not.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::StatusCode;

use super::{EVENTS, gzip, names, open, packed, plain};
use crate::webhook::{Receiver, Refused, unpack};

fn refused(body: &[u8]) -> Refused {
    open().receive(None, body).unwrap_err()
}

#[test]
fn events_are_read_as_they_are() {
    let events = open().receive(None, &plain(EVENTS)).unwrap().events;
    assert_eq!(names(&events), ["user_update", "order_create"]);
    assert_eq!(events[0].user_id(), Some(7.into()));
    let more = br#"{"sent": [1], "events": [], "more": {"events": 7}}"#;
    assert_eq!(open().receive(None, more).unwrap().events, []);
}

#[test]
fn events_are_read_when_they_are_packed() {
    let expected = open().receive(None, &plain(EVENTS)).unwrap();
    let text = STANDARD.encode(gzip(EVENTS.as_bytes()));
    let (first, second) = text.split_at(20);
    for text in [
        text.clone(),
        STANDARD_NO_PAD.encode(gzip(EVENTS.as_bytes())),
        // Lines of an encoder for mails.
        format!("{first}\\r\\n{second}\\r\\n"),
        // Some writers of JSON escape slashes.
        text.replace('/', "\\/"),
        format!("\\u{:04x}{}", u32::from(text.as_bytes()[0]), &text[1..]),
    ] {
        assert_eq!(open().receive(None, &plain(&format!("\"{text}\""))).unwrap(), expected, "{text}");
    }
}

#[test]
fn a_thousand_events_come_at_once() {
    let many: Vec<String> =
        (1..=1000).map(|id| format!(r#"{{"user_update": {{"user_id": {id}}}}}"#)).collect();
    let json = format!("[{}]", many.join(","));
    for body in [plain(&json), packed(json.as_bytes())] {
        let events = open().receive(None, &body).unwrap().events;
        assert!(events.iter().map(|event| event.user_id().unwrap().get()).eq(1..=1000));
    }
}

#[test]
fn what_cannot_be_read_is_refused_and_not_repeated() {
    let text = |bytes: &[u8]| plain(&format!("\"{}\"", STANDARD.encode(bytes)));
    let whole = gzip(EVENTS.as_bytes());
    let mut broken = whole.clone();
    let crc = broken.len() - 8;
    broken[crc] ^= 1;
    let bodies: [&[u8]; 16] = [
        b"",
        b"s3cret",
        b"{\"events\": [{\"user_update\": {\"login\": \"s3cret",
        b"\xff\xfes3cret",
        b"[]",
        br#"{"s3cret": []}"#,
        br#"{"events": null, "login": "s3cret"}"#,
        br#"{"events": {"s3cret": {}}}"#,
        br#"{"events": ["s3cret"]}"#,
        br#"{"events": [], "events": []}"#,
        br#"{"events": "s3cret?"}"#,
        &text(b"s3cret s3cret s3cret"),
        &text(&whole[..whole.len() - 9]),
        &text(&broken),
        &packed(b"s3cret"),
        &packed(br#"{"s3cret": {}}"#),
    ];
    let said: Vec<String> = bodies
        .map(|body| {
            let refused = refused(body);
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
            assert!(!format!("{refused} {refused:?} {}", refused.response().body()).contains("s3cret"));
            refused.to_string()
        })
        .into();
    insta::assert_snapshot!(said.join("\n"), @r"
    the delivery is no JSON from line 1, column 0
    the delivery is no JSON from line 1, column 1
    the delivery is no JSON from line 1, column 45
    the delivery is no JSON from line 1, column 1
    the delivery is not what UltraCart documents at line 1, column 2
    the delivery is not what UltraCart documents at line 1, column 14
    the delivery is not what UltraCart documents at line 1, column 15
    the delivery is not what UltraCart documents at line 1, column 12
    the delivery is not what UltraCart documents at line 1, column 20
    the delivery is not what UltraCart documents at line 1, column 23
    the events are a text and no base64
    the packed events are no gzip, or broken
    the packed events are cut off
    the packed events are no gzip, or broken
    the unpacked events are no JSON from line 1, column 1
    the unpacked events are not what UltraCart documents at line 1, column 0
    ");
}

#[test]
fn unpacking_ends_at_the_bound() {
    let content = vec![b' '; 100_000];
    for (max, fits) in [(99_999, false), (100_000, true), (100_001, true), (0, false), (1, false)] {
        let unpacked = unpack::inflate(&gzip(&content), max);
        assert_eq!(unpacked.is_ok(), fits, "{max}");
        if let Ok(unpacked) = unpacked {
            assert_eq!(unpacked, content);
            assert!(unpacked.capacity() <= max, "{}", unpacked.capacity());
        }
    }
    assert_eq!(unpack::inflate(&gzip(b""), 0), Ok(Vec::new()));
}

#[test]
fn a_bomb_is_refused() {
    let bomb = packed(&vec![b'['; 64 << 20]);
    assert!(bomb.len() < 200_000);
    let refused = refused(&bomb);
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(refused.to_string(), "the events have more than 33554432 bytes when unpacked");
    // One that would fit is read no further than it is JSON.
    let deep = packed(&vec![b'['; 1 << 20]);
    assert_eq!(self::refused(&deep).status(), StatusCode::BAD_REQUEST);
}

#[test]
fn a_body_ends_at_the_bound() {
    let body = plain(EVENTS);
    for (max, fits) in [(body.len() - 1, false), (body.len(), true)] {
        let received = Receiver::builder().max_body(max).no_auth().receive(None, &body);
        assert_eq!(received.map_err(|refused| refused.status()).is_ok(), fits);
    }
}
