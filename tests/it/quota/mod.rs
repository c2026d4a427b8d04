//! The limiter spends the whole quota, with hardly any 429, for every kind of server and latency.

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
use ultracart_sim::{Sim, SimBuilder, SimService};

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

/// The number of calls and the period of each window. Both are a tenth of what UltraCart documents. So the
/// rate is the same, but tests are shorter.
const TENTH: [(u32, Duration); 2] = [(100, Duration::from_mins(6)), (1_000, Duration::from_mins(144))];

/// A pseudorandom number generator (xorshift) with a fixed seed.
struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// For each call, the delay of its request and the delay of its response.
type Delays = Vec<(Duration, Duration)>;

/// An account behind a connection that delays requests and responses.
#[derive(Clone)]
struct Slow {
    inner: SimService,
    delays: Arc<Mutex<std::vec::IntoIter<(Duration, Duration)>>>,
    clock: Arc<TokioClock>,
}

impl Service<Request<bytes::Bytes>> for Slow {
    type Response = Response<<SimService as ResponseBody>::Body>;
    type Error = <SimService as Service<Request<bytes::Bytes>>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<bytes::Bytes>) -> Self::Future {
        let (request_delay, response_delay) = self.delays.lock().unwrap().next().unwrap_or_default();
        let (mut inner, clock) = (self.inner.clone(), Arc::clone(&self.clock));
        Box::pin(async move {
            clock.sleep(request_delay).await;
            let response = inner.call(request).await;
            clock.sleep(response_delay).await;
            response
        })
    }
}

/// The body type of a service's responses.
trait ResponseBody {
    type Body;
}

impl<B> ResponseBody for SimService
where
    SimService: Service<Request<bytes::Bytes>, Response = Response<B>>,
{
    type Body = B;
}

/// Returns the earliest time at which the last of these calls can end. Each call is sent as soon as the call
/// before it has ended and every leaky bucket has room.
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

/// Makes this many calls, one after another.
async fn spend(api: &UserApi, sim: &Sim, calls: usize) {
    // This call has the shortest response, an empty list.
    let id = sim.users()[0].user_id.unwrap();
    for _ in 0..calls {
        assert!(api.get_user_logins(id).await.unwrap().is_empty());
    }
}

fn small_account() -> SimBuilder {
    Sim::builder().users(1).groups(1).record_requests(0)
}

/// Builds an account whose first user has an empty login history.
fn build(builder: SimBuilder) -> Sim {
    let sim = builder.build();
    assert!(sim.set_logins(sim.users()[0].user_id.unwrap(), []));
    sim
}
