//! The quota is spent whole and never overdrawn, whatever the server counts by and however long it takes.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tower_service::Service;
use ultracart_client::config::{Cache, Window as Configured};
use ultracart_client::limiter::{Limiter, Snapshot};
use ultracart_client::{Client, Clock as _, Config, TokioClock, UserApi};
use ultracart_sim::{Builder, Fault, Operation, RetryAfter, Sim, SimService, Window};

use crate::client;

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

const DOCUMENTED: [(u32, Duration); 2] = [(1_000, HOUR), (10_000, DAY)];

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

/// Spends the documented quota on so many calls that take so long, and says how close it came to the optimum.
async fn efficiency(delays: Delays) -> f64 {
    let sim = built(account());
    let mut config = config();
    config.http.request_timeout = HOUR * 3;
    let calls = delays.len();
    let gap = config.limiter.guard_gap;
    let best = optimum(&DOCUMENTED, delays.iter().map(|(there, back)| *there + *back + gap));
    let slow = Slow {
        inner: sim.service(),
        delays: Arc::new(Mutex::new(delays.into_iter())),
        clock: Arc::new(TokioClock::new()),
    };
    let client = Client::builder().config(config).simple_key(sim.simple_key().expose()).service(slow);
    spend(&client.build().unwrap().user_api(), &sim, calls).await;
    assert_eq!((sim.calls(), sim.rejections(), sim.overlaps()), (calls as u64, 0, 0));
    best.as_secs_f64() / sim.elapsed().as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_calls_take_the_nine_hours_that_the_quota_allows() {
    let efficiency = efficiency(vec![Default::default(); 10_000]).await;
    assert!(efficiency > 0.999, "{efficiency}");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_calls_take_the_nine_days_that_the_quota_allows() {
    let efficiency = efficiency(vec![Default::default(); 100_000]).await;
    assert!(efficiency > 0.999, "{efficiency}");
}

/// From a millisecond to twenty seconds there and back, most of them short.
fn jitter(calls: usize) -> Delays {
    let mut rng = Rng(0x5eed);
    let mut delay = || {
        let most = 1 << rng.below(15);
        MS((1 + rng.below(most)).min(10_000))
    };
    (0..calls).map(|_| (delay(), delay())).collect()
}

#[tokio::test(start_paused = true)]
async fn calls_that_take_a_millisecond_or_twenty_seconds_cost_no_429_and_no_time() {
    let efficiency = efficiency(jitter(20_000)).await;
    assert!(efficiency > 0.999, "{efficiency}");
}

#[tokio::test(start_paused = true)]
async fn calls_that_stall_for_hours_cost_no_429_and_no_more_than_their_time() {
    for stall in [S(600), S(7_200)] {
        for (at, there) in [(0, true), (0, false), (999, true), (2_000, false)] {
            let mut delays = jitter(2_500);
            delays[at] = if there { (stall, MS(1)) } else { (MS(1), stall) };
            let efficiency = efficiency(delays).await;
            assert!(efficiency > 0.998, "{stall:?} at {at}: {efficiency}");
        }
    }
}

type Kind = fn(u32, Duration) -> Window;
const KINDS: [(&str, Kind); 3] = [
    ("leaky bucket", Window::leaky_bucket),
    ("sliding log", Window::sliding_log),
    ("fixed window", Window::fixed_window),
];

/// Spends a tenth of the quota on an account that counts so, from `start` on. The 429s it cost, how long it took, and what
/// the limiter knows at the end.
async fn against(
    server: Builder,
    start: Duration,
    burst: [Option<u32>; 2],
    calls: usize,
) -> (u64, Duration, Snapshot) {
    let sim = built(server.latency(MS(40)));
    tokio::time::advance(start).await;
    let mut config = config();
    config.limiter.windows = TENTH.map(|(calls, per)| Configured::new(calls, per)).to_vec();
    for (window, burst) in config.limiter.windows.iter_mut().zip(burst) {
        window.burst = burst;
    }
    let client = client(&sim, config);
    spend(&client.user_api(), &sim, calls).await;
    assert_eq!((sim.calls() - sim.rejections(), sim.overlaps()), (calls as u64, 0));
    (sim.rejections(), sim.elapsed().saturating_sub(start), client.limiter().snapshot().await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn in_strict_mode_a_server_may_count_as_it_likes() {
    for (name, kind) in KINDS {
        for start in [S(0), S(77)] {
            let server = account().windows(TENTH.map(|(calls, per)| kind(calls, per)));
            let (rejections, took, _) = against(server, start, [Some(20), Some(200)], 2_200).await;
            assert_eq!(rejections, 0, "{name} from {start:?}");
            // A fifth of each window is the burst, and the rest comes a fifth slower.
            assert!(took < S(8_640 * 3), "{name}: {took:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_no_leaky_bucket_costs_one_429_a_window() {
    for (name, kind) in KINDS {
        let server = account().windows(TENTH.map(|(calls, per)| kind(calls, per)));
        let (rejections, _, known) = against(server, S(0), [None, None], 2_200).await;
        let learned = known.windows.iter().filter(|window| window.learned).count() as u64 / 2;
        assert_eq!(rejections, learned, "{name}");
        assert_eq!(learned, if name == "leaky bucket" { 0 } else { 2 }, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fixed_window_that_began_before_the_first_call_costs_four_429s_at_the_most() {
    for start in [1, 180, 350, 359, 8_000] {
        let server = account().windows(TENTH.map(|(calls, per)| Window::fixed_window(calls, per)));
        let (rejections, ..) = against(server, S(start), [None, None], 2_200).await;
        // Our own calls do not tell it from a leaky bucket that somebody else fills, too.
        assert!(rejections <= 2 * 4, "from {start} s: {rejections} for two windows");
    }
}

#[tokio::test(start_paused = true)]
async fn half_of_the_quota_is_learned_from_the_first_429() {
    for (name, kind) in KINDS {
        let server = account().windows(TENTH.map(|(calls, per)| kind(calls / 2, per)));
        let (rejections, took, known) = against(server, S(0), [None, None], 1_200).await;
        assert!(rejections <= 2 * 2, "{name}: {rejections}");
        assert!(
            known.windows.iter().all(|window| window.learned && window.window.calls * 2 <= 1_000),
            "{known:?}"
        );
        let best = optimum(&TENTH.map(|(calls, per)| (calls / 2, per)), vec![MS(65); 1_200]);
        assert!(name != "leaky bucket" || took < best.mul_f64(1.01), "{took:?} against {best:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_else_who_spends_the_same_quota_costs_a_429_and_no_hour() {
    let sim = built(account().windows(TENTH.map(|(calls, per)| Window::leaky_bucket(calls, per))));
    let mut tenth = config();
    tenth.limiter.windows = TENTH.map(|(calls, per)| Configured::new(calls, per)).to_vec();
    let (one, other) = (client(&sim, tenth.clone()), client(&sim, tenth));
    spend(&other.user_api(), &sim, 60).await;
    spend(&one.user_api(), &sim, 200).await;
    assert!(sim.rejections() <= 2, "{}", sim.rejections());
    let best = optimum(&TENTH, vec![MS(25); 260]);
    assert!(sim.elapsed() < best + S(30), "{:?} against {best:?}", sim.elapsed());
    let learned = one.limiter().snapshot().await.unwrap().windows.iter().any(|window| window.learned);
    assert!(!learned, "it is no other window");
}

/// Somebody who calls at odd times, a tenth of what the account allows, and tries again until it is let through.
async fn neighbour(sim: Sim) {
    let clock = TokioClock::new();
    let mut rng = Rng(0x0dd);
    loop {
        clock.sleep(MS(rng.below(172_800))).await;
        loop {
            let request = Request::get("/rest/v2/user/groups/1")
                .header("x-ultracart-api-version", "2017-03-01")
                .header("x-ultracart-simple-key", sim.simple_key().expose())
                .body(bytes::Bytes::new());
            let answer = sim.service().call(request.unwrap()).await.unwrap();
            if answer.status() != http::StatusCode::TOO_MANY_REQUESTS {
                break;
            }
            clock.sleep(MS(200)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_neighbour_costs_429s_and_no_time() {
    let sim = account().max_in_flight(2).windows(TENTH.map(|(calls, per)| Window::leaky_bucket(calls, per)));
    let sim = built(sim);
    let mut tenth = config();
    tenth.limiter.windows = TENTH.map(|(calls, per)| Configured::new(calls, per)).to_vec();
    let mut rng = Rng(0xcafe);
    let delays: Delays = (0..4_000).map(|_| (MS(rng.below(300)), MS(rng.below(300)))).collect();
    let slow = Slow {
        inner: sim.service(),
        delays: Arc::new(Mutex::new(delays.into_iter())),
        clock: Arc::new(TokioClock::new()),
    };
    let client =
        Client::builder().config(tenth).simple_key(sim.simple_key().expose()).service(slow).build().unwrap();
    let other = tokio::spawn(neighbour(sim.clone()));
    spend(&client.user_api(), &sim, 1_500).await;
    other.abort();
    let both = usize::try_from(sim.calls() - sim.rejections()).unwrap();
    let best = optimum(&TENTH, vec![MS(25); both]);
    assert!(sim.elapsed() < best.mul_f64(1.02), "{:?} against {best:?}", sim.elapsed());
    let known = client.limiter().snapshot().await.unwrap();
    assert!(known.calls_rejected > 0 && known.windows.iter().all(|window| !window.learned), "{known:?}");
}

#[tokio::test(start_paused = true)]
async fn a_date_that_disagrees_with_our_clock_does_not_matter() {
    for off in [-DAY.as_secs().cast_signed(), 0, DAY.as_secs().cast_signed()] {
        let now = jiff::Timestamp::try_from(TokioClock::new().wall()).unwrap();
        let sim = built(account().start_at(now + jiff::SignedDuration::from_secs(off)));
        sim.fault(Fault::too_many_requests().retry_after(RetryAfter::Date(S(90))));
        let client = client(&sim, config());
        spend(&client.user_api(), &sim, 2).await;
        let waited = sim.elapsed().as_secs();
        assert!((89..=91).contains(&waited), "{off}: {waited} s");
    }
}

#[tokio::test(start_paused = true)]
async fn callers_at_once_go_one_at_a_time() {
    let sim = Sim::builder().users(50).latency(MS(300)).build();
    let api = client(&sim, config()).user_api();
    let ids: Vec<_> = sim.users().iter().map(|user| user.user_id.unwrap()).collect();
    let mut callers = tokio::task::JoinSet::new();
    for id in ids {
        let api = api.clone();
        callers.spawn(async move { api.get_user(id).await.map(drop) });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap().unwrap();
    }
    assert_eq!((sim.calls(), sim.rejections(), sim.overlaps()), (50, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn merchants_behind_one_address_share_its_quota_and_one_limiter_knows() {
    let sim = built(
        account().windows(TENTH.map(|(calls, per)| Window::leaky_bucket(calls, per))).oauth("app", "one"),
    );
    let mut tenth = config();
    tenth.limiter.windows = TENTH.map(|(calls, per)| Configured::new(calls, per)).to_vec();
    let limiter = Limiter::new(&tenth.limiter).unwrap();
    let key = client_of(&sim, &limiter, |auth| auth.simple_key = Some(sim.simple_key().expose().into()));
    let app = client_of(&sim, &limiter, |auth| {
        let mut oauth = ultracart_client::config::Oauth::default();
        oauth.client_id = "app".into();
        oauth.refresh_token = Some("one".into());
        auth.oauth = Some(oauth);
    });
    let (key_api, app_api) = (key.user_api(), app.user_api());
    tokio::join!(spend(&key_api, &sim, 100), spend(&app_api, &sim, 100));
    assert_eq!((sim.calls(), sim.rejections(), sim.overlaps()), (200, 0, 0));
    assert_eq!((key.calls_spent(), app.calls_spent()), (100, 101));
}

fn client_of(sim: &Sim, limiter: &Limiter, auth: impl FnOnce(&mut ultracart_client::config::Auth)) -> Client {
    let mut config = config();
    auth(&mut config.auth);
    Client::builder().config(config).limiter(limiter.clone()).service(sim.service()).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_disabled_application_is_left_alone_by_everybody_who_waits() {
    let sim = built(account().latency(S(1)));
    sim.fault(Fault::gone_410().on(Operation::GetUserLogins));
    let client = client(&sim, config());
    let id = sim.users()[0].user_id.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let api = client.user_api();
        callers.spawn(async move { api.get_user_logins(id).await.unwrap_err() });
    }
    while let Some(error) = callers.join_next().await {
        assert!(error.unwrap().is_application_disabled());
    }
    let error = client.user_api().get_users().await.unwrap_err();
    assert_eq!((error.attempts(), error.may_have_reached_server(), sim.calls()), (0, false, 1));
    assert!(error.to_string().contains("disabled by UltraCart"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_never_slept_past_and_what_cannot_succeed_before_it_fails_at_once() {
    let sim = built(account().windows([Window::leaky_bucket(5, HOUR)]));
    let mut config = config();
    config.limiter.windows = vec![Configured::new(8, HOUR)];
    config.limiter.spare = 0;
    config.retry.deadline = Some(S(600));
    let client = client(&sim, config);
    spend(&client.user_api(), &sim, 5).await;
    let before = sim.elapsed();
    let id = sim.users()[0].user_id.unwrap();
    // The server says no, its time is twelve minutes, and that is too late: it is said at once.
    let error = client.user_api().get_user_logins(id).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ultracart_client::ErrorKind::Deadline, 1));
    assert!(error.retry_after() > Some(S(600)), "{error}");
    // The call that was refused came after the pause.
    assert_eq!(sim.elapsed(), before + MS(25));
}

#[tokio::test(start_paused = true)]
async fn nobody_pauses_for_a_turn_that_would_come_too_late() {
    let sim = built(account());
    sim.fault(Fault::status_500().always());
    let mut config = config();
    config.limiter.windows = vec![Configured::new(1, HOUR)];
    config.limiter.spare = 0;
    config.retry.base_delay = S(60);
    config.retry.deadline = Some(S(600));
    let error = client(&sim, config).user_api().get_users().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ultracart_client::ErrorKind::Deadline, 1), "{error}");
    assert_eq!(sim.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn whoever_would_wait_too_long_is_told_at_once_whatever_it_reads() {
    let sim = Sim::builder().users(10).unlimited().build();
    let mut config = config();
    config.limiter.windows = vec![Configured::new(1, S(30))];
    config.limiter.spare = 0;
    config.limiter.max_wait = Some(S(45));
    let api = client(&sim, config).user_api();
    let mut callers = tokio::task::JoinSet::new();
    for user in sim.users() {
        let api = api.clone();
        callers.spawn(async move { api.get_user_logins(user.user_id.unwrap()).await.map(drop) });
    }
    let answers = callers.join_all().await;
    // One at once, one after half a minute, and nobody waits for a third.
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2, "{answers:?}");
    assert_eq!(sim.elapsed(), S(30));
}
