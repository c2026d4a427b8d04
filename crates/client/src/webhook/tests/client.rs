//! What a client makes of it.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use ultracart_sim::Sim;
use ultracart_transport::{Clock, Instant, TokioClock};

use super::{Ends, PASSWORD, Pieces, USER, call, packed, plain, post};
use crate::Client;

/// A client that remembers users, groups and logins, and how many calls it takes to read them again.
struct Remembering {
    sim: Sim,
    client: Client,
}

impl Remembering {
    async fn new() -> Self {
        let sim = Sim::builder().users(3).groups(2).simple_key("key").unlimited().build();
        let client = Client::builder().simple_key("key").service(sim.service()).build().unwrap();
        let new = Self { sim, client };
        assert_eq!(new.forgotten().await, [true; 3]);
        assert_eq!(new.forgotten().await, [false; 3]);
        new
    }

    /// Whether users, groups and logins were forgotten. They are remembered then.
    async fn forgotten(&self) -> [bool; 3] {
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
async fn a_client_forgets_what_an_event_has_made_old() {
    let remembering = Remembering::new().await;
    let receiver = remembering.client.webhook().no_auth();
    let (all, none) = ([true; 3], [false; 3]);
    for (event, forgotten) in [
        (r#"{"user_create": {"user_id": 1}}"#, all),
        (r#"{"user_update": {"user_id": 1}}"#, all),
        (r#"{"user_delete": {"user_id": 1}}"#, all),
        (r#"{"user_login": {"user_id": 1}}"#, [false, false, true]),
        (r#"{"order_update": {"user_id": 1}}"#, none),
        // Who it is about is not known, so it can be anybody.
        (r#"{"user_update": null}"#, all),
        (r#"{"user_update": {"groups": "of another shape"}}"#, all),
        (r#"{"user_login": [1, 2]}"#, [false, false, true]),
        (r#"{"a": 1}, {"user_login": {"user_id": 1}}, {"b": 2}"#, [false, false, true]),
    ] {
        receiver.receive(None, &plain(&format!("[{event}]"))).unwrap();
        assert_eq!(remembering.forgotten().await, forgotten, "{event}");
        assert_eq!(remembering.forgotten().await, none, "{event}");
    }
    let answer = call(&receiver, post(Pieces::of(&[br#"{"events": [{"user_update": {}}]}"#]))).await;
    assert_eq!((answer.status(), remembering.forgotten().await), (StatusCode::OK, all));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_changes_nothing() {
    let remembering = Remembering::new().await;
    let receiver = remembering.client.webhook().no_auth();
    let truncated = br#"{"events": [{"user_update": {"user_id": 1}}, {"user_up"#;
    let half_wrong = br#"{"events": [{"user_update": {"user_id": 1}}, 7]}"#;
    let long =
        packed((r#"[{"user_update": {"user_id": 1}}"#.to_owned() + &" ".repeat(33 << 20) + "]").as_bytes());
    for body in [&truncated[..], half_wrong, &long] {
        receiver.receive(None, body).unwrap_err();
    }
    let closed = remembering.client.webhook().basic_auth(USER, PASSWORD);
    closed.receive(Some(b"Basic eDp5"), br#"{"events": [{"user_update": {}}]}"#).unwrap_err();
    assert_eq!(remembering.forgotten().await, [false; 3]);
}

/// A clock by which every time is up.
#[derive(Debug)]
struct Hasty(TokioClock);

impl Clock for Hasty {
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
async fn the_clock_is_the_client_s() {
    let client = Client::builder().simple_key("key").clock(Arc::new(Hasty(TokioClock::new())));
    let client = client.service(Sim::builder().build().service()).build().unwrap();
    let endless = Pieces { ends: Ends::Never, ..Pieces::of(&[]) };
    let receiver = client.webhook().no_auth();
    let taken = tokio::time::timeout(Duration::from_secs(1), receiver.accept(post(endless)));
    let refused = taken.await.expect("its time was up at once").unwrap_err();
    assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
}
