//! Rate limits and calls in flight, in virtual time.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use crate::support::{get, post, request, send};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use tokio::time::advance;
use tower_service::Service as _;
use ultracart_sim::{Count, Fault, Operation, PeerIp, Scope, Sim, Window};

const HOUR: Duration = Duration::from_hours(1);

fn left(sim: &Sim) -> Vec<u32> {
    sim.remaining().iter().map(|window| window.calls).collect()
}

#[tokio::test(start_paused = true)]
async fn default_limits_allow_20_000_calls_a_day() {
    let sim = Sim::builder().users(0).build();
    let (mut done, mut rejected) = (0, 0);
    while sim.elapsed() <= 24 * HOUR {
        let response = get(&sim, "/user/users").await;
        if response.status == StatusCode::TOO_MANY_REQUESTS {
            let message = response.error();
            assert_eq!(response.headers.get("retry-after"), None);
            assert_eq!(response.json()["error"]["developer_message"], message.as_str());
            assert!(
                message == "rate of 1000 per 3600 second(s) exceeded."
                    || message == "rate of 10000 per 86400 second(s) exceeded.",
                "{message}"
            );
            rejected += 1;
            advance(Duration::from_millis(3_600)).await;
        } else {
            done += 1;
        }
    }
    // The daily bucket holds 10,000 calls, and another 10,000 drain from it in a day.
    assert_eq!(done, 20_000);
    assert_eq!((sim.rejections(), sim.overlaps()), (rejected, 0));
}

#[tokio::test(start_paused = true)]
async fn window_kinds_differ_in_when_calls_return() {
    let after = async |window: Window, wait: Duration| {
        let sim = Sim::builder().users(0).windows([window]).build();
        advance(HOUR / 2).await;
        for _ in 0..4 {
            assert_eq!(get(&sim, "/user/users").await.status, StatusCode::OK);
        }
        assert_eq!(get(&sim, "/user/users").await.status, StatusCode::TOO_MANY_REQUESTS);
        advance(wait).await;
        sim.remaining()[0].calls
    };
    assert_eq!(after(Window::leaky_bucket(4, HOUR), HOUR / 4).await, 1);
    assert_eq!(after(Window::sliding_log(4, HOUR), HOUR / 4).await, 0);
    assert_eq!(after(Window::fixed_window(4, HOUR), HOUR / 4).await, 0);
    assert_eq!(after(Window::leaky_bucket(4, HOUR), HOUR / 2).await, 2);
    assert_eq!(after(Window::sliding_log(4, HOUR), HOUR / 2).await, 0);
    assert_eq!(after(Window::fixed_window(4, HOUR), HOUR / 2).await, 4);
}

#[tokio::test(start_paused = true)]
async fn applications_and_ip_addresses_have_own_limits() {
    let sim = Sim::builder().windows([Window::leaky_bucket(2, HOUR)]).oauth("app", "r").build();
    let from = |address: u8| {
        let mut request = request(&sim, &Method::GET, "/user/users", "");
        request.extensions_mut().insert(PeerIp([10, 0, 0, address].into()));
        request
    };
    assert_eq!(send(&sim, from(1)).await.status, StatusCode::OK);
    assert_eq!(send(&sim, from(2)).await.status, StatusCode::OK);
    assert_eq!(send(&sim, from(3)).await.status, StatusCode::TOO_MANY_REQUESTS, "the key's window is full");
    let mut stranger = from(1);
    stranger.headers_mut().remove("x-ultracart-simple-key");
    assert_eq!(send(&sim, stranger).await.status, StatusCode::UNAUTHORIZED);
    let scopes: Vec<(String, u32)> =
        sim.remaining().iter().map(|window| (window.scope.to_string(), window.calls)).collect();
    let expected = [
        ("application app", 2),
        ("application simple key", 0),
        ("address 10.0.0.1", 0),
        ("address 10.0.0.2", 1),
        ("address 127.0.0.1", 2),
    ];
    assert_eq!(scopes, expected.map(|(scope, calls)| (scope.to_owned(), calls)));
    assert_ne!(sim.remaining()[0].scope, Scope::Ip([10, 0, 0, 1].into()));
}

#[tokio::test(start_paused = true)]
async fn call_is_rejected_until_the_first_is_read() {
    let sim = Sim::builder().concurrency_message("one at a time").build();
    let first = sim.service().call(request(&sim, &Method::GET, "/user/users", "")).await.unwrap();
    let second = get(&sim, "/user/users").await;
    assert_eq!((second.status, second.error().as_str()), (StatusCode::TOO_MANY_REQUESTS, "one at a time"));
    assert_eq!(sim.requests()[1].in_flight, 1);
    let body = first.into_body().collect().await.unwrap();
    assert_eq!(get(&sim, "/user/users").await.status, StatusCode::OK);
    drop(body);
    let dropped = sim.service().call(request(&sim, &Method::GET, "/user/users", "")).await.unwrap();
    drop(dropped);
    assert_eq!(get(&sim, "/user/users").await.status, StatusCode::OK);
    assert_eq!((sim.overlaps(), sim.rejections(), sim.calls()), (1, 1, 5));
    assert_eq!(left(&sim)[0], 996, "the rejected call does not count");
}

