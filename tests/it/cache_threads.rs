//! The cache with several threads, ended runtimes, panics and cancelled callers.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;
use tower_service::Service;
use ultracart_client::model::User;
use ultracart_client::{CachePolicy, Cached, Client, Error, ErrorKind, UserApi, Users};

use crate::cache_property::account::{self, Author, ListFields, Target, VersionedAccount};
use crate::cache_property::held::HeldService;
use crate::cache_property::manual_clock::ManualClock;
use crate::cache_property::{client, run_until_idle, unlimited};

/// The longest time that a test waits, by the system clock. If the awaited event has not happened by then,
/// the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

type Reading = JoinHandle<Result<Cached<Users>, Error>>;

pub(crate) fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_time().build().unwrap()
}

pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// Returns the version of a list's first user.
fn version(users: &Users) -> u64 {
    account::index_and_version(&users[0]).1
}

/// A server that responds at once, on any thread.
#[derive(Clone)]
pub(crate) struct RespondingService(Arc<Mutex<VersionedAccount>>);

impl RespondingService {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(VersionedAccount::new(ListFields::All))))
    }
}

impl Service<Request<Bytes>> for RespondingService {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (target, account) = (Target::of(&request), Arc::clone(&self.0));
        let respond = move || {
            let mut account = account.lock().unwrap();
            if let Target::Update(user) = target {
                account.change(user, Author::ThisClient, Duration::ZERO);
            }
            account.response(target, account.versions())
        };
        Box::pin(async move {
            yield_now().await;
            let response = respond();
            yield_now().await;
            Ok(response)
        })
    }
}

/// A service that panics at each request.
#[derive(Clone)]
struct PanickingService;

impl Service<Request<Bytes>> for PanickingService {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        // `panic!` would print a message.
        Box::pin(async { resume_unwind(Box::new("as the test says")) })
    }
}

/// A client of a server whose responses the test sends.
struct HeldClient {
    service: HeldService,
    account: VersionedAccount,
    clock: Arc<ManualClock>,
    client: Client,
}

impl HeldClient {
    fn new(max_concurrency: u32) -> Self {
        let (service, clock) = (HeldService::default(), ManualClock::new());
        let client = client(unlimited(max_concurrency), &clock, service.clone());
        Self { service, account: VersionedAccount::new(ListFields::All), clock, client }
    }

    fn api(&self) -> UserApi {
        self.client.user_api()
    }

    fn read(&self) -> Reading {
        let api = self.api();
        tokio::spawn(async move { api.get_users().await })
    }

    /// Responds to all requests until the read ends, and returns its result.
    async fn result(&self, read: Reading) -> Result<Cached<Users>, Error> {
        for _ in 0..100 {
            run_until_idle().await;
            while let Some(held) = self.service.next() {
                let target = Target::of(&held.request);
                held.respond(self.account.response(target, self.account.versions()));
            }
            if read.is_finished() {
                return read.await.unwrap();
            }
        }
        unreachable!("a reader waits although the server has responded to all requests");
    }
}

