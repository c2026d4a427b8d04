//! Calls that cannot succeed within their deadline fail at once.

use std::time::Duration;

use ultracart_client::config::Window as Configured;
use ultracart_client::{Clock as _, TokioClock};
use ultracart_sim::{Fault, RetryAfter, Sim, Window};

use super::{DAY, HOUR, MS, S, build, config, small_account, spend};
use crate::client;

#[tokio::test(start_paused = true)]
async fn retry_after_date_ignores_clock_difference() {
    for off in [-DAY.as_secs().cast_signed(), 0, DAY.as_secs().cast_signed()] {
        let now = jiff::Timestamp::try_from(TokioClock::new().wall()).unwrap();
        let sim = build(small_account().start_at(now + jiff::SignedDuration::from_secs(off)));
        sim.fault(Fault::too_many_requests().retry_after(RetryAfter::Date(S(90))));
        let client = client(&sim, config());
        spend(&client.user_api(), &sim, 2).await;
        let waited = sim.elapsed().as_secs();
        assert!((89..=91).contains(&waited), "{off}: {waited} s");
    }
}

#[tokio::test(start_paused = true)]
async fn call_past_its_deadline_fails_at_once() {
    let sim = build(small_account().windows([Window::leaky_bucket(5, HOUR)]));
    let mut config = config();
    config.limiter.windows = vec![Configured::new(8, HOUR)];
    config.limiter.spare = 0;
    config.retry.deadline = Some(S(600));
    let client = client(&sim, config);
    spend(&client.user_api(), &sim, 5).await;
    let before = sim.elapsed();
    let id = sim.users()[0].user_id.unwrap();
    // After the 429, the next call can be sent only in twelve minutes. That is past the deadline, so the call
    // fails at once.
    let error = client.user_api().get_user_logins(id).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ultracart_client::ErrorKind::Deadline, 1));
    assert!(error.retry_after() > Some(S(600)), "{error}");
    // Only the guard gap passed before the rejected attempt.
    assert_eq!(sim.elapsed(), before + MS(25));
}

#[tokio::test(start_paused = true)]
async fn retry_past_its_deadline_is_not_waited_for() {
    let sim = build(small_account());
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
async fn caller_beyond_max_wait_fails_at_once() {
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
    let results = callers.join_all().await;
    // One call is sent at once and one after 30 s. A third would have to wait for 60 s.
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 2, "{results:?}");
    assert_eq!(sim.elapsed(), S(30));
}
