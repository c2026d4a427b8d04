//! Requests as a whole.

use http::header::ALLOW;
use http::{Method, Request, StatusCode};
use http_body::Body as _;
use ultracart_transport::{Clock as _, TokioClock};

use super::{Ends, Pieces, call, names, open, post};
use crate::webhook::Receiver;

#[tokio::test]
async fn a_request_is_read_whole() {
    let answer = call(&open(), post(Pieces::of(&[b"{\"events\"", b"", b": [", b"]}"]))).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.into_body().size_hint().exact(), Some(0));
    let delivery = open().accept(post(Pieces::of(&[b"{\"events\": [{\"a\":", b" 1}]}"]))).await.unwrap();
    assert_eq!(names(&delivery.events), ["a"]);
}

#[tokio::test]
async fn a_long_body_is_refused_with_and_without_a_length() {
    let receiver = Receiver::builder().max_body(17).no_auth();
    let status = async |body| call(&receiver, post(body)).await.status();
    let pieces: &[&'static [u8]] = &[b"{\"events\"", b": [    ]}"];
    assert_eq!(status(Pieces::of(&[b"{\"events\"", b": [   ]}"])).await, StatusCode::OK);
    assert_eq!(status(Pieces::of(pieces)).await, StatusCode::PAYLOAD_TOO_LARGE);
    // What comes behind the bound is not waited for.
    let endless = Pieces { ends: Ends::Never, ..Pieces::of(&[b"{\"events\"", b": [              "]) };
    assert_eq!(status(endless).await, StatusCode::PAYLOAD_TOO_LARGE);
    let unread = Pieces { length: Some(18), ends: Ends::Unread, ..Pieces::of(&[]) };
    assert_eq!(status(unread).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_not_waited_for() {
    let clock = TokioClock::new();
    let started_at = clock.now();
    let slow = Pieces { ends: Ends::Never, ..Pieces::of(&[b"{\"events\""]) };
    let refused = open().accept(post(slow)).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(refused.to_string(), "the delivery did not come within 20 seconds");
    assert_eq!(clock.now().since(started_at).as_secs(), 20);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let mut body = Pieces::of(&[b"{\"events\": []}"]);
    body.left.push_back(Err(()));
    let refused = open().accept(post(body)).await.unwrap_err();
    assert_eq!(
        (refused.status(), refused.to_string()),
        (StatusCode::BAD_REQUEST, "the delivery broke off".into())
    );
}

#[tokio::test]
async fn other_methods_and_paths_are_none_of_its_business() {
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
        let mut request = post(Pieces { ends: Ends::Unread, ..Pieces::of(&[]) });
        *request.method_mut() = method;
        let answer = call(&open(), request).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers()[ALLOW], "POST");
    }
    let elsewhere = Request::post("/hook/").body(Pieces { ends: Ends::Unread, ..Pieces::of(&[]) }).unwrap();
    assert_eq!(call(&open(), elsewhere).await.status(), StatusCode::NOT_FOUND);
}
