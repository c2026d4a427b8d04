use std::sync::Mutex as StdMutex;

use super::*;
use crate::clock::TokioClock;
use crate::config::Window;

fn limiter(config: &config::Limiter) -> Limiter {
    Limiter::new(config, Arc::new(TokioClock::new()))
}

fn small() -> config::Limiter {
    config::Limiter {
        spare: 0,
        windows: vec![Window::new(3, Duration::from_secs(30)), Window::new(100, Duration::from_hours(1))],
        ..config::Limiter::default()
    }
}

async fn call(limiter: &Limiter, outcome: Outcome) -> Duration {
    let permit = limiter.acquire().await.unwrap();
    let at = limiter.0.clock.now();
    permit.finish(outcome);
    at
}

#[tokio::test(start_paused = true)]
async fn all_windows_hold_at_once_and_a_wait_takes_no_token() {
    let limiter = limiter(&small());
    let mut at = Vec::new();
    for _ in 0..5 {
        at.push(call(&limiter, Outcome::Answered).await.as_millis());
    }
    // Three at once but for the guard gap, then one every ten seconds.
    assert_eq!(at, [0, 25, 50, 10_000, 20_000]);
    assert_eq!(limiter.calls_spent(), 5);
    let left = limiter.0.lock().cells[1].ready_at(95, limiter.0.clock.now());
    assert!(left <= limiter.0.clock.now(), "the larger window lost a token to a wait");
}

#[tokio::test(start_paused = true)]
async fn one_call_at_a_time_in_the_order_of_asking() {
    let limiter = limiter(&config::Limiter::default());
    let order = Arc::new(StdMutex::new(Vec::new()));
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let (limiter, order) = (limiter.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let permit = limiter.acquire().await.unwrap();
                order.lock().unwrap().push((n, "in"));
                limiter.0.clock.sleep(Duration::from_millis(7)).await;
                order.lock().unwrap().push((n, "out"));
                permit.finish(Outcome::Answered);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let expected: Vec<_> = (0..50).flat_map(|n| [(n, "in"), (n, "out")]).collect();
    assert_eq!(*order.lock().unwrap(), expected);
    // 50 calls of 7 ms with a gap of 25 ms between them.
    assert_eq!(limiter.0.clock.now(), Duration::from_millis(50 * 7 + 49 * 25));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_goes_away_costs_nothing_and_blocks_nobody() {
    let limiter = limiter(&small());
    let first = limiter.acquire().await.unwrap();
    let waiter = tokio::spawn({
        let limiter = limiter.clone();
        async move { limiter.acquire().await.map(drop) }
    });
    tokio::task::yield_now().await;
    assert_eq!(limiter.0.waiting.load(Ordering::Relaxed), 1);
    waiter.abort();
    assert!(waiter.await.unwrap_err().is_cancelled());
    first.finish(Outcome::Answered);
    drop(first);
    assert_eq!(call(&limiter, Outcome::Answered).await, Duration::from_millis(25));
    assert_eq!(limiter.calls_spent(), 2);
    assert_eq!(limiter.0.waiting.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_holds_everybody_for_the_servers_time_or_longer_each_time() {
    let limiter = limiter(&config::Limiter::default());
    assert_eq!(call(&limiter, Outcome::Rejected(Some(Duration::from_secs(7)))).await.as_millis(), 0);
    assert_eq!(call(&limiter, Outcome::Answered).await.as_millis(), 7_000);
    // Where it names no time: the longest of our own periods (8.64 s), and then twice that.
    assert_eq!(call(&limiter, Outcome::Rejected(None)).await.as_millis(), 7_025);
    assert_eq!(call(&limiter, Outcome::Rejected(None)).await.as_millis(), 15_665);
    assert_eq!(call(&limiter, Outcome::Answered).await.as_millis(), 32_945);
    assert_eq!(call(&limiter, Outcome::Rejected(None)).await.as_millis(), 32_970);
    assert_eq!(call(&limiter, Outcome::Answered).await.as_millis(), 41_610);
}

#[tokio::test(start_paused = true)]
async fn the_gate_stays_shut_after_a_call_whose_end_was_not_seen() {
    let limiter = limiter(&config::Limiter::default());
    drop(limiter.acquire().await.unwrap());
    assert_eq!(call(&limiter, Outcome::Unsent).await, QUARANTINE);
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_allowed_fails_at_once_and_says_how_long_it_would_be() {
    let limiter = limiter(&config::Limiter { max_wait: Some(Duration::from_secs(5)), ..small() });
    for _ in 0..3 {
        call(&limiter, Outcome::Answered).await;
    }
    let before = limiter.0.clock.now();
    let error = limiter.acquire().await.unwrap_err();
    assert_eq!(limiter.0.clock.now(), before);
    assert_eq!(error.kind(), ErrorKind::MaxWait);
    assert_eq!(error.retry_after(), Some(Duration::from_millis(9_950)));
    assert_eq!(error.to_string(), "its turn would come in 9s and `limiter.max_wait` is 5s");
    assert_eq!(limiter.calls_spent(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_renewed_permit_keeps_the_gate_and_takes_a_token() {
    let limiter = limiter(&small());
    let permit = limiter.acquire().await.unwrap();
    permit.renew().await.unwrap();
    assert_eq!(limiter.0.gate.available_permits(), 0);
    assert_eq!(limiter.0.clock.now(), Duration::from_millis(25));
    assert_eq!(limiter.calls_spent(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_forecast_of_a_day_is_what_the_day_brings() {
    let limiter = limiter(&config::Limiter { guard_gap: Duration::ZERO, ..config::Limiter::default() });
    let forecast = limiter.forecast(10_000);
    let mut last = Duration::ZERO;
    for _ in 0..10_000 {
        last = call(&limiter, Outcome::Answered).await;
    }
    assert_eq!(last, forecast);
    // (10,000 − 997) calls, one every 3.6 s.
    assert_eq!(last, Duration::from_millis(9_003 * 3_600));
}

#[tokio::test(start_paused = true)]
async fn the_forecast_goes_by_how_long_a_call_takes_as_soon_as_one_was_made() {
    let limiter = limiter(&config::Limiter::default());
    assert_eq!(limiter.forecast(101), Duration::from_millis(100 * 25));
    let permit = limiter.acquire().await.unwrap();
    limiter.0.clock.sleep(Duration::from_millis(975)).await;
    permit.finish(Outcome::Answered);
    assert_eq!(limiter.forecast(101), Duration::from_millis(25 + 100 * 1_000));
}
