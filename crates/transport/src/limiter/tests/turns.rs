//! Turns: when they come, what they cost, and what is said of them before.

use super::*;

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
    assert_eq!(left(&limiter).await, [0, 95, 0, 95], "the larger windows lost no token to a wait");
}

#[tokio::test(start_paused = true)]
async fn one_call_at_a_time_in_the_order_of_asking() {
    let limiter = limiter(&config::Limiter::default());
    let order = Arc::new(StdMutex::new(Vec::new()));
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let (limiter, order) = (limiter.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let mut permit = acquire(&limiter).await;
                permit.mark_sent();
                order.lock().unwrap().push((n, "in"));
                limiter.clock().sleep(MS(7)).await;
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
    assert_eq!(now(&limiter), MS(50 * 7 + 49 * 25));
}

#[tokio::test(start_paused = true)]
async fn the_gate_stays_shut_after_a_call_whose_end_was_not_seen() {
    let limiter = limiter(&config::Limiter { spare: 0, ..config::Limiter::default() });
    let mut permit = acquire(&limiter).await;
    permit.mark_sent();
    drop(permit);
    assert_eq!(limiter.snapshot().await.unwrap().closed.unwrap().because, Constraint::Quarantine);
    // The call counts as late as the server may take note of it.
    assert_eq!(limiter.snapshot().await.unwrap().windows[0].restored_in, MS(5_000 + 3_600));
    assert_eq!(call(&limiter, Outcome::Answered).await, S(5));
    assert_eq!(limiter.calls_spent(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_costs_nothing() {
    let limiter = limiter(&small());
    drop(acquire(&limiter).await);
    assert_eq!(call(&limiter, Outcome::Unsent).await, Duration::ZERO);
    assert_eq!((left(&limiter).await, limiter.calls_spent()), (vec![3, 100, 3, 100], 0));
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_allowed_fails_at_once_and_says_how_long_it_would_be() {
    let limiter = limiter(&config::Limiter { max_wait: Some(S(5)), ..small() });
    for _ in 0..3 {
        call(&limiter, Outcome::Answered).await;
    }
    let before = now(&limiter);
    let error = limiter.acquire(&AcquireRequest::default()).await.unwrap_err();
    assert_eq!(now(&limiter), before);
    assert_eq!(error.kind(), ErrorKind::MaxWait);
    assert_eq!(error.retry_after(), Some(MS(9_950)));
    assert_eq!(error.to_string(), "its turn would come in 9s 950ms and `limiter.max_wait` is 5s");
    let deadline = Deadline { at: Instant::START + before + S(2), limit: WaitLimit::RetryDeadline(S(60)) };
    let request = AcquireRequest { deadline: Some(deadline), ..AcquireRequest::default() };
    let error = limiter.acquire(&request).await.unwrap_err();
    assert_eq!(error.to_string(), "its turn would come in 9s 950ms and `retry.deadline` is 1m");
    assert_eq!(
        (error.kind(), error.is_rate_limited(), limiter.calls_spent()),
        (ErrorKind::Deadline, true, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_comes_while_one_waits_is_told_at_once_and_a_call_that_never_ends_in_time() {
    let limiter = limiter(&config::Limiter { max_wait: Some(S(5)), ..config::Limiter::default() });
    let mut permit = acquire(&limiter).await;
    permit.mark_sent();
    let waiter = tokio::spawn({
        let limiter = limiter.clone();
        async move { limiter.acquire(&AcquireRequest::default()).await.map(drop) }
    });
    tokio::time::advance(S(1)).await;
    permit.finish(rejected(Some(S(30)), None));
    let error = waiter.await.unwrap().unwrap_err();
    assert_eq!((error.retry_after(), now(&limiter)), (Some(S(30)), S(1)));

    tokio::time::advance(S(30)).await;
    let mut permit = acquire(&limiter).await;
    permit.mark_sent();
    let before = now(&limiter);
    let error = limiter.acquire(&AcquireRequest::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "its turn did not come in time: `limiter.max_wait` is 5s");
    assert_eq!(now(&limiter), before + S(5));
}

#[tokio::test(start_paused = true)]
async fn the_next_permit_of_a_call_comes_before_later_callers() {
    let limiter = limiter(&small());
    let mut permit = acquire(&limiter).await;
    permit.mark_sent();
    let other = tokio::spawn({
        let limiter = limiter.clone();
        async move {
            let permit = acquire(&limiter).await;
            (now(&limiter), permit)
        }
    });
    tokio::time::advance(S(1)).await;
    permit.finish(Outcome::Answered);
    let request = AcquireRequest { since: Some(Instant::START), ..AcquireRequest::default() };
    let mut permit = limiter.acquire(&request).await.unwrap();
    permit.mark_sent();
    assert_eq!((now(&limiter), limiter.calls_spent()), (MS(1_025), 2));
    permit.finish(Outcome::Answered);
    assert_eq!(other.await.unwrap().0, MS(1_050));
}

#[tokio::test(start_paused = true)]
async fn the_forecast_of_a_day_is_what_the_day_brings_call_by_call() {
    let limiter = limiter(&config::Limiter::default());
    let forecast = limiter.forecast(12_000).await.unwrap();
    for n in 1..=12_000 {
        let at = call(&limiter, Outcome::Answered).await;
        assert_eq!(forecast.sent_in(n), Some(at), "call {n}");
    }
    let phases: Vec<_> =
        forecast.phases.iter().map(|phase| (phase.first, phase.every, phase.constraint)).collect();
    let [pace, (first, every, bound)] = phases[..] else { panic!("{phases:?}") };
    assert_eq!(pace, (1, MS(25), Constraint::Pace));
    // Seven calls drain while the burst goes.
    assert_eq!((first, every), (1_004, MS(3_600)));
    assert!(
        matches!(bound, Constraint::Window { window, .. } if window == Window::new(1_000, HOUR)),
        "{bound:?}"
    );
    assert_eq!(forecast.done_in(), forecast.sent_in(12_000).unwrap() + MS(25));
}

#[tokio::test(start_paused = true)]
async fn the_forecast_goes_by_how_long_a_call_takes_as_soon_as_one_was_made() {
    let limiter = limiter(&config::Limiter::default());
    let sent = async |calls| limiter.forecast(calls).await.unwrap().sent_in(calls).unwrap_or_default();
    assert_eq!(sent(101).await, MS(100 * 25));
    call_taking(&limiter, MS(975), Outcome::Answered).await;
    assert_eq!(sent(101).await, MS(25 + 100 * 1_000));
    assert_eq!(limiter.forecast(0).await.unwrap().done_in(), Duration::ZERO);
    // An eighth of what a call took that was longer counts.
    call_taking(&limiter, MS(8_975), Outcome::Answered).await;
    assert_eq!(limiter.snapshot().await.unwrap().service_time, Some(S(2)));
}

#[tokio::test(start_paused = true)]
async fn other_settings_keep_what_was_spent() {
    let limiter = limiter(&config::Limiter { spare: 0, ..config::Limiter::default() });
    for _ in 0..700 {
        call(&limiter, Outcome::Answered).await;
    }
    let mut config = config::Limiter { spare: 0, ..config::Limiter::default() };
    config.windows = vec![Window::new(2_000, HOUR), Window::new(800, HOUR * 2)];
    limiter.reconfigure(&config).await.unwrap();
    // 4.9 of the 700 have drained from the window of an hour, and 1.9 from the one that is new.
    assert_eq!(left(&limiter).await, [1_304, 101, 1_304, 101]);
    config.windows.clear();
    let error = limiter.reconfigure(&config).await.unwrap_err();
    assert_eq!((error.kind(), left(&limiter).await.len()), (ErrorKind::InvalidConfig, 4));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_goes_on_by_the_new_settings() {
    let limiter = limiter(&small());
    for _ in 0..3 {
        call(&limiter, Outcome::Answered).await;
    }
    let waiter = tokio::spawn({
        let limiter = limiter.clone();
        async move { call(&limiter, Outcome::Answered).await }
    });
    tokio::task::yield_now().await;
    tokio::time::advance(S(1)).await;
    let windows = vec![Window::new(30, S(30))];
    limiter.reconfigure(&config::Limiter { windows, ..small() }).await.unwrap();
    assert_eq!(waiter.await.unwrap(), MS(1_050));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_is_put_back_only_where_nothing_else_has_changed_the_windows() {
    // Other settings came meanwhile.
    let config = config::Limiter { spare: 0, ..config::Limiter::default() };
    let limiter = limiter(&config);
    for _ in 0..700 {
        call(&limiter, Outcome::Answered).await;
    }
    let mut permit = acquire(&limiter).await;
    permit.mark_sent();
    limiter.reconfigure(&config).await.unwrap();
    let before = left(&limiter).await;
    permit.finish(Outcome::Unsent);
    assert_eq!(left(&limiter).await, before);

    // A 429 for another call came meanwhile, or another call.
    for outcome in [rejected(Some(S(0)), Some(Window::new(500, HOUR))), Outcome::Unknown, Outcome::Answered] {
        let limiter = self::limiter(&config::Limiter { max_concurrency: 2, ..config::Limiter::default() });
        let (mut one, mut other) = (acquire(&limiter).await, acquire(&limiter).await);
        one.mark_sent();
        other.mark_sent();
        let (last, first) = if outcome == Outcome::Answered { (one, other) } else { (other, one) };
        first.finish(outcome);
        let before = left(&limiter).await;
        last.finish(Outcome::Unsent);
        assert_eq!(left(&limiter).await, before, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn smaller_windows_are_full_and_no_more_than_that_and_larger_ones_remember() {
    let limiter = limiter(&config::Limiter::default());
    for _ in 0..3_000 {
        call(&limiter, Outcome::Answered).await;
    }
    let spent = left(&limiter).await;
    let windows = vec![Window::new(5, S(60)), Window::new(1_000, HOUR * 24)];
    limiter.reconfigure(&config::Limiter { windows, ..config::Limiter::default() }).await.unwrap();
    let next = limiter.forecast(1).await.unwrap().sent_in(1).unwrap();
    assert!(next <= HOUR * 24 / 1_000, "{next:?}: 3,000 calls do not fit in at all, so the window is full");
    limiter.reconfigure(&config::Limiter::default()).await.unwrap();
    for (now, before) in left(&limiter).await.iter().zip(&spent) {
        assert!(*now <= before + 1, "{now} of {before}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_comes_at_the_last_moment_has_come_in_time() {
    let config = config::Limiter { max_wait: Some(S(10)), guard_gap: Duration::ZERO, ..small() };
    let limiter = limiter(&config);
    for _ in 0..3 {
        call(&limiter, Outcome::Answered).await;
    }
    assert_eq!(call(&limiter, Outcome::Answered).await, S(10));
    let deadline = Some(Deadline { at: Instant::START + S(5), limit: WaitLimit::RetryDeadline(S(5)) });
    let error = limiter.acquire(&AcquireRequest { deadline, ..AcquireRequest::default() }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "there may be a turn, but it is too late for it");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_sent_away_for_those_who_go_later() {
    let address_windows = Some(vec![Window::new(10_000, HOUR)]);
    let shared = limiter(&config::Limiter { address_windows, ..small() });
    let (one, two) =
        (shared.for_credential(ApplicationKey([1; 32])), shared.for_credential(ApplicationKey([2; 32])));
    for _ in 0..3 {
        call(&one, Outcome::Answered).await;
    }
    let since = now(&one);
    let mut waiters = tokio::task::JoinSet::new();
    for priority in [Priority::Background; 20].into_iter().chain([Priority::Foreground; 20]) {
        let one = one.clone();
        waiters.spawn(async move {
            one.acquire(&AcquireRequest { priority, ..AcquireRequest::default() }).await.map(drop)
        });
    }
    tokio::task::yield_now().await;
    let within = |seconds| {
        Some(Deadline {
            at: Instant::START + since + S(seconds),
            limit: WaitLimit::RetryDeadline(S(seconds)),
        })
    };
    // The other credential's, which is not held up by their window.
    two.acquire(&AcquireRequest { deadline: within(1), ..AcquireRequest::default() }).await.unwrap();
    // One that has waited before, which keeps its place.
    let again =
        AcquireRequest { since: Some(Instant::START), deadline: within(10), ..AcquireRequest::default() };
    one.acquire(&again).await.unwrap();
    // And one who goes after all of those in the foreground, but before those in the background.
    let request = AcquireRequest { deadline: within(180), ..AcquireRequest::default() };
    let error = one.acquire(&request).await.unwrap_err();
    assert!(error.retry_after().unwrap() < S(10 * 21), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_permit_says_what_it_waited_for() {
    // Of two windows that hold it up it is the one that does so longer, wherever it stands.
    let windows = vec![Window::new(30, S(30)), Window::new(3, S(30)), Window::new(30, S(30))];
    let limiter = limiter(&config::Limiter { windows, ..small() });
    let mut waiters = tokio::task::JoinSet::new();
    for n in 0..5 {
        let limiter = limiter.clone();
        waiters.spawn(async move {
            let mut permit = acquire(&limiter).await;
            permit.mark_sent();
            let constraint = permit.constraint();
            permit.finish(Outcome::Answered);
            (n, constraint)
        });
    }
    let mut bounds = waiters.join_all().await;
    bounds.sort_by_key(|(n, _)| *n);
    let window = Some(Constraint::Window { scope: Scope::Application, window: Window::new(3, S(30)) });
    let gap = Some(Constraint::GuardGap);
    assert_eq!(bounds, [(0, None), (1, gap), (2, gap), (3, window), (4, window)]);
}

#[tokio::test(start_paused = true)]
async fn no_window_is_too_extreme() {
    let year = HOUR * 24 * 366;
    for window in [
        Window::new(u32::MAX, MS(1)),
        Window::new(u32::MAX, year),
        Window::new(1_000_000, year).burst(990_000),
        Window::new(1, year),
        Window::new(1, MS(1)),
    ] {
        let config = config::Limiter {
            spare: 0,
            windows: vec![window],
            max_concurrency: 64,
            ..config::Limiter::default()
        };
        let limiter = limiter(&config);
        for outcome in [
            Outcome::Answered,
            Outcome::Unknown,
            rejected(None, None),
            rejected(Some(HOUR * 24), Some(window)),
            rejected(None, Some(window)),
            rejected(None, Some(Window::new(u32::MAX, S(1)))),
            Outcome::Answered,
        ] {
            let turn = tokio::time::timeout(HOUR * 24, limiter.acquire(&AcquireRequest::default())).await;
            let Ok(mut permit) = turn.map(Result::unwrap) else { break };
            permit.mark_sent();
            permit.finish(outcome);
        }
        limiter.forecast(u32::MAX).await.unwrap();
        limiter.snapshot().await.unwrap();
        limiter.reconfigure(&config::Limiter::default()).await.unwrap();
        assert!(limiter.forecast(u32::MAX).await.unwrap().done_in() > year);
    }
}

#[tokio::test(start_paused = true)]
async fn all_settings_are_other_ones_from_then_on() {
    let limiter = limiter(&config::Limiter::default());
    assert_eq!(limiter.snapshot().await.unwrap().closed, None);
    call(&limiter, rejected(Some(S(0)), None)).await;
    assert_eq!(limiter.snapshot().await.unwrap().guard_gap, MS(50));
    let (guard_gap, quarantine) = (MS(10), S(7));
    let other = config::Limiter { guard_gap, quarantine, max_concurrency: 2, ..config::Limiter::default() };
    limiter.reconfigure(&other).await.unwrap();
    assert_eq!(limiter.snapshot().await.unwrap().guard_gap, MS(10));
    call_taking(&limiter, MS(990), Outcome::Answered).await;
    // Two at a time, a second each.
    assert_eq!(limiter.forecast(101).await.unwrap().sent_in(101), Some(MS(10) + S(50)));
    call(&limiter, Outcome::Unknown).await;
    assert_eq!(limiter.snapshot().await.unwrap().closed.unwrap().time, S(7));
}