/// Reads of all kinds, some of them cancelled, run concurrently with writes and an advancing clock.
#[test]
fn reads_on_four_threads_all_end_with_no_old_value() {
    let (runtime, clock) = (runtime(4), ManualClock::new());
    let mut config = unlimited(4);
    config.cache.users.refresh_at = 0.1;
    let api = client(config, &clock, RespondingService::new()).user_api();
    let latest_written = Arc::new(AtomicU64::new(0));
    let run = move |round: u64, task: u64| {
        let (api, clock, latest_written) = (api.clone(), Arc::clone(&clock), Arc::clone(&latest_written));
        async move {
            let kind = round + task;
            if kind.is_multiple_of(7) {
                let written = api.update_user(account::id(0), &User::new().full_name("next")).await.unwrap();
                latest_written.fetch_max(account::index_and_version(&written).1, Ordering::SeqCst);
                return;
            }
            if kind % 7 == 1 {
                clock.advance(Duration::from_secs(76));
            }
            let policy = if kind.is_multiple_of(5) { CachePolicy::Refresh } else { CachePolicy::Default };
            let api = api.cache_policy(policy);
            let oldest = latest_written.load(Ordering::SeqCst);
            let read = async {
                if kind.is_multiple_of(2) {
                    version(&api.get_users().await.unwrap())
                } else {
                    account::index_and_version(&api.get_user(account::id(0)).await.unwrap()).1
                }
            };
            let cancellation = async {
                for _ in 0..task {
                    yield_now().await;
                }
                if !kind.is_multiple_of(3) {
                    pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                version = read => assert!(version >= oldest, "version {version} is older than {oldest}"),
                () = cancellation => {}
            }
        }
    };
    for round in 0..500 {
        let tasks: Vec<_> = (0..12).map(|task| runtime.spawn(run(round, task))).collect();
        for task in tasks {
            runtime.block_on(async { timeout(PATIENCE, task).await }).unwrap().unwrap();
        }
    }
}

/// A reader finds a stale value. Before the reader starts a load, another task may replace the value. In this
/// case, the reader must not send a second load.
#[test]
fn stale_allowed_reads_after_a_write_cost_one_call() {
    let runtime = runtime(4);
    let client = client(unlimited(2), &ManualClock::new(), RespondingService::new());
    let api = client.user_api();
    let (stale, cached) =
        [CachePolicy::StaleAllowed, CachePolicy::OnlyIfCached].map(|policy| api.cache_policy(policy)).into();
    runtime.block_on(async {
        api.get_users().await.unwrap();
        for round in 1..=1_000 {
            api.update_user(account::id(0), &User::new().full_name("next")).await.unwrap();
            let reads: Vec<_> = (0..4)
                .map(|_| {
                    let api = stale.clone();
                    tokio::spawn(async move { api.get_users().await.map(drop) })
                })
                .collect();
            for read in reads {
                read.await.unwrap().unwrap();
            }
            let loaded = async {
                while cached.get_users().await.is_err() {
                    yield_now().await;
                }
            };
            timeout(PATIENCE, loaded).await.unwrap();
            // Each round costs a write and a list.
            assert_eq!(client.calls_spent(), 1 + 2 * round);
        }
    });
}

#[test]
fn hits_on_forty_threads_share_one_list() {
    let clock = ManualClock::new();
    let client = client(unlimited(1), &clock, RespondingService::new());
    let api = client.user_api();
    let loaded = current_thread().block_on(api.get_users()).unwrap();
    clock.advance(Duration::from_mins(1));
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                for _ in 0..50 {
                    // A hit is ready at its first poll.
                    let read = pin!(api.get_users()).poll(&mut Context::from_waker(Waker::noop()));
                    let Poll::Ready(Ok(hit)) = read else { unreachable!("{read:?}") };
                    assert_eq!((hit.calls(), hit.age()), (0, Duration::from_mins(1)));
                    assert!(Arc::ptr_eq(hit.as_ref(), loaded.as_ref()));
                    assert!(Arc::ptr_eq(&hit.clone().into_inner(), loaded.as_ref()));
                }
            });
        }
    });
    let stats = client.cache_snapshot().users;
    assert_eq!((stats.hits, stats.misses, stats.calls_saved), (2_000, 1, 2_000));
    assert_eq!(client.calls_spent(), 1);
}

/// Ends the runtime of a load while a reader on another runtime waits for the load. Checks that the reader
/// gets a list or one error, and that the next reader gets a list.
fn check_reader_outlives_runtime(end: impl FnOnce(Runtime)) {
    let (first, second) = (current_thread(), current_thread());
    let held = HeldClient::new(2);
    first.block_on(async {
        held.read();
        run_until_idle().await;
    });
    let reader = {
        let _context = second.enter();
        held.read()
    };
    second.block_on(run_until_idle());
    assert_eq!(held.client.calls_spent(), 1);
    end(first);
    second.block_on(async {
        match held.result(reader).await {
            Ok(users) => assert_eq!(version(&users), 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Internal),
        }
        // The error is cached for 5 s.
        held.clock.advance(Duration::from_secs(5));
        held.result(held.read()).await.unwrap();
    });
    assert!(held.client.calls_spent() <= 3);
}

