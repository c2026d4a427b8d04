//! Decoding of deliveries.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::StatusCode;

use super::{EVENTS, compressed_delivery, delivery, gzip, names, receiver_without_auth};
use crate::webhook::{DeliveryError, Receiver, decode};

fn receive_refused(body: &[u8]) -> DeliveryError {
    receiver_without_auth().receive(None, body).unwrap_err()
}

#[test]
fn plain_events_are_decoded() {
    let events = receiver_without_auth().receive(None, &delivery(EVENTS)).unwrap().events;
    assert_eq!(names(&events), ["user_update", "order_create"]);
    assert_eq!(events[0].user_id(), Some(7.into()));
    let more = br#"{"sent": [1], "events": [], "more": {"events": 7}}"#;
    assert_eq!(receiver_without_auth().receive(None, more).unwrap().events, []);
}

#[test]
fn compressed_events_are_decoded() {
    let expected = receiver_without_auth().receive(None, &delivery(EVENTS)).unwrap();
    let text = STANDARD.encode(gzip(EVENTS.as_bytes()));
    let (first, second) = text.split_at(20);
    for text in [
        text.clone(),
        STANDARD_NO_PAD.encode(gzip(EVENTS.as_bytes())),
        // With line breaks, as an encoder for e-mail writes them.
        format!("{first}\\r\\n{second}\\r\\n"),
        // Some JSON encoders escape slashes.
        text.replace('/', "\\/"),
        format!("\\u{:04x}{}", u32::from(text.as_bytes()[0]), &text[1..]),
    ] {
        assert_eq!(
            receiver_without_auth().receive(None, &delivery(&format!("\"{text}\""))).unwrap(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn thousand_events_are_decoded() {
    let many: Vec<String> =
        (1..=1000).map(|id| format!(r#"{{"user_update": {{"user_id": {id}}}}}"#)).collect();
    let json = format!("[{}]", many.join(","));
    for body in [delivery(&json), compressed_delivery(json.as_bytes())] {
        let events = receiver_without_auth().receive(None, &body).unwrap().events;
        assert!(events.iter().map(|event| event.user_id().unwrap().get()).eq(1..=1000));
    }
}

#[test]
fn undecodable_delivery_is_refused_without_its_text() {
    let text = |bytes: &[u8]| delivery(&format!("\"{}\"", STANDARD.encode(bytes)));
    let whole = gzip(EVENTS.as_bytes());
    let mut wrong_crc = whole.clone();
    let crc = wrong_crc.len() - 8;
    wrong_crc[crc] ^= 1;
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
        &text(&wrong_crc),
        &compressed_delivery(b"s3cret"),
        &compressed_delivery(br#"{"s3cret": {}}"#),
    ];
    let messages: Vec<String> = bodies
        .map(|body| {
            let refused = receive_refused(body);
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
            assert!(!format!("{refused} {refused:?} {}", refused.response().body()).contains("s3cret"));
            refused.to_string()
        })
        .into();
    insta::assert_snapshot!(messages.join("\n"), @r"
    the delivery is not valid JSON at line 1, column 0
    the delivery is not valid JSON at line 1, column 1
    the delivery is not valid JSON at line 1, column 45
    the delivery is not valid JSON at line 1, column 1
    the delivery is not as UltraCart documents at line 1, column 2
    the delivery is not as UltraCart documents at line 1, column 14
    the delivery is not as UltraCart documents at line 1, column 15
    the delivery is not as UltraCart documents at line 1, column 12
    the delivery is not as UltraCart documents at line 1, column 20
    the delivery is not as UltraCart documents at line 1, column 23
    the events are a string that is not valid base64
    the compressed events are not valid gzip
    the compressed events are truncated
    the compressed events are not valid gzip
    the decompressed events are not valid JSON at line 1, column 1
    the decompressed events are not as UltraCart documents at line 1, column 0
    ");
}

#[test]
fn decompression_stops_at_the_maximum() {
    let content = vec![b' '; 100_000];
    for (max, fits) in [(99_999, false), (100_000, true), (100_001, true), (0, false), (1, false)] {
        let decompressed = decode::decompress(&gzip(&content), max);
        assert_eq!(decompressed.is_ok(), fits, "{max}");
        if let Ok(decompressed) = decompressed {
            assert_eq!(decompressed, content);
            assert!(decompressed.capacity() <= max, "{}", decompressed.capacity());
        }
    }
    assert_eq!(decode::decompress(&gzip(b""), 0), Ok(Vec::new()));
}

#[test]
fn gzip_bomb_is_refused() {
    let bomb = compressed_delivery(&vec![b'['; 64 << 20]);
    assert!(bomb.len() < 200_000);
    let refused = receive_refused(&bomb);
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(refused.to_string(), "the decompressed events have more than 33554432 bytes");
    // A deeply nested list below the maximum is invalid JSON, and overflows no stack.
    let deep = compressed_delivery(&vec![b'['; 1 << 20]);
    assert_eq!(receive_refused(&deep).status(), StatusCode::BAD_REQUEST);
}

#[test]
fn delivery_above_the_maximum_size_is_refused() {
    let body = delivery(EVENTS);
    for (max, fits) in [(body.len() - 1, false), (body.len(), true)] {
        let received = Receiver::builder().max_body(max).no_auth().receive(None, &body);
        assert_eq!(received.map_err(|refused| refused.status()).is_ok(), fits);
    }
}
