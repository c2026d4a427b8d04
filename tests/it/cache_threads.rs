//! Reads on several threads, runtimes that end, panics, and callers that go away.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;
use tower_service::Service;
use ultracart_client::model::User;
use ultracart_client::{
    CachePolicy, Cached, Client, Clock, Config, Error, ErrorKind, Instant, UserApi, Users,
};
use ultracart_sim::Sim;

use crate::cache_property::account::{self, Author, ListFields, Target, VersionedAccount};
use crate::cache_property::held::HeldService;
use crate::cache_property::manual_clock::ManualClock;
use crate::cache_property::{client, settle, unlimited};
use crate::support::user_id;

/// How long a test waits on the machine's clock before it says that something hangs.
const PATIENCE: Duration = Duration::from_mins(1);

type Reading = JoinHandle<Result<Cached<Users>, Error>>;

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_time().build().unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// The version that a list shows of its first user.
fn version(users: &Users) -> u64 {
    account::shown(&users[0]).1
}

/// A server that answers at once, from whichever thread asks.
#[derive(Clone)]
struct Answering(Arc<Mutex<VersionedAccount>>);

impl Answering {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(VersionedAccount::new(ListFields::All))))
    }
}

impl Service<Request<Bytes>> for Answering {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (target, account) = (Target::of(&request), Arc::clone(&self.0));
        let look = move || {
            let mut account = account.lock().unwrap();
            if let Target::Update(user) = target {
                account.change(user, Author::ThisClient, Duration::ZERO);
            }
            account.response(target, account.versions())
        };
        Box::pin(async move {
            yield_now().await;
            let response = look();
            yield_now().await;
            Ok(response)
        })
    }
}

/// A server whose code panics at each request.
#[derive(Clone)]
struct Panicking;

impl Service<Request<Bytes>> for Panicking {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        // Without a message on the terminal.
        Box::pin(async { resume_unwind(Box::new("as the test says")) })
    }
}

/// A clock that can hold the thread that looks at it.
#[derive(Debug)]
struct HoldingClock {
    clock: Arc<ManualClock>,
    hold: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl HoldingClock {
    /// Holds the thread that looks next. The first end tells when it is held, the second lets it go.
    fn hold_next(&self) -> (Receiver<()>, Sender<()>) {
        let ((held, is_held), (release, released)) = (channel(), channel());
        *self.hold.lock().unwrap() = Some((held, released));
        (is_held, release)
    }
}

impl Clock for HoldingClock {
    fn now(&self) -> Instant {
        let hold = self.hold.lock().unwrap().take();
        if let Some((held, released)) = hold {
            held.send(()).unwrap();
            released.recv().unwrap();
        }
        self.clock.now()
    }

    fn coarse_now(&self) -> Instant {
        self.clock.now()
    }

    fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.clock.sleep(duration)
    }
}

/// Users whose requests the test answers.
struct Held {
    service: HeldService,
    account: VersionedAccount,
    clock: Arc<ManualClock>,
    client: Client,
}

impl Held {
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

    /// The result of a read, once the server has answered all requests that have arrived.
    async fn result(&self, read: Reading) -> Result<Cached<Users>, Error> {
        for _ in 0..100 {
            settle().await;
            while let Some(held) = self.service.next() {
                let target = Target::of(&held.request);
                held.respond(self.account.response(target, self.account.versions()));
            }
            if read.is_finished() {
                return read.await.unwrap();
            }
        }
        unreachable!("a reader waits for nothing");
    }
}

