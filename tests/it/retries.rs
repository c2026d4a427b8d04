//! Tests which operations are retried after which outcome of an attempt.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tower_service::Service;
use ultracart_client::model::{Group, User};
use ultracart_client::{Client, Config, Error, ErrorKind, UserApi};
use ultracart_sim::{Fault, Sim};

use crate::client;

/// The effect of sending an operation twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeatability {
    /// The operation changes nothing.
    Safe,
    /// The operation has the same effect whether it is sent once or twice.
    Idempotent,
    /// The operation creates two objects if it is sent twice.
    Insert,
}
use Repeatability::{Idempotent, Insert, Safe};

const OPERATIONS: [(&str, Repeatability); 11] = [
    ("get_users", Safe),
    ("get_user", Safe),
    ("get_user_logins", Safe),
    ("insert_user", Insert),
    ("update_user", Idempotent),
    ("delete_user", Idempotent),
    ("get_groups", Safe),
    ("get_group", Safe),
    ("insert_group", Insert),
    ("update_group", Idempotent),
    ("delete_group", Idempotent),
];

async fn call(api: &UserApi, operation: &str, user: i32, group: i32) -> Result<(), Error> {
    match operation {
        "get_users" => api.get_users().await.map(drop),
        "get_user" => api.get_user(user.into()).await.map(drop),
        "get_user_logins" => api.get_user_logins(user.into()).await.map(drop),
        "insert_user" => {
            api.insert_user(&User::new().login("ada.l").email("ada@example.com")).await.map(drop)
        }
        "update_user" => api.update_user(user.into(), &User::new().phone("555-0100")).await.map(drop),
        "delete_user" => api.delete_user(user.into()).await,
        "get_groups" => api.get_groups().await.map(drop),
        "get_group" => api.get_group(group.into()).await.map(drop),
        "insert_group" => api.insert_group(&Group::new().name("Night shift")).await.map(drop),
        "update_group" => api.update_group(group.into(), &Group::new().name("Day shift")).await.map(drop),
        "delete_group" => api.delete_group(group.into()).await,
        other => unreachable!("there is no operation {other}"),
    }
}

/// The outcome of an attempt:
///
/// - its name
/// - the fault that causes it
/// - the classes of operations that are retried after it; operations of other classes fail
/// - for operations that fail, whether the error must say that the request may have reached the server
type Outcome = (&'static str, fn() -> Fault, &'static [Repeatability], bool);

fn outcomes() -> Vec<Outcome> {
    const ALL: &[Repeatability] = &[Safe, Idempotent, Insert];
    const REPEATABLE: &[Repeatability] = &[Safe, Idempotent];
    vec![
        ("429", Fault::too_many_requests, ALL, true),
        ("500", Fault::status_500, REPEATABLE, true),
        ("502 with HTML", Fault::html_502, REPEATABLE, true),
        ("a timeout", Fault::hang, REPEATABLE, true),
        ("a cut body", Fault::cut_body, REPEATABLE, true),
        ("a reset before the effect", Fault::reset_before, REPEATABLE, true),
        ("a reset after the effect", Fault::reset_after, REPEATABLE, true),
        ("401", Fault::unauthorized_401, &[], true),
        ("410", Fault::gone_410, &[], true),
        ("400", || Fault::error(StatusCode::BAD_REQUEST, "no"), &[], true),
        ("409", || Fault::error(StatusCode::CONFLICT, "no"), &[], true),
        ("a redirect", || Fault::redirect("https://elsewhere.example.com/"), &[], true),
        ("a body too large", || Fault::huge_body(2_000_000), &[], true),
        ("a 200 with HTML", || Fault::response(Response::new("<html>".into())), &[], true),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_operation_after_every_outcome() {
    for (operation, class) in OPERATIONS {
        for (outcome, fault, retried, reached) in outcomes() {
            let sim = Sim::builder().users(2).groups(2).build();
            let user = sim.users()[0].user_id.unwrap().get();
            let group = sim.groups()[0].group_oid.unwrap().get();
            let mut config = Config::default();
            config.http.max_body = 1_000_000;
            let api = client(&sim, config).user_api();
            sim.fault(fault());
            let result = call(&api, operation, user, group).await;
            let shown = format!("{operation} after {outcome}: {result:?}");
            if retried.contains(&class) {
                assert!(result.is_ok(), "{shown}");
                // The retry of a deletion that took effect gets a 400. A read then checks that the object is
                // gone.
                let took_effect = ["a cut body", "a reset after the effect"].contains(&outcome);
                let checks = u64::from(operation.starts_with("delete") && took_effect);
                assert_eq!(sim.calls(), 2 + checks, "{shown}");
                continue;
            }
            // After a 400 of a deletion, a read checks whether the object exists.
            let checks = u64::from(outcome == "400" && operation.starts_with("delete"));
            assert_eq!(sim.calls(), 1 + checks, "{shown}");
            let error = result.expect_err(&shown);
            assert_eq!((error.attempts(), error.may_have_reached_server()), (1, reached), "{shown}");
            assert!(!error.earlier_attempt_may_have_had_effect(), "{shown}");
        }
    }
}

/// A service that refuses the first connections and then passes requests on to an account.
#[derive(Clone)]
struct RefusingService {
    refusals_left: std::sync::Arc<std::sync::atomic::AtomicU32>,
    inner: ultracart_sim::SimService,
}

impl Service<Request<Bytes>> for RefusingService {
    type Response = <ultracart_sim::SimService as Service<Request<Bytes>>>::Response;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        use std::sync::atomic::Ordering::Relaxed;
        if self.refusals_left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Box::pin(async { Err(io::Error::from(io::ErrorKind::ConnectionRefused).into()) });
        }
        let mut inner = self.inner.clone();
        Box::pin(async move { inner.call(request).await.map_err(Into::into) })
    }
}

