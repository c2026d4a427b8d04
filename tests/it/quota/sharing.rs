//! Several callers, clients and programs share one quota.

use std::sync::{Arc, Mutex};

use http::Request;
use tower_service::Service;
use ultracart_client::config::Window as Configured;
use ultracart_client::limiter::Limiter;
use ultracart_client::{Client, Clock as _, TokioClock};
use ultracart_sim::{Fault, Operation, Sim, Window};

use super::{Delays, MS, Rng, S, Slow, TENTH, build, config, optimum, small_account, spend};
use crate::client;

#[tokio::test(start_paused = true)]
async fn second_client_costs_two_429s_and_no_hour() {
    let sim = build(small_account().windows(TENTH.map(|(calls, per)| Window::leaky_bucket(calls, per))));
    let mut tenth = config();
    tenth.limiter.windows = TENTH.map(|(calls, per)| Configured::new(calls, per)).to_vec();
    let (one, other) = (client(&sim, tenth.clone()), client(&sim, tenth));
    spend(&other.user_api(), &sim, 60).await;
    spend(&one.user_api(), &sim, 200).await;
    assert!(sim.rejections() <= 2, "{}", sim.rejections());
    let best = optimum(&TENTH, vec![MS(25); 260]);
    assert!(sim.elapsed() < best + S(30), "{:?} against {best:?}", sim.elapsed());
    let learned = one.limiter().snapshot().await.unwrap().windows.iter().any(|window| window.learned);
    assert!(!learned, "the server's windows are those of the configuration");
}

/// Makes calls at random times without a limiter, on average at a tenth of the quota's rate. Retries each
/// rejected call until it is accepted.
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
            let response = sim.service().call(request.unwrap()).await.unwrap();
            if response.status() != http::StatusCode::TOO_MANY_REQUESTS {
                break;
            }
            clock.sleep(MS(200)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn random_neighbour_costs_429s_and_no_time() {
    let sim =
        small_account().max_in_flight(2).windows(TENTH.map(|(calls, per)| Window::leaky_bucket(calls, per)));
    let sim = build(sim);
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
async fn concurrent_callers_are_sent_one_at_a_time() {
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
async fn two_merchants_share_the_quota_of_one_address() {
    let sim = build(
        small_account()
            .windows(TENTH.map(|(calls, per)| Window::leaky_bucket(calls, per)))
            .oauth("app", "one"),
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
async fn disabled_application_gets_no_further_call() {
    let sim = build(small_account().latency(S(1)));
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