/// Reads of all kinds, some of which are cancelled, beside writes and a clock that moves.
#[test]
fn reads_on_four_threads_are_new_and_all_of_them_end() {
    let (runtime, clock) = (runtime(4), ManualClock::new());
    let mut config = unlimited(4);
    config.cache.users.refresh_at = 0.1;
    let api = client(config, &clock, Answering::new()).user_api();
    let settled = Arc::new(AtomicU64::new(0));
    let one = move |round: u64, reader: u64| {
        let (api, clock, settled) = (api.clone(), Arc::clone(&clock), Arc::clone(&settled));
        async move {
            let turn = round + reader;
            if turn.is_multiple_of(7) {
                let written = api.update_user(account::id(0), &User::new().full_name("next")).await.unwrap();
                settled.fetch_max(account::shown(&written).1, Ordering::SeqCst);
                return;
            }
            if turn % 7 == 1 {
                clock.advance(Duration::from_secs(76));
            }
            let policy = if turn.is_multiple_of(5) { CachePolicy::Refresh } else { CachePolicy::Default };
            let api = api.cache_policy(policy);
            let oldest = settled.load(Ordering::SeqCst);
            let read = async {
                if turn.is_multiple_of(2) {
                    version(&api.get_users().await.unwrap())
                } else {
                    account::shown(&api.get_user(account::id(0)).await.unwrap()).1
                }
            };
            let patience = async {
                for _ in 0..reader {
                    yield_now().await;
                }
                if !turn.is_multiple_of(3) {
                    pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                version = read => assert!(version >= oldest, "{version} where {oldest} is settled"),
                () = patience => {}
            }
        }
    };
    for round in 0..500 {
        let tasks: Vec<_> = (0..12).map(|reader| runtime.spawn(one(round, reader))).collect();
        for task in tasks {
            runtime.block_on(async { timeout(PATIENCE, task).await }).unwrap().unwrap();
        }
    }
}

/// A value that a reader finds to be stale may be replaced before the reader looks for a load.
#[test]
fn stale_allowed_reads_after_a_write_cost_one_call() {
    let runtime = runtime(4);
    let client = client(unlimited(2), &ManualClock::new(), Answering::new());
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
            // A write and a list for each round.
            assert_eq!(client.calls_spent(), 1 + 2 * round);
        }
    });
}

#[test]
fn hits_on_forty_threads_share_one_list() {
    let clock = ManualClock::new();
    let client = client(unlimited(1), &clock, Answering::new());
    let api = client.user_api();
    let loaded = current_thread().block_on(api.get_users()).unwrap();
    clock.advance(Duration::from_mins(1));
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                for _ in 0..50 {
                    // A hit waits for nothing.
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

#[test]
fn thousand_threads_after_each_other_share_one_list() {
    let client = client(unlimited(1), &ManualClock::new(), Answering::new());
    let api = client.user_api();
    let loaded = current_thread().block_on(api.get_users()).unwrap();
    for _ in 0..1_000 {
        let api = api.clone();
        let hit = std::thread::spawn(move || current_thread().block_on(api.get_users())).join().unwrap();
        assert!(Arc::ptr_eq(hit.unwrap().as_ref(), loaded.as_ref()));
    }
    assert_eq!((client.cache_snapshot().users.hits, client.calls_spent()), (1_000, 1));
}

/// A reader that finds a value too old removes it, and not the one that another reader has put in its place meanwhile.
#[test]
fn reader_of_too_old_value_spares_its_successor() {
    let sim = Sim::builder().users(5).build();
    let id = user_id(&sim, 0);
    let clock = Arc::new(HoldingClock { clock: ManualClock::new(), hold: Mutex::default() });
    let mut config = unlimited(1);
    config.api = Config::default().api;
    let builder = Client::builder().config(config).simple_key(sim.simple_key().expose());
    let client = builder.clock(Arc::clone(&clock) as _).service(sim.service()).build().unwrap();
    let api = client.user_api();
    let read = |is_list: bool| {
        runtime(1).block_on(async {
            if is_list {
                api.get_users().await.unwrap().calls()
            } else {
                api.get_user_logins(id).await.unwrap().calls()
            }
        })
    };
    for is_list in [true, false] {
        assert_eq!(read(is_list), 1);
        clock.clock.advance(Duration::from_hours(25));
        std::thread::scope(|scope| {
            let (is_held, release) = clock.hold_next();
            let slow = scope.spawn(|| read(is_list));
            is_held.recv_timeout(PATIENCE).unwrap();
            assert_eq!(read(is_list), 1);
            release.send(()).unwrap();
            assert_eq!(slow.join().unwrap(), 0);
        });
        assert_eq!(read(is_list), 0);
    }
}

/// Ends the runtime of a load while a reader on another runtime waits for it: the reader gets a list or one error,
/// and the next reader gets a list.
fn outlives_the_runtime_of_its_load(end: impl FnOnce(Runtime)) {
    let (first, second) = (current_thread(), current_thread());
    let held = Held::new(2);
    first.block_on(async {
        held.read();
        settle().await;
    });
    let reader = {
        let _context = second.enter();
        held.read()
    };
    second.block_on(settle());
    assert_eq!(held.client.calls_spent(), 1);
    end(first);
    second.block_on(async {
        match held.result(reader).await {
            Ok(users) => assert_eq!(version(&users), 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Internal),
        }
        // An error is cached for so long.
        held.clock.advance(Duration::from_secs(5));
        held.result(held.read()).await.unwrap();
    });
    assert!(held.client.calls_spent() <= 3);
}

#[test]
fn reader_outlives_the_runtime_of_its_load() {
    outlives_the_runtime_of_its_load(drop);
}

#[test]
fn reader_outlives_a_runtime_that_a_panic_ends() {
    outlives_the_runtime_of_its_load(|runtime| {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _runtime = runtime;
            resume_unwind(Box::new("elsewhere"));
        }));
        unwound.unwrap_err();
    });
}

