//! The quota is spent whole and never overdrawn.

use std::time::Duration;

use ultracart_client::Config;
use ultracart_client::config::Cache;
use ultracart_sim::Sim;

use crate::client;

/// An access review of 5,000 users: by the documents four hours, since a thousand calls go at once and then one every
/// 3.6 seconds.
#[tokio::test(start_paused = true)]
async fn five_thousand_calls_take_the_time_that_the_quota_allows() {
    let sim = Sim::builder().users(1).latency(Duration::from_millis(200)).build();
    let mut config = Config::default();
    config.cache = Cache::off();
    let client = client(&sim, config);
    let api = client.user_api();
    let id = sim.users()[0].user_id.unwrap();
    let forecast = client.limiter().forecast(5_000);
    for _ in 0..5_000 {
        api.get_user_logins(id).await.unwrap();
    }
    let took = sim.elapsed();
    assert_eq!((sim.calls(), sim.rejections(), sim.overlaps()), (5_000, 0, 0));
    let optimum = Duration::from_hours(4);
    assert!(took.as_secs_f64() * 0.999 < optimum.as_secs_f64(), "{took:?} against {optimum:?}");
    assert!(took.abs_diff(forecast) < Duration::from_secs(2), "{took:?} against a forecast of {forecast:?}");
}

#[tokio::test(start_paused = true)]
async fn callers_at_once_go_one_at_a_time() {
    let sim = Sim::builder().users(50).latency(Duration::from_millis(300)).build();
    let api = client(&sim, Config::default()).user_api();
    let ids: Vec<_> = sim.users().iter().map(|user| user.user_id.unwrap()).collect();
    let callers: Vec<_> = ids
        .into_iter()
        .map(|id| {
            tokio::spawn({
                let api = api.clone();
                async move { api.get_user(id).await.map(drop) }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!((sim.calls(), sim.rejections(), sim.overlaps()), (50, 0, 0));
}
