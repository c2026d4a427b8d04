//! What the account's webhook is told, over TCP.

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

fn account(webhook: Webhook) -> Sim {
    Sim::builder().users(5).unlimited().webhook(webhook).build()
}

fn change(sim: &Sim, users: impl IntoIterator<Item = i32>) {
    for id in users {
        assert!(sim.edit_user(id, |user| user.phone = Some(Text::from("555"))));
    }
}

async fn serving(sim: &Sim, url: &str) -> Server {
    let mut server = sim.bind("127.0.0.1:0").await.unwrap();
    server.deliver_to(url).unwrap();
    server
}

/// What a receiver does with a delivery once it has come whole.
#[derive(Clone, Copy)]
enum Answer {
    Status(u16),
    HangUp,
    Never,
}

/// When, in seconds, and what.
type Received = (u64, Request<Bytes>);

/// A server that remembers the deliveries and when, by the account's clock, they came.
#[derive(Clone)]
struct Receiver {
    sim: Sim,
    url: String,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// It answers like this, and from then on with 200.
    async fn start(sim: &Sim, answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?shop=1", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        let receiver = Self { sim: sim.clone(), url, answers, received: Arc::default() };
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
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Answer::Status(200));
        let at = self.sim.elapsed().as_secs();
        self.received.lock().unwrap().push((at, Request::from_parts(parts, body)));
        let mut response = Response::new(Empty::new());
        match answer {
            Answer::Status(status) => *response.status_mut() = StatusCode::from_u16(status).unwrap(),
            Answer::HangUp => return Err("that was all"),
            Answer::Never => pending().await,
        }
        Ok(response)
    }

    /// What came until so much time has passed: when, and about which users.
    async fn received(&self, time: Duration) -> Vec<(u64, Vec<i64>)> {
        pass(time).await;
        self.received.lock().unwrap().iter().map(|(at, delivery)| (*at, users(delivery))).collect()
    }
}

/// Lets time pass, and whatever happens meanwhile happen.
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
    let sim = account(Webhook::new().basic_auth("Aladdin", "open sesame"));
    let receiver = Receiver::start(&sim, []).await;
    change(&sim, [1]);
    let _server = serving(&sim, &receiver.url).await;
    change(&sim, [2]);
    assert_eq!(receiver.received(HOUR).await, [(0, vec![1]), (0, vec![2])]);
    change(&sim, [3]);
    assert_eq!(receiver.received(HOUR).await[2..], [(3_600, vec![3])]);

    let came = receiver.received.lock().unwrap();
    let delivery = &came[0].1;
    assert_eq!((delivery.method(), &*delivery.uri().to_string()), (&Method::POST, "/hook?shop=1"));
    let headers = delivery.headers();
    assert_eq!(headers["host"].to_str().unwrap(), receiver.url.split('/').nth(2).unwrap());
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(headers["content-length"].to_str().unwrap(), delivery.body().len().to_string());
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_is_not_taken_is_repeated_and_those_behind_it_wait() {
    let sim = account(Webhook::new());
    let answers = [Answer::Status(500), Answer::Status(302), Answer::HangUp, Answer::Status(204)];
    let receiver = Receiver::start(&sim, answers).await;
    let _server = serving(&sim, &receiver.url).await;
    change(&sim, 1..=2);
    let expected = [(0, vec![1]), (1, vec![1]), (3, vec![1]), (7, vec![1]), (7, vec![2])];
    assert_eq!(receiver.received(HOUR).await, expected);
    let came = receiver.received.lock().unwrap();
    assert!(came[..4].iter().all(|(_, delivery)| delivery.body() == came[0].1.body()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_waited_for_for_30_seconds() {
    let sim = account(Webhook::new());
    let receiver = Receiver::start(&sim, [Answer::Never]).await;
    let _server = serving(&sim, &receiver.url).await;
    change(&sim, [1]);
    assert_eq!(receiver.received(HOUR).await, [(0, vec![1]), (31, vec![1])]);
}

#[tokio::test(start_paused = true)]
async fn after_ten_repeats_a_delivery_is_lost() {
    let sim = account(Webhook::new());
    let receiver = Receiver::start(&sim, [Answer::Status(503); 11]).await;
    let _server = serving(&sim, &receiver.url).await;
    change(&sim, 1..=2);
    let mut expected: Vec<_> =
        [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303].map(|at| (at, vec![1])).into_iter().collect();
    expected.push((303, vec![2]));
    assert_eq!(receiver.received(HOUR).await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_has_gathered_comes_in_bundles_and_what_is_late_when_it_is_due() {
    let sim = account(Webhook::new().bundle(3));
    sim.webhook_fault(WebhookFault::late(Duration::from_mins(5)));
    let receiver = Receiver::start(&sim, []).await;
    change(&sim, 1..=5);
    let _server = serving(&sim, &receiver.url).await;
    assert_eq!(receiver.received(HOUR).await, [(0, vec![2, 3, 4]), (0, vec![5]), (300, vec![1])]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_counts_whatever_comes_behind_it() {
    let sim = account(Webhook::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _server = serving(&sim, &format!("http://{}", listener.local_addr().unwrap())).await;
    change(&sim, 1..=2);
    let mut open = Vec::new();
    for _ in 1..=2 {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"}]}") {
            stream.read_buf(&mut bytes).await.unwrap();
        }
        // The rest of this body never comes.
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nthanks").await.unwrap();
        open.push((stream, bytes));
    }
    assert_ne!(open[0].1, open[1].1, "that was the next one");
    assert_eq!(sim.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn deliveries_end_with_the_server() {
    let sim = account(Webhook::new());
    let receiver = Receiver::start(&sim, []).await;
    for shutdown in [true, false] {
        let server = serving(&sim, &receiver.url).await;
        pass(HOUR).await;
        if shutdown {
            server.shutdown().await;
        } else {
            drop(server);
        }
        change(&sim, [1]);
        assert_eq!(receiver.received(HOUR).await, []);
        assert_eq!(sim.take_deliveries().len(), 1, "it is still there");
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_one_receiver_at_a_time() {
    let sim = account(Webhook::new());
    let receivers = [Receiver::start(&sim, []).await, Receiver::start(&sim, []).await];
    let mut server = serving(&sim, &receivers[0].url).await;
    pass(HOUR).await;
    server.deliver_to(&receivers[1].url).unwrap();
    server.deliver_to("https://127.0.0.1/").unwrap_err();
    change(&sim, 1..=3);
    assert_eq!(receivers[0].received(HOUR).await, []);
    assert_eq!(receivers[1].received(HOUR).await.len(), 3);
}
