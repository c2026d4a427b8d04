//! Reactions to 429s.

use super::*;

#[tokio::test(start_paused = true)]
async fn hold_lasts_as_the_server_says_or_doubles() {
    let limiter = limiter(&config::Limiter::default());
    let named = |retry_after| rejected(retry_after, Some(Window::new(1_000, HOUR)));
    assert_eq!(call(&limiter, named(Some(S(7)))).await, S(0));
    assert_eq!(call(&limiter, Outcome::Responded).await, S(7));
    // Without a `Retry-After`: a period of the named window (3.6 s), then twice that.
    assert_eq!(call(&limiter, named(None)).await.as_millis(), 7_200);
    assert_eq!(call(&limiter, named(None)).await.as_millis(), 10_800);
    assert_eq!(call(&limiter, Outcome::Responded).await.as_millis(), 18_000);
    assert_eq!(limiter.snapshot().await.unwrap().calls_rejected, 3);
}

#[tokio::test(start_paused = true)]
async fn hold_without_retry_after_is_at_most_15_minutes() {
    let limiter = limiter(&config::Limiter::default());
    let mut before = Duration::ZERO;
    for _ in 0..40 {
        let at = call(&limiter, rejected(None, None)).await;
        assert!(at <= before + Duration::from_mins(15), "{at:?} after {before:?}");
        before = at;
    }
}

#[tokio::test(start_paused = true)]
async fn call_after_a_429_is_sent_alone() {
    let limiter = limiter(&config::Limiter { max_concurrency: 3, ..config::Limiter::default() });
    let mut permits = [acquire(&limiter).await, acquire(&limiter).await, acquire(&limiter).await];
    permits.iter_mut().for_each(Permit::mark_sent);
    for permit in permits {
        permit.finish(rejected(Some(S(10)), Some(Window::new(1_000, HOUR))));
    }
    let mut probe = acquire(&limiter).await;
    probe.mark_sent();
    let request = AcquireRequest::default();
    let mut second = pin!(limiter.acquire(&request));
    tokio::select! {
        biased;
        _ = &mut second => panic!("a second call before the response to the first"),
        () = limiter.clock().sleep(HOUR) => {}
    }
    probe.finish(Outcome::Responded);
    let _second = second.await.unwrap();
    let _third = acquire(&limiter).await;
}

#[tokio::test(start_paused = true)]
async fn named_window_is_full_and_others_are_unchanged() {
    let limiter = limiter(&config::Limiter::default());
    call(&limiter, Outcome::Responded).await;
    call(&limiter, rejected(None, Some(Window::new(1_000, HOUR)))).await;
    assert_eq!(remaining(&limiter).await, [0, 9_995, 0, 9_995]);
    assert_eq!(limiter.snapshot().await.unwrap().guard_gap, MS(25), "concurrent calls were not the reason");
}

#[tokio::test(start_paused = true)]
async fn smaller_window_is_adopted_and_larger_is_not() {
    let limiter = limiter(&config::Limiter::default());
    for _ in 0..510 {
        call(&limiter, Outcome::Responded).await;
    }
    call(&limiter, rejected(None, Some(Window::new(500, HOUR)))).await;
    call(&limiter, rejected(None, Some(Window::new(20_000, HOUR * 24)))).await;
    let windows = limiter.snapshot().await.unwrap().windows;
    let sizes: Vec<_> = windows.iter().map(|window| (window.window.calls, window.learned)).collect();
    assert_eq!(sizes, [(500, true), (10_000, false), (500, true), (10_000, false)]);
    assert_eq!(windows[0].next_in, MS(7_200));
}

#[tokio::test(start_paused = true)]
async fn unconfigured_window_is_adopted() {
    let limiter = limiter(&config::Limiter { spare: 0, ..config::Limiter::default() });
    call(&limiter, rejected(None, Some(Window::new(10, S(100))))).await;
    let mut at = Vec::new();
    for _ in 0..3 {
        at.push(call(&limiter, Outcome::Responded).await);
    }
    assert_eq!(at, [S(10), S(20), S(30)]);
}