/// The error of a read that nothing drives but the caller.
fn error_without_a_runtime() -> Error {
    let api = Held::new(1).api();
    let mut read = pin!(api.get_users());
    for _ in 0..100 {
        if let Poll::Ready(result) = read.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result.unwrap_err();
        }
    }
    unreachable!("the reader waits for nothing");
}

#[test]
fn read_without_a_runtime_is_an_error() {
    let error = error_without_a_runtime();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Internal, 0));
}

#[test]
fn read_by_a_handle_of_an_ended_runtime_is_an_error() {
    let handle = {
        let runtime = current_thread();
        runtime.handle().clone()
    };
    let _context = handle.enter();
    let error = error_without_a_runtime();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Internal, 0));
}

#[tokio::test(start_paused = true)]
async fn panic_in_the_service_is_one_error_for_all() {
    let client = client(unlimited(1), &ManualClock::new(), Panicking);
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

/// The results of 20 readers of whom the first, who has begun the load, goes away before it is answered.
async fn without_the_leader(held: &Held, leader: Reading) -> Vec<Cached<Users>> {
    let followers: Vec<_> = (0..20).map(|_| held.read()).collect();
    settle().await;
    leader.abort();
    settle().await;
    let mut lists = Vec::new();
    for follower in followers {
        lists.push(held.result(follower).await.unwrap());
    }
    lists
}

#[tokio::test(start_paused = true)]
async fn leader_cancelled_after_sending_takes_none_along() {
    let held = Held::new(1);
    let leader = held.read();
    settle().await;
    assert_eq!(held.client.calls_spent(), 1);
    let lists = without_the_leader(&held, leader).await;
    assert!(lists.iter().all(|users| Arc::ptr_eq(users.as_ref(), lists[0].as_ref())));
    assert_eq!(held.client.calls_spent(), 1);
}

#[tokio::test(start_paused = true)]
async fn leader_cancelled_in_the_queue_takes_none_along() {
    let held = Held::new(1);
    let other = tokio::spawn({
        let api = held.api();
        async move { api.get_user(account::id(0)).await }
    });
    settle().await;
    let leader = held.read();
    settle().await;
    // The other call has the only permit.
    assert_eq!(held.client.calls_spent(), 1);
    let lists = without_the_leader(&held, leader).await;
    other.await.unwrap().unwrap();
    assert!(lists.iter().all(|users| Arc::ptr_eq(users.as_ref(), lists[0].as_ref())));
    assert_eq!(held.client.calls_spent(), 2);
}
