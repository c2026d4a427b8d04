//! Webhook deliveries that the server posts over TCP.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use ultracart_model::Text;
use ultracart_sim::{Server, Sim, Webhook, WebhookFault};

fn sim_with_webhook(webhook: Webhook) -> Sim {
    Sim::builder().users(5).unlimited().webhook(webhook).build()
}

fn edit_users(sim: &Sim, users: impl IntoIterator<Item = i32>) {
    for id in users {
        assert!(sim.edit_user(id, |user| user.phone = Some(Text::from("555"))));
    }
}

async fn serve_with_webhook(sim: &Sim, url: &str) -> Server {
    let mut server = sim.bind("127.0.0.1:0").await.unwrap();
    server.deliver_to(url).unwrap();
    server
}

/// How a receiver reacts to a delivery.
#[derive(Clone, Copy)]
enum Reaction {
    Respond(u16),
    Disconnect,
    Hang,
}

/// The time of arrival, in seconds by the account's clock, and the delivery.
type Received = (u64, Request<Bytes>);

/// A webhook receiver that records the deliveries.
#[derive(Clone)]
struct Receiver {
    sim: Sim,
    url: String,
    reactions: Arc<Mutex<VecDeque<Reaction>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Starts a receiver that reacts to the first deliveries with `reactions`, one for each delivery, and
    /// responds to later deliveries with 200.
    async fn start(sim: &Sim, reactions: impl IntoIterator<Item = Reaction>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?shop=1", listener.local_addr().unwrap());
        let reactions = Arc::new(Mutex::new(reactions.into_iter().collect()));
        let receiver = Self { sim: sim.clone(), url, reactions, received: Arc::default() };
        let serving = receiver.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let receiver = serving.clone();
                let service = service_fn(move |request| receiver.clone().receive(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        receiver
    }

    async fn receive(self, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, &'static str> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let reaction = self.reactions.lock().unwrap().pop_front().unwrap_or(Reaction::Respond(200));
        let at = self.sim.elapsed().as_secs();
        self.received.lock().unwrap().push((at, Request::from_parts(parts, body)));
        let mut response = Response::new(Empty::new());
        match reaction {
            Reaction::Respond(status) => *response.status_mut() = StatusCode::from_u16(status).unwrap(),
            Reaction::Disconnect => return Err("disconnect"),
            Reaction::Hang => pending().await,
        }
        Ok(response)
    }

    /// Waits for `time`, then returns all deliveries so far: for each, its time of arrival in seconds and its
    /// user IDs.
    async fn received(&self, time: Duration) -> Vec<(u64, Vec<i64>)> {
        pass(time).await;
        self.received.lock().unwrap().iter().map(|(at, delivery)| (*at, users(delivery))).collect()
    }
}

/// Waits until the paused clock has advanced by this time. Other tasks run meanwhile.
async fn pass(time: Duration) {
    tokio::time::timeout(time, pending::<()>()).await.unwrap_err();
}

fn users(delivery: &Request<Bytes>) -> Vec<i64> {
    let body: Value = serde_json::from_slice(delivery.body()).unwrap();
    let events = body["events"].as_array().unwrap().iter();
    events.map(|event| event["user_update"]["user_id"].as_i64().unwrap()).collect()
}

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn deliveries_are_posted_whole_and_in_order() {
    let sim = sim_with_webhook(Webhook::new().basic_auth("Aladdin", "open sesame"));
    let receiver = Receiver::start(&sim, []).await;
    edit_users(&sim, [1]);
    let _server = serve_with_webhook(&sim, &receiver.url).await;
    edit_users(&sim, [2]);
    assert_eq!(receiver.received(HOUR).await, [(0, vec![1]), (0, vec![2])]);
    edit_users(&sim, [3]);
    assert_eq!(receiver.received(HOUR).await[2..], [(3_600, vec![3])]);

    let deliveries = receiver.received.lock().unwrap();
    let delivery = &deliveries[0].1;
    assert_eq!((delivery.method(), &*delivery.uri().to_string()), (&Method::POST, "/hook?shop=1"));
    let headers = delivery.headers();
    assert_eq!(headers["host"].to_str().unwrap(), receiver.url.split('/').nth(2).unwrap());
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(headers["content-length"].to_str().unwrap(), delivery.body().len().to_string());
}

#[tokio::test(start_paused = true)]
async fn failed_delivery_is_retried_while_later_ones_wait() {
    let sim = sim_with_webhook(Webhook::new());
    let reactions =
        [Reaction::Respond(500), Reaction::Respond(302), Reaction::Disconnect, Reaction::Respond(204)];
    let receiver = Receiver::start(&sim, reactions).await;
    let _server = serve_with_webhook(&sim, &receiver.url).await;
    edit_users(&sim, 1..=2);
    let expected = [(0, vec![1]), (1, vec![1]), (3, vec![1]), (7, vec![1]), (7, vec![2])];
    assert_eq!(receiver.received(HOUR).await, expected);
    let deliveries = receiver.received.lock().unwrap();
    assert!(deliveries[..4].iter().all(|(_, delivery)| delivery.body() == deliveries[0].1.body()));
}

#[tokio::test(start_paused = true)]
async fn delivery_times_out_after_30_seconds() {
    let sim = sim_with_webhook(Webhook::new());
    let receiver = Receiver::start(&sim, [Reaction::Hang]).await;
    let _server = serve_with_webhook(&sim, &receiver.url).await;
    edit_users(&sim, [1]);
    assert_eq!(receiver.received(HOUR).await, [(0, vec![1]), (31, vec![1])]);
}

#[tokio::test(start_paused = true)]
async fn delivery_is_lost_after_ten_retries() {
    let sim = sim_with_webhook(Webhook::new());
    let receiver = Receiver::start(&sim, [Reaction::Respond(503); 11]).await;
    let _server = serve_with_webhook(&sim, &receiver.url).await;
    edit_users(&sim, 1..=2);
    let mut expected: Vec<_> =
        [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303].map(|at| (at, vec![1])).into_iter().collect();
    expected.push((303, vec![2]));
    assert_eq!(receiver.received(HOUR).await, expected);
}

#[tokio::test(start_paused = true)]
async fn waiting_events_are_bundled_late_ones_follow() {
    let sim = sim_with_webhook(Webhook::new().bundle(3));
    sim.webhook_fault(WebhookFault::late(Duration::from_mins(5)));
    let receiver = Receiver::start(&sim, []).await;
    edit_users(&sim, 1..=5);
    let _server = serve_with_webhook(&sim, &receiver.url).await;
    assert_eq!(receiver.received(HOUR).await, [(0, vec![2, 3, 4]), (0, vec![5]), (300, vec![1])]);
}

#[tokio::test(start_paused = true)]
async fn delivery_succeeds_at_the_response_head() {
    let sim = sim_with_webhook(Webhook::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _server = serve_with_webhook(&sim, &format!("http://{}", listener.local_addr().unwrap())).await;
    edit_users(&sim, 1..=2);
    let mut open = Vec::new();
    for _ in 1..=2 {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"}]}") {
            stream.read_buf(&mut bytes).await.unwrap();
        }
        // The rest of the response body is never sent.
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nthanks").await.unwrap();
        open.push((stream, bytes));
    }
    assert_ne!(open[0].1, open[1].1, "the second delivery is not a retry");
    assert_eq!(sim.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn deliveries_stop_with_the_server() {
    let sim = sim_with_webhook(Webhook::new());
    let receiver = Receiver::start(&sim, []).await;
    for shutdown in [true, false] {
        let server = serve_with_webhook(&sim, &receiver.url).await;
        pass(HOUR).await;
        if shutdown {
            server.shutdown().await;
        } else {
            drop(server);
        }
        edit_users(&sim, [1]);
        assert_eq!(receiver.received(HOUR).await, []);
        assert_eq!(sim.take_deliveries().len(), 1, "the event still waits");
    }
}

#[tokio::test(start_paused = true)]
async fn new_webhook_url_replaces_the_old_one() {
    let sim = sim_with_webhook(Webhook::new());
    let receivers = [Receiver::start(&sim, []).await, Receiver::start(&sim, []).await];
    let mut server = serve_with_webhook(&sim, &receivers[0].url).await;
    pass(HOUR).await;
    server.deliver_to(&receivers[1].url).unwrap();
    server.deliver_to("https://127.0.0.1/").unwrap_err();
    edit_users(&sim, 1..=3);
    assert_eq!(receivers[0].received(HOUR).await, []);
    assert_eq!(receivers[1].received(HOUR).await.len(), 3);
}
