//! Permits: when they are granted, what they cost, and their forecasts.

use super::*;

#[tokio::test(start_paused = true)]
async fn all_windows_apply_and_a_wait_costs_no_call() {
    let limiter = limiter(&small_windows());
    let mut at = Vec::new();
    for _ in 0..5 {
        at.push(call(&limiter, Outcome::Responded).await.as_millis());
    }
    // Three with only the guard gap between them, then one every ten seconds.
    assert_eq!(at, [0, 25, 50, 10_000, 20_000]);
    assert_eq!(limiter.calls_spent(), 5);
    assert_eq!(remaining(&limiter).await, [0, 95, 0, 95], "a wait cost no call of the larger windows");
}

#[tokio::test(start_paused = true)]
async fn calls_are_sequential_in_order_of_arrival() {
    let limiter = limiter(&config::Limiter::default());
    let order = Arc::new(StdMutex::new(Vec::new()));
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let (limiter, order) = (limiter.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let mut permit = acquire(&limiter).await;
                permit.mark_sent();
                order.lock().unwrap().push((n, "start"));
                limiter.clock().sleep(MS(7)).await;
                order.lock().unwrap().push((n, "end"));
                permit.finish(Outcome::Responded);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let expected: Vec<_> = (0..50).flat_map(|n| [(n, "start"), (n, "end")]).collect();
    assert_eq!(*order.lock().unwrap(), expected);
    // 50 calls of 7 ms with a gap of 25 ms between them.
    assert_eq!(now(&limiter), MS(50 * 7 + 49 * 25));
}

#[tokio::test(start_paused = true)]
async fn unknown_outcome_closes_the_gate() {
    let limiter = limiter(&config::Limiter { spare: 0, ..config::Limiter::default() });
    let mut permit = acquire(&limiter).await;
    permit.mark_sent();
    drop(permit);
    assert_eq!(limiter.snapshot().await.unwrap().closed.unwrap().constraint, Constraint::Quarantine);
    // The call counts from the end of the quarantine, the latest time at which the server may count it.
    assert_eq!(limiter.snapshot().await.unwrap().windows[0].restored_in, MS(5_000 + 3_600));
    assert_eq!(call(&limiter, Outcome::Responded).await, S(5));
    assert_eq!(limiter.calls_spent(), 2);
}

#[tokio::test(start_paused = true)]
async fn unsent_attempt_costs_no_call() {
    let limiter = limiter(&small_windows());
    drop(acquire(&limiter).await);
    assert_eq!(call(&limiter, Outcome::Unsent).await, Duration::ZERO);
    assert_eq!((remaining(&limiter).await, limiter.calls_spent()), (vec![3, 100, 3, 100], 0));
}

#[tokio::test(start_paused = true)]
async fn wait_beyond_the_limit_fails_at_once() {
    let limiter = limiter(&config::Limiter { max_wait: Some(S(5)), ..small_windows() });
    for _ in 0..3 {
        call(&limiter, Outcome::Responded).await;
    }
    let before = now(&limiter);
    let error = limiter.acquire(&AcquireRequest::default()).await.unwrap_err();
    assert_eq!(now(&limiter), before);
    assert_eq!(error.kind(), ErrorKind::MaxWait);
    assert_eq!(error.retry_after(), Some(MS(9_950)));
    assert_eq!(
        error.to_string(),
        "the wait for a permit would be 9s 950ms, longer than `limiter.max_wait` (5s)"
    );
    let deadline = Deadline { at: Instant::START + before + S(2), limit: WaitLimit::RetryDeadline(S(60)) };
    let request = AcquireRequest { deadline: Some(deadline), ..AcquireRequest::default() };
    let error = limiter.acquire(&request).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the wait for a permit would be 9s 950ms, longer than the time left until `retry.deadline` (1m)"
    );
    assert_eq!(
        (error.kind(), error.is_rate_limited(), limiter.calls_spent()),
        (ErrorKind::Deadline, true, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn waiter_fails_on_a_long_hold_or_a_long_call() {
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
    assert_eq!(error.to_string(), "no permit was granted within `limiter.max_wait` (5s)");
    assert_eq!(now(&limiter), before + S(5));
}

#[tokio::test(start_paused = true)]
async fn next_attempt_precedes_later_callers() {
    let limiter = limiter(&small_windows());
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
    permit.finish(Outcome::Responded);
    let request = AcquireRequest { since: Some(Instant::START), ..AcquireRequest::default() };
    let mut permit = limiter.acquire(&request).await.unwrap();
    permit.mark_sent();
    assert_eq!((now(&limiter), limiter.calls_spent()), (MS(1_025), 2));
    permit.finish(Outcome::Responded);
    assert_eq!(other.await.unwrap().0, MS(1_050));
}

#[tokio::test(start_paused = true)]
async fn forecast_of_12000_calls_is_exact() {
    let limiter = limiter(&config::Limiter::default());
    let forecast = limiter.forecast(12_000).await.unwrap();
    for n in 1..=12_000 {
        let at = call(&limiter, Outcome::Responded).await;
        assert_eq!(forecast.sent_in(n), Some(at), "call {n}");
    }
    let phases: Vec<_> =
        forecast.phases.iter().map(|phase| (phase.first, phase.interval, phase.constraint)).collect();
    let [pace, (first, every, constraint)] = phases[..] else { panic!("{phases:?}") };
    assert_eq!(pace, (1, MS(25), Constraint::Pace));
    // Seven calls drain while the burst is sent.
    assert_eq!((first, every), (1_004, MS(3_600)));
    assert!(
        matches!(constraint, Constraint::Window { window, .. } if window == Window::new(1_000, HOUR)),
        "{constraint:?}"
    );
    assert_eq!(forecast.done_in(), forecast.sent_in(12_000).unwrap() + MS(25));
}

#[tokio::test(start_paused = true)]
async fn forecast_uses_the_mean_service_time() {
    let limiter = limiter(&config::Limiter::default());
    let sent = async |calls| limiter.forecast(calls).await.unwrap().sent_in(calls).unwrap_or_default();
    assert_eq!(sent(101).await, MS(100 * 25));
    call_taking(&limiter, MS(975), Outcome::Responded).await;
    assert_eq!(sent(101).await, MS(25 + 100 * 1_000));
    assert_eq!(limiter.forecast(0).await.unwrap().done_in(), Duration::ZERO);
    // The mean moves an eighth of the way to the time of the latest call.
    call_taking(&limiter, MS(8_975), Outcome::Responded).await;
    assert_eq!(limiter.snapshot().await.unwrap().service_time, Some(S(2)));
}

#[tokio::test(start_paused = true)]
async fn reconfigure_keeps_the_calls_sent() {
    let limiter = limiter(&config::Limiter { spare: 0, ..config::Limiter::default() });
    for _ in 0..700 {
        call(&limiter, Outcome::Responded).await;
    }
    let mut config = config::Limiter { spare: 0, ..config::Limiter::default() };
    config.windows = vec![Window::new(2_000, HOUR), Window::new(800, HOUR * 2)];
    limiter.reconfigure(&config).await.unwrap();
    // Of the 700 calls 4.9 have drained from the window of an hour, and 1.9 from the new window.
    assert_eq!(remaining(&limiter).await, [1_304, 101, 1_304, 101]);
    config.windows.clear();
    let error = limiter.reconfigure(&config).await.unwrap_err();
    assert_eq!((error.kind(), remaining(&limiter).await.len()), (ErrorKind::InvalidConfig, 4));
}

#[tokio::test(start_paused = true)]
async fn reconfigure_applies_to_waiting_callers() {
    let limiter = limiter(&small_windows());
    for _ in 0..3 {
        call(&limiter, Outcome::Responded).await;
    }
    let waiter = tokio::spawn({
        let limiter = limiter.clone();
        async move { call(&limiter, Outcome::Responded).await }
    });
    tokio::task::yield_now().await;
    tokio::time::advance(S(1)).await;
    let windows = vec![Window::new(30, S(30))];
    limiter.reconfigure(&config::Limiter { windows, ..small_windows() }).await.unwrap();
    assert_eq!(waiter.await.unwrap(), MS(1_050));
}

#[tokio::test(start_paused = true)]
async fn unsent_call_counts_if_the_windows_have_changed() {
    // The limiter was reconfigured meanwhile.
    let config = config::Limiter { spare: 0, ..config::Limiter::default() };
    let limiter = limiter(&config);
    for _ in 0..700 {
        call(&limiter, Outcome::Responded).await;
    }
    let mut permit = acquire(&limiter).await;
    permit.mark_sent();
    limiter.reconfigure(&config).await.unwrap();
    let before = remaining(&limiter).await;
    permit.finish(Outcome::Unsent);
    assert_eq!(remaining(&limiter).await, before);

    // Another call ended meanwhile.
    for outcome in [rejected(Some(S(0)), Some(Window::new(500, HOUR))), Outcome::Unknown, Outcome::Responded]
    {
        let limiter = self::limiter(&config::Limiter { max_concurrency: 2, ..config::Limiter::default() });
        let (mut earlier, mut later) = (acquire(&limiter).await, acquire(&limiter).await);
        earlier.mark_sent();
        later.mark_sent();
        let (unsent, ended) = if outcome == Outcome::Responded { (earlier, later) } else { (later, earlier) };
        ended.finish(outcome);
        let before = remaining(&limiter).await;
        unsent.finish(Outcome::Unsent);
        assert_eq!(remaining(&limiter).await, before, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn reconfigure_to_smaller_windows_and_back() {
    let limiter = limiter(&config::Limiter::default());
    for _ in 0..3_000 {
        call(&limiter, Outcome::Responded).await;
    }
    let spent = remaining(&limiter).await;
    let windows = vec![Window::new(5, S(60)), Window::new(1_000, HOUR * 24)];
    limiter.reconfigure(&config::Limiter { windows, ..config::Limiter::default() }).await.unwrap();
    let next = limiter.forecast(1).await.unwrap().sent_in(1).unwrap();
    assert!(next <= HOUR * 24 / 1_000, "{next:?}: the window has no room for 3,000 calls, so it is full");
    limiter.reconfigure(&config::Limiter::default()).await.unwrap();
    for (now, before) in remaining(&limiter).await.iter().zip(&spent) {
        assert!(*now <= before + 1, "{now} of {before}");
    }
}

#[tokio::test(start_paused = true)]
async fn permit_exactly_at_its_deadline_is_granted() {
    let config = config::Limiter { max_wait: Some(S(10)), guard_gap: Duration::ZERO, ..small_windows() };
    let limiter = limiter(&config);
    for _ in 0..3 {
        call(&limiter, Outcome::Responded).await;
    }
    assert_eq!(call(&limiter, Outcome::Responded).await, S(10));
    let deadline = Some(Deadline { at: Instant::START + S(5), limit: WaitLimit::RetryDeadline(S(5)) });
    let error = limiter.acquire(&AcquireRequest { deadline, ..AcquireRequest::default() }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "a permit is available, but the deadline has passed");
}

#[tokio::test(start_paused = true)]
async fn deadline_counts_only_waiters_ahead() {
    let address_windows = Some(vec![Window::new(10_000, HOUR)]);
    let shared = limiter(&config::Limiter { address_windows, ..small_windows() });
    let (one, two) =
        (shared.for_credential(ApplicationKey([1; 32])), shared.for_credential(ApplicationKey([2; 32])));
    for _ in 0..3 {
        call(&one, Outcome::Responded).await;
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
    // A caller with the other credential, whose window is not full.
    two.acquire(&AcquireRequest { deadline: within(1), ..AcquireRequest::default() }).await.unwrap();
    // A caller that has waited before keeps its position.
    let again =
        AcquireRequest { since: Some(Instant::START), deadline: within(10), ..AcquireRequest::default() };
    one.acquire(&again).await.unwrap();
    // A caller that comes after all foreground waiters, but before the background waiters.
    let request = AcquireRequest { deadline: within(180), ..AcquireRequest::default() };
    let error = one.acquire(&request).await.unwrap_err();
    assert!(error.retry_after().unwrap() < S(10 * 21), "{error}");
}

#[tokio::test(start_paused = true)]
async fn permit_has_the_longest_constraint() {
    // If several windows are full, the constraint is the one that lasts longest, whatever their order.
    let windows = vec![Window::new(30, S(30)), Window::new(3, S(30)), Window::new(30, S(30))];
    let limiter = limiter(&config::Limiter { windows, ..small_windows() });
    let mut waiters = tokio::task::JoinSet::new();
    for n in 0..5 {
        let limiter = limiter.clone();
        waiters.spawn(async move {
            let mut permit = acquire(&limiter).await;
            permit.mark_sent();
            let constraint = permit.constraint();
            permit.finish(Outcome::Responded);
            (n, constraint)
        });
    }
    let mut constraints = waiters.join_all().await;
    constraints.sort_by_key(|(n, _)| *n);
    let window = Some(Constraint::Window { scope: Scope::Application, window: Window::new(3, S(30)) });
    let gap = Some(Constraint::GuardGap);
    assert_eq!(constraints, [(0, None), (1, gap), (2, gap), (3, window), (4, window)]);
}

#[tokio::test(start_paused = true)]
async fn extreme_windows_do_not_panic() {
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
            Outcome::Responded,
            Outcome::Unknown,
            rejected(None, None),
            rejected(Some(HOUR * 24), Some(window)),
            rejected(None, Some(window)),
            rejected(None, Some(Window::new(u32::MAX, S(1)))),
            Outcome::Responded,
        ] {
            let acquired = tokio::time::timeout(HOUR * 24, limiter.acquire(&AcquireRequest::default())).await;
            let Ok(mut permit) = acquired.map(Result::unwrap) else { break };
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
async fn reconfigure_replaces_all_settings() {
    let limiter = limiter(&config::Limiter::default());
    assert_eq!(limiter.snapshot().await.unwrap().closed, None);
    call(&limiter, rejected(Some(S(0)), None)).await;
    assert_eq!(limiter.snapshot().await.unwrap().guard_gap, MS(50));
    let (guard_gap, quarantine) = (MS(10), S(7));
    let other = config::Limiter { guard_gap, quarantine, max_concurrency: 2, ..config::Limiter::default() };
    limiter.reconfigure(&other).await.unwrap();
    assert_eq!(limiter.snapshot().await.unwrap().guard_gap, MS(10));
    call_taking(&limiter, MS(990), Outcome::Responded).await;
    // Two concurrent calls, a second each.
    assert_eq!(limiter.forecast(101).await.unwrap().sent_in(101), Some(MS(10) + S(50)));
    call(&limiter, Outcome::Unknown).await;
    assert_eq!(limiter.snapshot().await.unwrap().closed.unwrap().time, S(7));
}
