//! Effects of deliveries on a client.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use ultracart_sim::Sim;
use ultracart_transport::{Clock, Instant, TokioClock};

use super::{ChunkedBody, End, PASSWORD, USER, compressed_delivery, delivery, post, send};
use crate::Client;

/// A client whose cache has users, groups and logins.
struct CachingClient {
    sim: Sim,
    client: Client,
}

impl CachingClient {
    async fn new() -> Self {
        let sim = Sim::builder().users(3).groups(2).simple_key("key").unlimited().build();
        let client = Client::builder().simple_key("key").service(sim.service()).build().unwrap();
        let new = Self { sim, client };
        assert_eq!(new.reloads().await, [true; 3]);
        assert_eq!(new.reloads().await, [false; 3]);
        new
    }

    /// Reads the users, then the groups, then the logins of user 1. Returns whether each of these reads made
    /// a call. Afterwards all three values are cached.
    async fn reloads(&self) -> [bool; 3] {
        let api = self.client.user_api();
        let mut calls = vec![self.sim.calls()];
        api.get_users().await.unwrap();
        calls.push(self.sim.calls());
        api.get_groups().await.unwrap();
        calls.push(self.sim.calls());
        api.get_user_logins(1.into()).await.unwrap();
        calls.push(self.sim.calls());
        [0, 1, 2].map(|n| calls[n] < calls[n + 1])
    }
}

#[tokio::test(start_paused = true)]
async fn event_invalidates_the_cache() {
    let caching = CachingClient::new().await;
    let receiver = caching.client.webhook().no_auth();
    let (all, none) = ([true; 3], [false; 3]);
    for (event, invalidated) in [
        (r#"{"user_create": {"user_id": 1}}"#, all),
        (r#"{"user_update": {"user_id": 1}}"#, all),
        (r#"{"user_delete": {"user_id": 1}}"#, all),
        (r#"{"user_login": {"user_id": 1}}"#, [false, false, true]),
        (r#"{"order_update": {"user_id": 1}}"#, none),
        // The event does not say which user changed, so all may have.
        (r#"{"user_update": null}"#, all),
        (r#"{"user_update": {"groups": "of another shape"}}"#, all),
        (r#"{"user_login": [1, 2]}"#, [false, false, true]),
        (r#"{"a": 1}, {"user_login": {"user_id": 1}}, {"b": 2}"#, [false, false, true]),
    ] {
        receiver.receive(None, &delivery(&format!("[{event}]"))).unwrap();
        assert_eq!(caching.reloads().await, invalidated, "{event}");
        assert_eq!(caching.reloads().await, none, "{event}");
    }
    let response = send(&receiver, post(ChunkedBody::new(&[br#"{"events": [{"user_update": {}}]}"#]))).await;
    assert_eq!((response.status(), caching.reloads().await), (StatusCode::OK, all));
}

#[tokio::test(start_paused = true)]
async fn refused_delivery_invalidates_nothing() {
    let caching = CachingClient::new().await;
    let receiver = caching.client.webhook().no_auth();
    let truncated = br#"{"events": [{"user_update": {"user_id": 1}}, {"user_up"#;
    let half_wrong = br#"{"events": [{"user_update": {"user_id": 1}}, 7]}"#;
    let too_large = compressed_delivery(
        (r#"[{"user_update": {"user_id": 1}}"#.to_owned() + &" ".repeat(33 << 20) + "]").as_bytes(),
    );
    for body in [&truncated[..], half_wrong, &too_large] {
        receiver.receive(None, body).unwrap_err();
    }
    let with_auth = caching.client.webhook().basic_auth(USER, PASSWORD);
    with_auth.receive(Some(b"Basic eDp5"), br#"{"events": [{"user_update": {}}]}"#).unwrap_err();
    assert_eq!(caching.reloads().await, [false; 3]);
}

/// A clock whose sleeps end at once.
#[derive(Debug)]
struct NoSleepClock(TokioClock);

impl Clock for NoSleepClock {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(ready(()))
    }
}

#[tokio::test(start_paused = true)]
async fn receiver_uses_the_clock_of_its_client() {
    let client = Client::builder().simple_key("key").clock(Arc::new(NoSleepClock(TokioClock::new())));
    let client = client.service(Sim::builder().build().service()).build().unwrap();
    let endless = ChunkedBody { end: End::Never, ..ChunkedBody::new(&[]) };
    let receiver = client.webhook().no_auth();
    let result = tokio::time::timeout(Duration::from_secs(1), receiver.receive_request(post(endless)));
    let refused = result.await.expect("the time limit passes at once").unwrap_err();
    assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
}
