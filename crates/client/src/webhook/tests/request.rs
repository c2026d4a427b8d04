//! Tests of the receiver with HTTP requests: method, path and body.

use http::header::ALLOW;
use http::{Method, Request, StatusCode};
use http_body::Body as _;
use ultracart_transport::{Clock as _, TokioClock};

use super::{ChunkedBody, End, names, post, receiver_without_auth, send};
use crate::webhook::Receiver;

#[tokio::test]
async fn chunked_request_is_received() {
    let response =
        send(&receiver_without_auth(), post(ChunkedBody::new(&[b"{\"events\"", b"", b": [", b"]}"]))).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.into_body().size_hint().exact(), Some(0));
    let delivery = receiver_without_auth()
        .receive_request(post(ChunkedBody::new(&[b"{\"events\": [{\"a\":", b" 1}]}"])))
        .await
        .unwrap();
    assert_eq!(names(&delivery.events), ["a"]);
}

#[tokio::test]
async fn large_body_is_refused_with_and_without_a_length() {
    let receiver = Receiver::builder().max_body(17).no_auth();
    let status = async |body| send(&receiver, post(body)).await.status();
    let too_large: &[&'static [u8]] = &[b"{\"events\"", b": [    ]}"];
    assert_eq!(status(ChunkedBody::new(&[b"{\"events\"", b": [   ]}"])).await, StatusCode::OK);
    assert_eq!(status(ChunkedBody::new(too_large)).await, StatusCode::PAYLOAD_TOO_LARGE);
    // The rest of a body that is already too large is not awaited.
    let endless =
        ChunkedBody { end: End::Never, ..ChunkedBody::new(&[b"{\"events\"", b": [              "]) };
    assert_eq!(status(endless).await, StatusCode::PAYLOAD_TOO_LARGE);
    let unread = ChunkedBody { length: Some(18), end: End::MustNotBeRead, ..ChunkedBody::new(&[]) };
    assert_eq!(status(unread).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn slow_body_is_refused_after_20_seconds() {
    let clock = TokioClock::new();
    let started_at = clock.now();
    let slow = ChunkedBody { end: End::Never, ..ChunkedBody::new(&[b"{\"events\""]) };
    let refused = receiver_without_auth().receive_request(post(slow)).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(refused.to_string(), "the delivery was not complete within 20 seconds");
    assert_eq!(clock.now().since(started_at).as_secs(), 20);
}

#[tokio::test]
async fn incomplete_body_is_refused() {
    let mut body = ChunkedBody::new(&[b"{\"events\": []}"]);
    body.chunks.push_back(Err(()));
    let refused = receiver_without_auth().receive_request(post(body)).await.unwrap_err();
    assert_eq!(
        (refused.status(), refused.to_string()),
        (StatusCode::BAD_REQUEST, "the delivery is incomplete: the connection failed".into())
    );
}

#[tokio::test]
async fn other_methods_get_405_and_other_paths_404() {
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
        let mut request = post(ChunkedBody { end: End::MustNotBeRead, ..ChunkedBody::new(&[]) });
        *request.method_mut() = method;
        let response = send(&receiver_without_auth(), request).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[ALLOW], "POST");
    }
    let other_path = Request::post("/hook/")
        .body(ChunkedBody { end: End::MustNotBeRead, ..ChunkedBody::new(&[]) })
        .unwrap();
    assert_eq!(send(&receiver_without_auth(), other_path).await.status(), StatusCode::NOT_FOUND);
}
