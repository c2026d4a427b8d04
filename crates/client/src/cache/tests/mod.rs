//! One cache over an API that answers when a test says so, by a clock that a test moves. No sleeps, one thread.

mod lent;
mod naive;
mod notes;
mod property;
mod reads;
mod scenarios;
mod threads;

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use std::ops::ControlFlow;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use ultracart_transport::limiter::{Limiter, Priority};
use ultracart_transport::{AttemptHook, Clock, EarlierAttempts, Error, ErrorKind, Instant};

use super::cached::Cached;
use super::generations::Generations;
use super::load::{Load, Loaded};
use super::policy::CachePolicy;
use super::read_through::ReadThrough;
use super::surroundings::Surroundings;
use crate::config;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A clock that goes when it is told to.
struct ManualClock {
    now: watch::Sender<Duration>,
    /// How far its coarse reading is behind.
    lag: Mutex<Duration>,
}

impl ManualClock {
    fn new() -> Arc<Self> {
        // Not at 0: what is measured from there would look right by chance.
        Arc::new(Self { now: watch::Sender::new(Duration::from_hours(1)), lag: Mutex::default() })
    }

    fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now += by);
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").finish_non_exhaustive()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant::START + *self.now.borrow()
    }

    fn coarse_now(&self) -> Instant {
        self.now() - *self.lag.lock().unwrap()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + *self.now.borrow()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (mut now, until) = (self.now.subscribe(), *self.now.borrow() + duration);
        Box::pin(async move {
            _ = now.wait_for(|now| *now >= until).await;
        })
    }
}

/// The API as a test plays it.
#[derive(Clone, Debug, Default)]
struct Api {
    calls: Arc<Mutex<VecDeque<Call>>>,
    made: Arc<Mutex<usize>>,
}

type Loading = Pin<Box<dyn Future<Output = Result<Loaded<u64>, Error>> + Send>>;

/// A call that waits for its answer.
#[derive(Debug)]
struct Call {
    priority: Priority,
    watch: Option<Arc<dyn AttemptHook>>,
    answer: oneshot::Sender<Answer>,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Value(u64),
    Failure(ErrorKind),
    Panic,
}

impl Api {
    /// What a cache is given to load by.
    fn load(&self) -> impl Fn(Load) -> Loading + use<> {
        let api = self.clone();
        move |load| {
            let api = api.clone();
            Box::pin(
                async move { api.call(load.priority, load.watch).await.map(|value| Loaded::new(value, 1)) },
            )
        }
    }

    async fn call(&self, priority: Priority, watch: Option<Arc<dyn AttemptHook>>) -> Result<u64, Error> {
        let (answer, answered) = oneshot::channel();
        self.calls.lock().unwrap().push_back(Call { priority, watch, answer });
        *self.made.lock().unwrap() += 1;
        match answered.await.unwrap() {
            Answer::Value(value) => Ok(value),
            Answer::Failure(kind) => Err(Error::new(kind, "as the test says").with_attempts(1)),
            Answer::Panic => std::panic::resume_unwind(Box::new("as the test says")),
        }
    }

    /// The oldest call that waits, once everybody has got as far as they can.
    async fn next(&self) -> Option<Call> {
        settle().await;
        self.calls.lock().unwrap().pop_front()
    }

    /// Calls made so far.
    fn made(&self) -> usize {
        *self.made.lock().unwrap()
    }
}

impl Call {
    /// Its turn has come.
    fn send(&self) -> ControlFlow<()> {
        self.watch
            .as_ref()
            .map_or(ControlFlow::Continue(()), |watch| watch.before_attempt(EarlierAttempts::HadNoEffect))
    }

    fn answer(self, answer: Answer) {
        // Who asked may be gone.
        _ = self.answer.send(answer);
    }

    /// It is sent and answered at once.
    fn send_and_answer(self, answer: Answer) {
        _ = self.send();
        self.answer(answer);
    }
}

/// Everybody gets as far as they can.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// A cache of numbers, and everything around it.
struct Bench {
    api: Api,
    clock: Arc<ManualClock>,
    limiter: Limiter,
    surroundings: Arc<Surroundings>,
    generations: Arc<Generations>,
    cache: Arc<ReadThrough<i32, u64>>,
}

type Read = JoinHandle<Result<Cached<u64>, Error>>;

impl Bench {
    fn new() -> Self {
        Self::with(&config::CacheRule::default())
    }

    fn with(rule: &config::CacheRule) -> Self {
        let clock = ManualClock::new();
        let limiter = Limiter::with_clock(&config::Limiter::default(), Arc::clone(&clock) as _).unwrap();
        let surroundings = Arc::new(Surroundings::new(limiter.clone(), Duration::from_hours(1)));
        let generations = Arc::new(Generations::new());
        let cache = Arc::new(ReadThrough::new(
            "get_numbers",
            rule,
            100,
            &generations,
            Generations::of,
            &surroundings,
            true,
        ));
        Self { api: Api::default(), clock, limiter, surroundings, generations, cache }
    }

    fn read(&self, key: i32, policy: CachePolicy) -> Read {
        let (cache, load) = (Arc::clone(&self.cache), self.api.load());
        tokio::spawn(async move { cache.get(key, policy, load).await })
    }

    /// A read that needs nobody's help.
    async fn read_now(&self, key: i32, policy: CachePolicy) -> Result<Cached<u64>, Error> {
        let read = self.read(key, policy);
        settle().await;
        assert!(read.is_finished(), "it waits");
        read.await.unwrap()
    }

    /// Reads with a call that is answered so.
    async fn load(&self, key: i32, value: u64) -> Cached<u64> {
        let read = self.read(key, CachePolicy::Default);
        self.api.next().await.unwrap().send_and_answer(Answer::Value(value));
        read.await.unwrap().unwrap()
    }
}