#[tokio::test(start_paused = true)]
async fn call_of_a_gone_client_stays_in_flight() {
    let sim = Sim::builder().users(0).latency(Duration::from_secs(10)).build();
    {
        let call = sim.service().call(request(&sim, &Method::POST, "/user/users", r#"{"login":"ada"}"#));
        let mut call = pin!(call);
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(sim.users().len(), 1, "the insert took effect");
    assert_eq!(get(&sim, "/user/users").await.status, StatusCode::TOO_MANY_REQUESTS);
    // The response to the rejected call took ten seconds, so the first call has ended.
    assert_eq!(get(&sim, "/user/users").await.status, StatusCode::OK);
    assert_eq!(sim.elapsed(), Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn max_in_flight_allows_more_calls() {
    let sim = Sim::builder().max_in_flight(2).build();
    let call = || sim.service().call(request(&sim, &Method::GET, "/user/users", ""));
    let (first, second, third) = (call().await.unwrap(), call().await.unwrap(), call().await.unwrap());
    let status = [first.status(), second.status(), third.status()].map(|status| status.as_u16());
    assert_eq!(status, [200, 200, 429]);
}

#[tokio::test(start_paused = true)]
async fn rejected_calls_count_only_if_configured() {
    let window = Window::leaky_bucket(1, HOUR);
    for (count, room) in [(Count::No, 1), (Count::Yes, 0)] {
        let sim = Sim::builder().users(0).windows([window.clone()]).count_rejected(count).build();
        get(&sim, "/user/users").await;
        advance(HOUR / 2).await;
        assert_eq!(get(&sim, "/user/users").await.status, StatusCode::TOO_MANY_REQUESTS);
        advance(HOUR / 2).await;
        assert_eq!(left(&sim)[0], room);

        let sim = Sim::builder().count_rejected(count).build();
        sim.fault(Fault::too_many_requests());
        get(&sim, "/user/users").await;
        assert_eq!(left(&sim)[0], 999 + room);
    }
}

fn token(form: &str) -> Request<Bytes> {
    Request::post("/rest/v2/oauth/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::copy_from_slice(form.as_bytes()))
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn token_calls_count_only_if_configured() {
    for (count, room) in [(Count::No, 1000), (Count::Yes, 999)] {
        let sim = Sim::builder().oauth("app", "r1").oauth("other", "r2").count_token_calls(count).build();
        let form = "client_id=app&grant_type=refresh_token&refresh_token=r1";
        assert_eq!(send(&sim, token(form)).await.status, StatusCode::OK);
        let left: Vec<(String, u32)> =
            sim.remaining().iter().step_by(2).map(|hour| (hour.scope.to_string(), hour.calls)).collect();
        let expected = [
            ("application app", room),
            ("application other", 1000),
            ("application simple key", 1000),
            ("address 127.0.0.1", room),
        ];
        assert_eq!(left, expected.map(|(scope, calls)| (scope.to_owned(), calls)));
        assert_eq!(sim.calls(), 0);
        assert_eq!(sim.requests()[0].operation, Some(Operation::OauthAccessToken));
    }
}

#[tokio::test(start_paused = true)]
async fn token_call_of_unknown_client_counts_by_ip() {
    let sim = Sim::builder().oauth("app", "r1").count_token_calls(Count::Yes).build();
    for form in [
        "grant_type=refresh_token&refresh_token=r1",
        "client_id=unknown&grant_type=refresh_token&refresh_token=r1",
    ] {
        let mut call = token(form);
        // A token call counts for the `client_id` in its form, even with another credential in its headers.
        call.headers_mut().insert("x-ultracart-simple-key", sim.simple_key().expose().parse().unwrap());
        assert_eq!(send(&sim, call).await.status, StatusCode::BAD_REQUEST);
    }
    let left: Vec<(String, u32)> =
        sim.remaining().iter().step_by(2).map(|hour| (hour.scope.to_string(), hour.calls)).collect();
    let expected = [("application app", 1000), ("application simple key", 1000), ("address 127.0.0.1", 998)];
    assert_eq!(left, expected.map(|(scope, calls)| (scope.to_owned(), calls)));
}

#[tokio::test(start_paused = true)]
async fn counted_token_calls_do_not_overlap() {
    let sim = Sim::builder().oauth("app", "r1").count_token_calls(Count::Yes).build();
    let form = "client_id=app&grant_type=refresh_token&refresh_token=r1";
    let open = sim.service().call(token(form)).await.unwrap();
    let mut elsewhere = token(form);
    elsewhere.extensions_mut().insert(PeerIp([10, 0, 0, 1].into()));
    assert_eq!(send(&sim, elsewhere).await.status, StatusCode::TOO_MANY_REQUESTS);
    drop(open);
}

#[tokio::test]
async fn unlimited_account_rejects_no_call() {
    let sim = Sim::builder().users(0).unlimited().build();
    let open = sim.service().call(request(&sim, &Method::GET, "/user/users", "")).await.unwrap();
    for _ in 0..1_500 {
        assert_eq!(post(&sim, "/user/users", "{}").await.status, StatusCode::OK);
    }
    assert_eq!((sim.rejections(), sim.overlaps()), (0, 1_500));
    drop(open);
}
