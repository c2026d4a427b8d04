//! Properties that hold for any sequence of calls.

use super::*;

/// Waiters of both priorities, some with a timeout. Each is a tuple of the arrival in milliseconds, whether
/// the waiter is in the background, and the timeout in milliseconds.
fn waiters() -> impl Strategy<Value = Vec<(u64, bool, Option<u64>)>> {
    let waiter = (0..200_000_u64, any::<bool>(), prop::option::weighted(0.3, 0..100_000_u64));
    prop::collection::vec(waiter, 1..40)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// First come, first served within a priority. No background waiter waits for a foreground waiter that
    /// arrives more than a minute later.
    #[test]
    fn waiters_are_served_by_due_time(waiters in waiters()) {
        let served = block_on(async {
            let limiter = limiter(&config::Limiter { windows: vec![Window::new(4, S(20))], ..small_windows() });
            let served = Arc::new(StdMutex::new(Vec::new()));
            let mut tasks = tokio::task::JoinSet::new();
            for (arrival, background, timeout) in waiters.iter().copied() {
                let (limiter, served) = (limiter.clone(), Arc::clone(&served));
                tasks.spawn(async move {
                    limiter.clock().sleep(MS(arrival)).await;
                    let priority = if background { Priority::Background } else { Priority::Foreground };
                    let since = now(&limiter);
                    let request = AcquireRequest { priority, ..AcquireRequest::default() };
                    let acquired = limiter.acquire(&request);
                    let timeout = MS(timeout.unwrap_or(u64::MAX / 2));
                    let Ok(permit) = tokio::time::timeout(timeout, acquired).await else { return };
                    let mut permit = permit.unwrap();
                    permit.mark_sent();
                    served.lock().unwrap().push((since, background, now(&limiter)));
                    permit.finish(Outcome::Responded);
                });
            }
            while let Some(task) = tasks.join_next().await {
                task.unwrap();
            }
            let served = served.lock().unwrap();
            served.clone()
        });
        let without_timeout = waiters.iter().filter(|(_, _, timeout)| timeout.is_none()).count();
        prop_assert!(served.len() >= without_timeout, "{} of {without_timeout}", served.len());
        for (n, (since, background, at)) in served.iter().enumerate() {
            for (later_since, later_background, _) in &served[n + 1..] {
                // A waiter that is served later was due later, or had not arrived yet.
                let due = |since: Duration, background: bool| since + if background { S(60) } else { S(0) };
                let in_order = due(*since, *background) <= due(*later_since, *later_background);
                prop_assert!(in_order || later_since >= at, "{served:?}");
            }
        }
    }

    /// No interval contains more calls than a window allows. This holds for all windows, service times and
    /// outcomes.
    #[test]
    fn no_interval_exceeds_a_window(
        windows in prop::collection::vec((1..20_u32, 1..60_u64), 1..4),
        calls in prop::collection::vec((0..3_000_u64, 0..6_u8), 1..120),
        spare in 0..3_u32,
    ) {
        let windows: Vec<_> = windows.into_iter().map(|(calls, per)| Window::new(calls + spare, S(per))).collect();
        let sent = block_on(async {
            let limiter = limiter(&config::Limiter { windows: windows.clone(), spare, ..small_windows() });
            let mut sent = Vec::new();
            for (service_time, outcome) in calls {
                let outcome = match outcome {
                    0 => Outcome::Unknown,
                    1 => Outcome::Unsent,
                    2 => rejected(Some(MS(10)), None),
                    _ => Outcome::Responded,
                };
                let at = call_taking(&limiter, MS(service_time), outcome).await;
                if outcome != Outcome::Unsent {
                    sent.push(at);
                }
            }
            sent
        });
        for window in &windows {
            // Beyond the burst each call takes a period.
            let (period, burst) = (window.per / window.calls, window.calls - spare);
            for (first, from) in sent.iter().enumerate() {
                for (calls, to) in (1..).zip(&sent[first..]) {
                    let least = *from + period * u32::saturating_sub(calls, burst);
                    prop_assert!(*to >= least, "{window:?}: {calls} calls from {from:?} to {to:?}");
                }
            }
        }
    }
}