/// Builds a client whose first `refusals` connections are refused.
fn unreachable_client(sim: &Sim, refusals: u32, config: Config) -> Client {
    let service =
        RefusingService { refusals_left: std::sync::Arc::new(refusals.into()), inner: sim.service() };
    let client = Client::builder().config(config).simple_key(sim.simple_key().expose()).service(service);
    client.build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn refused_connection_is_retried_and_costs_no_call() {
    for (operation, _) in OPERATIONS {
        let sim = Sim::builder().users(2).groups(2).build();
        let user = sim.users()[0].user_id.unwrap().get();
        let group = sim.groups()[0].group_oid.unwrap().get();
        let client = unreachable_client(&sim, 4, Config::default());
        call(&client.user_api(), operation, user, group).await.unwrap();
        assert_eq!((sim.calls(), client.calls_spent()), (1, 1), "{operation}");

        let client = unreachable_client(&sim, 5, Config::default());
        let error = call(&client.user_api(), operation, user, group).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 5), "{operation}");
        assert!(!error.may_have_reached_server(), "{operation}");
        let known = client.limiter().snapshot().await.unwrap();
        assert_eq!((client.calls_spent(), known.windows[0].remaining), (0, 997), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn error_reports_effect_of_an_earlier_attempt() {
    let sim = Sim::builder().users(2).build();
    let mut config = Config::default();
    config.retry.max_attempts = 2;
    let api = client(&sim, config).user_api();
    let id = sim.users()[0].user_id.unwrap();
    sim.script([Fault::reset_after(), Fault::error(StatusCode::CONFLICT, "no")]);
    let error = api.update_user(id, &User::new().phone("555-0199")).await.unwrap_err();
    assert_eq!(sim.user(id).unwrap().phone.as_deref(), Some("555-0199"));
    assert!(error.may_have_reached_server() && error.earlier_attempt_may_have_had_effect(), "{error:?}");
    // A rejected attempt had no effect.
    sim.script([Fault::too_many_requests(), Fault::error(StatusCode::CONFLICT, "no")]);
    let error = api.update_user(id, &User::new().phone("555-0198")).await.unwrap_err();
    assert!(!error.earlier_attempt_may_have_had_effect(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn outage_exhausts_the_retry_budget() {
    let sim = Sim::builder().users(2).unlimited().build();
    let mut config = Config::default();
    config.cache = ultracart_client::config::Cache::off();
    config.limiter.windows = vec![ultracart_client::config::Window::new(100_000, Duration::from_mins(1))];
    let api = client(&sim, config).user_api();
    sim.fault(Fault::status_500().always());
    for _ in 0..200 {
        assert_eq!(api.get_users().await.unwrap_err().kind(), ErrorKind::Server);
    }
    // The budget allows 100 retries instead of 800.
    assert_eq!(sim.calls(), 200 + 100);
    sim.clear_faults();
    for _ in 0..5 {
        api.get_users().await.unwrap();
    }
    sim.fault(Fault::status_500());
    api.get_users().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rejections_do_not_spend_the_retry_budget() {
    let sim = Sim::builder().users(2).build();
    let mut config = Config::default();
    config.retry.budget = 0;
    config.retry.max_attempts = 1;
    let client = client(&sim, config);
    sim.fault(Fault::too_many_requests().times(10));
    client.user_api().get_users().await.unwrap();
    assert_eq!(sim.calls(), 11);
    sim.fault(Fault::too_many_requests().always());
    let error = client.user_api().get_groups().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::RateLimited, 11));
}
