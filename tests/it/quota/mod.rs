//! The quota is spent whole and never overdrawn, whatever the server counts by and however long it takes.

mod deadlines;
mod pace;
mod sharing;
mod windows;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tower_service::Service;
use ultracart_client::config::Cache;
use ultracart_client::{Clock as _, Config, TokioClock, UserApi};
use ultracart_sim::{Builder, Sim, SimService};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const MS: fn(u64) -> Duration = Duration::from_millis;
const S: fn(u64) -> Duration = Duration::from_secs;

fn config() -> Config {
    let mut config = Config::default();
    config.cache = Cache::off();
    config.http.request_timeout = HOUR;
    config
}

/// A tenth of the documented quota in a tenth of the time: the same pace, and tests that are ten times shorter.
const TENTH: [(u32, Duration); 2] = [(100, Duration::from_mins(6)), (1_000, Duration::from_mins(144))];

/// Numbers that look like chance and are the same each time.
struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// How long the way there and the way back take, call by call.
type Delays = Vec<(Duration, Duration)>;

/// An account at the end of a line that is sometimes slow.
#[derive(Clone)]
struct Slow {
    inner: SimService,
    delays: Arc<Mutex<std::vec::IntoIter<(Duration, Duration)>>>,
    clock: Arc<TokioClock>,
}

impl Service<Request<bytes::Bytes>> for Slow {
    type Response = Response<<SimService as ServiceOf>::Body>;
    type Error = <SimService as Service<Request<bytes::Bytes>>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<bytes::Bytes>) -> Self::Future {
        let (there, back) = self.delays.lock().unwrap().next().unwrap_or_default();
        let (mut inner, clock) = (self.inner.clone(), Arc::clone(&self.clock));
        Box::pin(async move {
            clock.sleep(there).await;
            let answer = inner.call(request).await;
            clock.sleep(back).await;
            answer
        })
    }
}

/// What a service answers with.
trait ServiceOf {
    type Body;
}

impl<B> ServiceOf for SimService
where
    SimService: Service<Request<bytes::Bytes>, Response = Response<B>>,
{
    type Body = B;
}

/// When the last of these calls could be done at the earliest: each is sent as soon as the one before is done and no
/// bucket overflows.
fn optimum(windows: &[(u32, Duration)], service_times: impl IntoIterator<Item = Duration>) -> Duration {
    let mut buckets: Vec<_> =
        windows.iter().map(|(calls, per)| (*per / *calls, *calls, Duration::ZERO)).collect();
    let mut now = Duration::ZERO;
    for service_time in service_times {
        let ready = buckets.iter().map(|(period, burst, tat)| tat.saturating_sub(*period * (burst - 1)));
        now = ready.fold(now, Duration::max);
        for (period, _, tat) in &mut buckets {
            *tat = (*tat).max(now) + *period;
        }
        now += service_time;
    }
    now
}

async fn spend(api: &UserApi, sim: &Sim, calls: usize) {
    // The shortest answer there is.
    let id = sim.users()[0].user_id.unwrap();
    for _ in 0..calls {
        assert!(api.get_user_logins(id).await.unwrap().is_empty());
    }
}

fn account() -> Builder {
    Sim::builder().users(1).groups(1).keep_requests(0)
}

fn built(builder: Builder) -> Sim {
    let sim = builder.build();
    assert!(sim.set_logins(sim.users()[0].user_id.unwrap(), []));
    sim
}
