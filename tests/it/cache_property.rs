//! Property test of the cache: random sequences of reads, writes, webhook events, failures and clock
//! advances.
//!
//! [`rules`] has a model of the cache. It checks that no read shows a value that is too old, and that a value
//! is loaded only when necessary.

pub(crate) mod account;
pub(crate) mod held;
pub(crate) mod manual_clock;
mod rules;
mod world;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use proptest::prelude::*;
use tower_service::Service;
use ultracart_client::config::Window;
use ultracart_client::{CachePolicy, Client, Config};

use self::account::{Key, ListFields, USERS};
use self::manual_clock::ManualClock;
use self::world::World;

/// A configuration that allows `max_concurrency` calls at a time, makes no retries, and has a quota that no
/// test exhausts.
pub(crate) fn unlimited(max_concurrency: u32) -> Config {
    let mut config = Config::default();
    config.limiter.max_concurrency = max_concurrency;
    config.limiter.spare = 0;
    config.limiter.guard_gap = Duration::ZERO;
    config.limiter.quarantine = Duration::ZERO;
    config.limiter.windows = vec![Window::new(1_000_000, Duration::from_hours(1))];
    config.http.request_timeout = Duration::from_hours(24);
    config.retry.max_attempts = 1;
    // Without TLS no certificates are read.
    config.api.base_url = "http://127.0.0.1:1".into();
    config
}

/// Builds a client of a service, with a clock that the test advances.
pub(crate) fn client<S>(config: Config, clock: &Arc<ManualClock>, service: S) -> Client
where
    S: Service<Request<Bytes>, Response = Response<String>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let clock = Arc::clone(clock);
    Client::builder().config(config).simple_key("key").clock(clock).service(service).build().unwrap()
}

/// Runs all tasks of this thread's runtime until they wait.
pub(crate) async fn run_until_idle() {
    for _ in 0..40 {
        tokio::task::yield_now().await;
    }
}

/// One step of the test. In `Write` and `ChangeElsewhere`, the number is a user's index in the account. In
/// other steps, the number selects a reader, a request or an event. Numbers after the last one start again at
/// the first.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Starts a read.
    Read(Key, CachePolicy),
    /// Drops a reader.
    Drop(usize),
    /// This client starts a write of a user. Does nothing while an earlier write of that user is in progress.
    Write(usize),
    /// The server processes a request.
    Serve(usize),
    /// The server sends the response to a processed request.
    Complete(usize),
    /// `Serve`, then `Complete`.
    Respond(usize),
    /// The server responds with an error, before or after it has processed the request.
    Fail(usize, StatusCode),
    /// Another program changes a user, which queues an event.
    ChangeElsewhere(usize),
    /// The client receives one of the queued events. If there is none, another program first changes a user.
    Event(usize),
    Advance(Duration),
    ClearCache,
}

fn step() -> impl Strategy<Value = Step> {
    let policy = prop_oneof![
        4 => Just(CachePolicy::Default),
        1 => Just(CachePolicy::NeverStale),
        2 => Just(CachePolicy::Refresh),
        2 => Just(CachePolicy::StaleAllowed),
        1 => Just(CachePolicy::OnlyIfCached),
    ];
    let key = prop_oneof![3 => Just(Key::User(0)), 1 => Just(Key::User(1)), 2 => Just(Key::List)];
    let status =
        prop_oneof![2 => Just(StatusCode::INTERNAL_SERVER_ERROR), 1 => Just(StatusCode::UNAUTHORIZED)];
    let index = || 0..12_usize;
    prop_oneof![
        8 => (key, policy).prop_map(|(key, policy)| Step::Read(key, policy)),
        1 => index().prop_map(Step::Drop),
        2 => (0..USERS).prop_map(Step::Write),
        3 => index().prop_map(Step::Serve),
        3 => index().prop_map(Step::Complete),
        3 => index().prop_map(Step::Respond),
        2 => (index(), status).prop_map(|(index, status)| Step::Fail(index, status)),
        2 => (0..USERS).prop_map(Step::ChangeElsewhere),
        3 => index().prop_map(Step::Event),
        2 => (0..400_u64).prop_map(|seconds| Step::Advance(Duration::from_secs(seconds))),
        1 => Just(Step::ClearCache),
    ]
}

/// State of the cache before the first step.
#[derive(Clone, Copy, Debug)]
enum Start {
    Empty,
    /// The list and a user that was read alone are cached. By comparing them, the cache knows whether listed
    /// users have all fields.
    Loaded,
    /// The list and a user are cached and expired.
    Expired,
}

impl Start {
    fn steps(self) -> Vec<Step> {
        let loads = [Key::List, Key::User(0)].map(|key| Step::Read(key, CachePolicy::Refresh));
        let loads = loads.into_iter().flat_map(|load| [load, Step::Respond(0)]);
        match self {
            Self::Empty => Vec::new(),
            Self::Loaded => loads.collect(),
            Self::Expired => loads.chain([Step::Advance(world::TTL)]).collect(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reads_in_any_order_obey_the_rules_of_the_cache(
        lists in prop_oneof![Just(ListFields::All), Just(ListFields::NoHistories)],
        start in prop_oneof![Just(Start::Empty), Just(Start::Loaded), Just(Start::Expired)],
        steps in prop::collection::vec(step(), 1..=80),
    ) {
        // No timer: only the test advances the clock.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(lists);
            for step in start.steps().into_iter().chain(steps) {
                world.run(step).await;
            }
            world.finish().await;
        });
    }
}
