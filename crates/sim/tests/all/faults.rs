//! Scripted faults, in process.

use std::time::Duration;

use crate::support::{ReadResponse, get, post, request, send};
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use tower_service::Service as _;
use ultracart_sim::{Fault, Operation, RetryAfter, Sim};

const INSERT: &str = r#"{"login":"ada"}"#;

/// Sends an insert to a new account with one scripted fault. Returns the account and the response.
async fn insert_with(fault: Fault) -> (Sim, ReadResponse) {
    let sim = Sim::builder().users(0).start_at("2024-06-01T00:00:00Z".parse().unwrap()).build();
    sim.fault(fault);
    let response = post(&sim, "/user/users", INSERT).await;
    assert_eq!(sim.faults_left(), 0);
    (sim, response)
}

#[tokio::test(start_paused = true)]
async fn scripted_error_replaces_the_operation() {
    for (fault, status, message) in [
        (Fault::status_500(), 500, "An internal error occurred."),
        (Fault::gone_410(), 410, "This application has been disabled by UltraCart."),
        (Fault::unauthorized_401(), 401, "Invalid credentials."),
        (Fault::error(StatusCode::IM_A_TEAPOT, "no"), 418, "no"),
        (Fault::too_many_requests(), 429, "rate of 1000 per 3600 second(s) exceeded."),
        (
            Fault::too_many_requests().message("rate of 5 per 1 second(s) exceeded."),
            429,
            "rate of 5 per 1 second(s) exceeded.",
        ),
    ] {
        let (sim, response) = insert_with(fault).await;
        assert_eq!((response.status.as_u16(), response.error().as_str()), (status, message));
        assert_eq!(response.headers["date"], "Sat, 01 Jun 2024 00:00:00 GMT");
        assert_eq!(sim.users().len(), 0, "{message}");
        assert_eq!(sim.rejections(), 0);
        assert_eq!(
            post(&sim, "/user/users", INSERT).await.status,
            StatusCode::OK,
            "the fault affects one request"
        );
    }
    let (sim, response) = insert_with(Fault::html_502().after_effect()).await;
    assert_eq!(
        (response.status, &response.headers["content-type"]),
        (StatusCode::BAD_GATEWAY, &"text/html".parse().unwrap())
    );
    assert_eq!(sim.users().len(), 1, "the operation was carried out despite the fault");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_seconds_a_date_or_any_text() {
    for (when, header) in [
        (RetryAfter::None, None),
        (RetryAfter::Seconds(30), Some("30")),
        (RetryAfter::Date(Duration::from_mins(2)), Some("Sat, 01 Jun 2024 00:02:00 GMT")),
        (RetryAfter::Text("soon\n".into()), Some("soon?")),
    ] {
        let (_, response) = insert_with(Fault::too_many_requests().retry_after(when)).await;
        assert_eq!(response.headers.get("retry-after").map(|value| value.to_str().unwrap()), header);
    }
}

#[tokio::test(start_paused = true)]
async fn slow_responses_are_complete_but_late() {
    let wait = Duration::from_secs(40);
    for fault in [Fault::slow_headers(wait), Fault::slow_body(wait)] {
        let (sim, response) = insert_with(fault).await;
        assert_eq!(response.json()["user"]["login"], "ada");
        assert_eq!(sim.elapsed(), wait);
        assert_eq!(sim.users().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn reset_and_cut_faults_break_the_connection() {
    for (fault, users) in [(Fault::reset_before(), 0), (Fault::reset_after(), 1)] {
        let sim = Sim::builder().users(0).build();
        sim.fault(fault);
        let error =
            sim.service().call(request(&sim, &Method::POST, "/user/users", INSERT)).await.unwrap_err();
        assert_eq!(error.to_string(), "connection reset by the simulated account");
        assert_eq!(sim.users().len(), users);
        assert_eq!(sim.requests()[0].status, None);
        assert_eq!(get(&sim, "/user/users").await.status, StatusCode::OK, "no call is left in flight");
    }
    let sim = Sim::builder().users(0).build();
    sim.fault(Fault::cut_body());
    let response = sim.service().call(request(&sim, &Method::POST, "/user/users", INSERT)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let announced: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first.len(), announced / 2);
    body.frame().await.unwrap().unwrap_err();
    assert_eq!(sim.users().len(), 1);
    assert_eq!(get(&sim, "/user/users").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn hang_fault_never_responds() {
    let sim = Sim::builder().latency(Duration::from_secs(1)).build();
    sim.fault(Fault::hang());
    let call = sim.service().call(request(&sim, &Method::GET, "/user/users", ""));
    tokio::time::timeout(Duration::from_hours(100), call).await.unwrap_err();
    assert_eq!(get(&sim, "/user/users").await.status, StatusCode::OK, "dropping the future ended the call");
}

#[tokio::test(start_paused = true)]
async fn scripted_bodies_are_sent_as_given() {
    let (_, response) = insert_with(Fault::huge_body(5_000_000)).await;
    assert!(response.body.len() >= 5_000_000);
    assert_eq!(response.headers.get("content-length"), None);
    let (_, response) = insert_with(Fault::nested_body(1_000)).await;
    assert!(response.body.windows(1_000).any(|bytes| bytes == [b'['; 1_000]));
    let (_, response) = insert_with(Fault::redirect("https://elsewhere.example/")).await;
    assert_eq!(response.headers["location"], "https://elsewhere.example/");
    assert_eq!(response.status, StatusCode::TEMPORARY_REDIRECT);
    let mut odd = Response::new(Bytes::from_static(b"\xff\xfe"));
    odd.headers_mut().insert("content-length", "77".parse().unwrap());
    let (_, response) = insert_with(Fault::response(odd)).await;
    assert_eq!(
        (response.body.as_ref(), &response.headers["content-length"]),
        (&b"\xff\xfe"[..], &"2".parse().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn fault_affects_only_its_operation() {
    let sim = Sim::builder().build();
    sim.script([
        Fault::status_500().on(Operation::InsertUser).nth(2),
        Fault::gone_410().on(Operation::GetUsers),
    ]);
    assert_eq!(post(&sim, "/user/users", INSERT).await.status, StatusCode::OK);
    assert_eq!(get(&sim, "/user/users").await.status, StatusCode::GONE);
    assert_eq!(post(&sim, "/user/users", r#"{"login":"bob"}"#).await.status.as_u16(), 500);
    assert_eq!(sim.faults_left(), 0);
    sim.fault(Fault::gone_410().always());
    sim.clear_faults();
    assert_eq!(send(&sim, request(&sim, &Method::GET, "/user/users", "")).await.status, StatusCode::OK);
}