#[tokio::test(start_paused = true)]
async fn concurrency_429_lengthens_the_gap_temporarily() {
    let limiter = limiter(&config::Limiter::default());
    let gap = async || limiter.snapshot().await.unwrap().guard_gap;
    for expected in [50, 100, 200, 400, 800, 1_600, 2_000, 2_000] {
        call(&limiter, rejected(Some(Duration::ZERO), None)).await;
        assert_eq!(gap().await, MS(expected));
    }
    assert_eq!(remaining(&limiter).await[0], 990, "only the sent calls count in the windows");
    call(&limiter, Outcome::Responded).await;
    let mut before = gap().await;
    assert!(before > MS(1_900), "{before:?}: one response shortens the gap only a little");
    for _ in 0..900 {
        call(&limiter, Outcome::Responded).await;
        assert!(gap().await <= before);
        before = gap().await;
    }
    assert_eq!(gap().await, MS(25));
}

#[tokio::test(start_paused = true)]
async fn response_to_earlier_call_does_not_end_the_probe() {
    let limiter = limiter(&config::Limiter { max_concurrency: 2, ..config::Limiter::default() });
    let (mut first, mut second) = (acquire(&limiter).await, acquire(&limiter).await);
    first.mark_sent();
    second.mark_sent();
    first.finish(rejected(Some(S(10)), None));
    second.finish(Outcome::Responded);
    let mut probe = acquire(&limiter).await;
    probe.mark_sent();
    let another = tokio::time::timeout(HOUR, limiter.acquire(&AcquireRequest::default())).await;
    assert!(another.is_err(), "another call before the response to the first one after the hold");
}

#[tokio::test(start_paused = true)]
async fn unconfigured_window_over_a_day_is_ignored() {
    let month = HOUR * 24 * 30;
    let limiter = limiter(&config::Limiter::default());
    call(&limiter, rejected(None, Some(Window::new(1, month)))).await;
    assert_eq!(limiter.snapshot().await.unwrap().windows.len(), 4);
    let windows = vec![Window::new(1_000, month)];
    let limiter = self::limiter(&config::Limiter { windows, ..config::Limiter::default() });
    call(&limiter, rejected(None, Some(Window::new(500, month)))).await;
    let sizes: Vec<_> =
        limiter.snapshot().await.unwrap().windows.iter().map(|each| each.window.calls).collect();
    assert_eq!(sizes, [500, 500]);
}

#[tokio::test(start_paused = true)]
async fn lengthened_gap_is_at_least_as_configured() {
    for (configured, lengthened) in [(MS(0), MS(50)), (S(10), S(10))] {
        let limiter = limiter(&config::Limiter { guard_gap: configured, ..config::Limiter::default() });
        call(&limiter, rejected(None, None)).await;
        let snapshot = limiter.snapshot().await.unwrap();
        assert_eq!(snapshot.guard_gap, lengthened);
        // The 429 names no window, so the hold is one period of the slowest window.
        assert_eq!(snapshot.closed.unwrap().time, MS(8_640).max(configured));
    }
}

#[tokio::test(start_paused = true)]
async fn rejected_call_does_not_count_as_accepted() {
    let five = Window::new(5, S(100));
    let limiter = limiter(&config::Limiter { spare: 0, windows: vec![five], ..config::Limiter::default() });
    for _ in 0..4 {
        call(&limiter, Outcome::Responded).await;
    }
    call(&limiter, rejected(None, None)).await;
    call(&limiter, Outcome::Responded).await;
    // Five calls were accepted. They fill a sliding window, but not a leaky bucket.
    call(&limiter, rejected(None, Some(five))).await;
    let window = limiter.snapshot().await.unwrap().windows[0];
    assert!(window.learned && window.window.burst.is_some(), "{window:?}");
}

#[tokio::test(start_paused = true)]
async fn concurrency_429_lowers_max_concurrency() {
    let config = config::Limiter { max_concurrency: 3, ..config::Limiter::default() };
    let limiter = limiter(&config);
    let acquire_all = async || {
        let mut permits = Vec::new();
        while let Ok(permit) = tokio::time::timeout(S(60), limiter.acquire(&AcquireRequest::default())).await
        {
            let mut permit = permit.unwrap();
            permit.mark_sent();
            permits.push(permit);
        }
        permits
    };
    for max_in_flight in [3, 2, 1, 1] {
        let permits = acquire_all().await;
        assert_eq!(permits.len(), max_in_flight);
        let mut permits = permits.into_iter();
        permits.next().unwrap().finish(rejected(Some(S(0)), None));
        permits.for_each(|permit| permit.finish(Outcome::Responded));
        call(&limiter, Outcome::Responded).await;
    }
    limiter.reconfigure(&config).await.unwrap();
    assert_eq!(acquire_all().await.len(), 3);
}
