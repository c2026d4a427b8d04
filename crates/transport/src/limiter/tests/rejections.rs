//! What 429s teach.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_rejection_holds_everybody_for_the_servers_time_or_longer_each_time() {
    let limiter = limiter(&config::Limiter::default());
    let named = |retry_after| rejected(retry_after, Some(Window::new(1_000, HOUR)));
    assert_eq!(call(&limiter, named(Some(S(7)))).await, S(0));
    assert_eq!(call(&limiter, Outcome::Answered).await, S(7));
    // Where it names no time: a period of the window that it names (3.6 s), then twice that.
    assert_eq!(call(&limiter, named(None)).await.as_millis(), 7_200);
    assert_eq!(call(&limiter, named(None)).await.as_millis(), 10_800);
    assert_eq!(call(&limiter, Outcome::Answered).await.as_millis(), 18_000);
    assert_eq!(limiter.snapshot().await.unwrap().calls_rejected, 3);
}

#[tokio::test(start_paused = true)]
async fn the_hold_is_never_longer_than_a_quarter_of_an_hour_where_the_server_names_no_time() {
    let limiter = limiter(&config::Limiter::default());
    let mut before = Duration::ZERO;
    for _ in 0..40 {
        let at = call(&limiter, rejected(None, None)).await;
        assert!(at <= before + Duration::from_mins(15), "{at:?} after {before:?}");
        before = at;
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_rejection_one_call_alone_finds_out_whether_it_is_over() {
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
        _ = &mut second => panic!("a second call before the first has shown that it is over"),
        () = limiter.clock().sleep(HOUR) => {}
    }
    probe.finish(Outcome::Answered);
    let _second = second.await.unwrap();
    let _third = acquire(&limiter).await;
}

#[tokio::test(start_paused = true)]
async fn a_window_that_the_server_names_is_full_and_the_others_are_left_alone() {
    let limiter = limiter(&config::Limiter::default());
    call(&limiter, Outcome::Answered).await;
    call(&limiter, rejected(None, Some(Window::new(1_000, HOUR)))).await;
    assert_eq!(left(&limiter).await, [0, 9_995, 0, 9_995]);
    assert_eq!(
        limiter.snapshot().await.unwrap().guard_gap,
        MS(25),
        "calls at the same time were not the reason"
    );
}

#[tokio::test(start_paused = true)]
async fn a_smaller_window_is_believed_and_a_larger_one_is_not() {
    let limiter = limiter(&config::Limiter::default());
    for _ in 0..510 {
        call(&limiter, Outcome::Answered).await;
    }
    call(&limiter, rejected(None, Some(Window::new(500, HOUR)))).await;
    call(&limiter, rejected(None, Some(Window::new(20_000, HOUR * 24)))).await;
    let windows = limiter.snapshot().await.unwrap().windows;
    let sizes: Vec<_> = windows.iter().map(|window| (window.window.calls, window.learned)).collect();
    assert_eq!(sizes, [(500, true), (10_000, false), (500, true), (10_000, false)]);
    assert_eq!(windows[0].next_in, MS(7_200));
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_not_configured_is_kept_from_then_on() {
    let limiter = limiter(&config::Limiter { spare: 0, ..config::Limiter::default() });
    call(&limiter, rejected(None, Some(Window::new(10, S(100))))).await;
    let mut at = Vec::new();
    for _ in 0..3 {
        at.push(call(&limiter, Outcome::Answered).await);
    }
    assert_eq!(at, [S(10), S(20), S(30)]);
}

#[tokio::test(start_paused = true)]
async fn calls_at_the_same_time_widen_the_gap_and_answers_narrow_it_again() {
    let limiter = limiter(&config::Limiter::default());
    let gap = async || limiter.snapshot().await.unwrap().guard_gap;
    for expected in [50, 100, 200, 400, 800, 1_600, 2_000, 2_000] {
        call(&limiter, rejected(Some(Duration::ZERO), None)).await;
        assert_eq!(gap().await, MS(expected));
    }
    assert_eq!(left(&limiter).await[0], 990, "the windows are charged for the calls and nothing else");
    call(&limiter, Outcome::Answered).await;
    let mut before = gap().await;
    assert!(before > MS(1_900), "{before:?}: a single answer is no proof");
    for _ in 0..900 {
        call(&limiter, Outcome::Answered).await;
        assert!(gap().await <= before);
        before = gap().await;
    }
    assert_eq!(gap().await, MS(25));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_an_earlier_call_does_not_show_that_it_is_over() {
    let limiter = limiter(&config::Limiter { max_concurrency: 2, ..config::Limiter::default() });
    let (mut one, mut other) = (acquire(&limiter).await, acquire(&limiter).await);
    one.mark_sent();
    other.mark_sent();
    one.finish(rejected(Some(S(10)), None));
    other.finish(Outcome::Answered);
    let mut probe = acquire(&limiter).await;
    probe.mark_sent();
    let second = tokio::time::timeout(HOUR, limiter.acquire(&AcquireRequest::default())).await;
    assert!(second.is_err(), "a second call before the first has shown that it is over");
}

#[tokio::test(start_paused = true)]
async fn a_window_of_more_than_a_day_is_only_believed_where_it_is_configured() {
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
async fn the_gap_widens_from_nothing_and_is_never_less_than_configured() {
    for (configured, widened) in [(MS(0), MS(50)), (S(10), S(10))] {
        let limiter = limiter(&config::Limiter { guard_gap: configured, ..config::Limiter::default() });
        call(&limiter, rejected(None, None)).await;
        let known = limiter.snapshot().await.unwrap();
        assert_eq!(known.guard_gap, widened);
        // Nobody knows what it was: so long as the slowest window takes for a call.
        assert_eq!(known.closed.unwrap().time, MS(8_640).max(configured));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_server_refused_is_no_evidence_of_what_it_takes() {
    let five = Window::new(5, S(100));
    let limiter = limiter(&config::Limiter { spare: 0, windows: vec![five], ..config::Limiter::default() });
    for _ in 0..4 {
        call(&limiter, Outcome::Answered).await;
    }
    call(&limiter, rejected(None, None)).await;
    call(&limiter, Outcome::Answered).await;
    // Five calls were taken, which fill a sliding window and no leaky bucket.
    call(&limiter, rejected(None, Some(five))).await;
    let known = limiter.snapshot().await.unwrap().windows[0];
    assert!(known.learned && known.window.burst.is_some(), "{known:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_at_the_same_time_that_are_refused_become_fewer_until_the_settings_say_otherwise() {
    let config = config::Limiter { max_concurrency: 3, ..config::Limiter::default() };
    let limiter = limiter(&config);
    let at_once = async || {
        let mut permits = Vec::new();
        while let Ok(permit) = tokio::time::timeout(S(60), limiter.acquire(&AcquireRequest::default())).await
        {
            let mut permit = permit.unwrap();
            permit.mark_sent();
            permits.push(permit);
        }
        permits
    };
    for places in [3, 2, 1, 1] {
        let permits = at_once().await;
        assert_eq!(permits.len(), places);
        let mut permits = permits.into_iter();
        permits.next().unwrap().finish(rejected(Some(S(0)), None));
        permits.for_each(|permit| permit.finish(Outcome::Answered));
        call(&limiter, Outcome::Answered).await;
    }
    limiter.reconfigure(&config).await.unwrap();
    assert_eq!(at_once().await.len(), 3);
}
