//! Reads, writes, webhooks, failures and time in any order: what a read may never show, and what may never be loaded
//! twice.

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

/// So many calls at a time, as many as there are, each of them once.
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

/// A client of a service, by a clock that the test moves.
pub(crate) fn client<S>(config: Config, clock: &Arc<ManualClock>, service: S) -> Client
where
    S: Service<Request<Bytes>, Response = Response<String>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let clock = Arc::clone(clock);
    Client::builder().config(config).simple_key("key").clock(clock).service(service).build().unwrap()
}

/// Lets all tasks of this thread's runtime run until they wait for the test.
pub(crate) async fn settle() {
    for _ in 0..40 {
        tokio::task::yield_now().await;
    }
}

/// What happens next. Places are taken modulo the number of things that there are.
#[derive(Clone, Copy, Debug)]
enum Step {
    Read(Key, CachePolicy),
    /// A reader goes away.
    Drop(usize),
    /// A write of this client begins, unless the user is being written.
    Write(usize),
    /// The server does what a request asks for.
    Serve(usize),
    /// The response to a request that was served comes back.
    Complete(usize),
    /// Both at once.
    Answer(usize),
    /// A request fails, before or after it was served.
    Fail(usize, StatusCode),
    /// A user is changed, not by this client. An event will tell.
    ChangeElsewhere(usize),
    /// An event of an earlier change is received, in any order; of a new change, if all others were.
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
    let place = || 0..12_usize;
    prop_oneof![
        8 => (key, policy).prop_map(|(key, policy)| Step::Read(key, policy)),
        1 => place().prop_map(Step::Drop),
        2 => (0..USERS).prop_map(Step::Write),
        3 => place().prop_map(Step::Serve),
        3 => place().prop_map(Step::Complete),
        3 => place().prop_map(Step::Answer),
        2 => (place(), status).prop_map(|(place, status)| Step::Fail(place, status)),
        2 => (0..USERS).prop_map(Step::ChangeElsewhere),
        3 => place().prop_map(Step::Event),
        2 => (0..400_u64).prop_map(|seconds| Step::Advance(Duration::from_secs(seconds))),
        1 => Just(Step::ClearCache),
    ]
}

/// What is cached before the first step.
#[derive(Clone, Copy, Debug)]
enum Start {
    Empty,
    /// The list and a user, which shows whether the list leaves anything out.
    Loaded,
    /// The same, past its time to live.
    Expired,
}

impl Start {
    fn steps(self) -> Vec<Step> {
        let loads = [Key::List, Key::User(0)].map(|key| Step::Read(key, CachePolicy::Refresh));
        let loads = loads.into_iter().flat_map(|load| [load, Step::Answer(0)]);
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
        // No timer: everything goes by the clock that the test moves.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(lists);
            for step in start.steps().into_iter().chain(steps) {
                world.take(step).await;
            }
            world.end().await;
        });
    }
}