#[test]
fn reader_outlives_the_runtime_of_its_load() {
    check_reader_outlives_runtime(drop);
}

#[test]
fn reader_outlives_a_runtime_ended_by_a_panic() {
    check_reader_outlives_runtime(|runtime| {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _runtime = runtime;
            resume_unwind(Box::new("elsewhere"));
        }));
        unwound.unwrap_err();
    });
}

/// Reads outside of any runtime and returns the error.
fn error_without_a_runtime() -> Error {
    let api = HeldClient::new(1).api();
    let mut read = pin!(api.get_users());
    for _ in 0..100 {
        if let Poll::Ready(result) = read.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result.unwrap_err();
        }
    }
    unreachable!("the read does not end without a runtime");
}

#[test]
fn read_without_a_runtime_is_an_error() {
    let error = error_without_a_runtime();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Internal, 0));
}

#[test]
fn read_in_context_of_ended_runtime_is_an_error() {
    let handle = {
        let runtime = current_thread();
        runtime.handle().clone()
    };
    let _context = handle.enter();
    let error = error_without_a_runtime();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Internal, 0));
}

#[tokio::test(start_paused = true)]
async fn service_panic_is_one_error_for_all_readers() {
    let client = client(unlimited(1), &ManualClock::new(), PanickingService);
    let reads: Vec<_> = (0..20)
        .map(|_| {
            let api = client.user_api();
            tokio::spawn(async move { api.get_users().await.unwrap_err() })
        })
        .collect();
    let mut attempts = 0;
    for read in reads {
        let error = read.await.unwrap();
        assert_eq!(error.kind(), ErrorKind::Internal);
        attempts += error.attempts();
    }
    assert_eq!((attempts, client.calls_spent()), (1, 1));
    let error = client.user_api().get_users().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Internal, 0));
    assert_eq!(client.calls_spent(), 1);
}

/// Starts 20 reads, the followers. They share the load of an earlier read, the leader. Cancels the leader and
/// returns the followers' lists.
async fn lists_after_cancelled_leader(held: &HeldClient, leader: Reading) -> Vec<Cached<Users>> {
    let followers: Vec<_> = (0..20).map(|_| held.read()).collect();
    run_until_idle().await;
    leader.abort();
    run_until_idle().await;
    let mut lists = Vec::new();
    for follower in followers {
        lists.push(held.result(follower).await.unwrap());
    }
    lists
}

#[tokio::test(start_paused = true)]
async fn leader_cancelled_after_sending_leaves_the_load() {
    let held = HeldClient::new(1);
    let leader = held.read();
    run_until_idle().await;
    assert_eq!(held.client.calls_spent(), 1);
    let lists = lists_after_cancelled_leader(&held, leader).await;
    assert!(lists.iter().all(|users| Arc::ptr_eq(users.as_ref(), lists[0].as_ref())));
    assert_eq!(held.client.calls_spent(), 1);
}

#[tokio::test(start_paused = true)]
async fn leader_cancelled_in_the_queue_leaves_the_load() {
    let held = HeldClient::new(1);
    let other = tokio::spawn({
        let api = held.api();
        async move { api.get_user(account::id(0)).await }
    });
    run_until_idle().await;
    let leader = held.read();
    run_until_idle().await;
    // The other call has the only permit.
    assert_eq!(held.client.calls_spent(), 1);
    let lists = lists_after_cancelled_leader(&held, leader).await;
    other.await.unwrap().unwrap();
    assert!(lists.iter().all(|users| Arc::ptr_eq(users.as_ref(), lists[0].as_ref())));
    assert_eq!(held.client.calls_spent(), 2);
}
