//! Promise 6: refresh-ahead, which lets foreground calls go first and leaves a reserve of the quota.

use std::sync::Arc;
use std::time::Duration;

use ultracart_client::{CachePolicy, Config, ErrorKind, Served, Stale};
use ultracart_sim::{Fault, Histories, Operation, RetryAfter, Sim};

use super::read_for_a_day;
use crate::client;
use crate::support::{Account, MINUTE, SECOND, hold_permit, no_retries, run_until_idle, spawn, user_id};

#[tokio::test(start_paused = true)]
async fn reads_each_minute_of_a_day_cost_722_calls() {
    let sim = Sim::builder().users(50).record_requests(0).latency(Duration::from_millis(300)).build();
    let client = client(&sim, Config::default());
    read_for_a_day(&client.user_api(), |_| {}).await;
    let stats = client.cache_snapshot().total();
    println!("1,440 × 2 reads in a day took {} calls; {stats:?}", sim.calls());
    assert_eq!(stats.hits + stats.misses + stats.joins, 2_880);
    assert_eq!(stats.calls_saved, 2_880 - sim.calls());
    assert_eq!((sim.rejections(), sim.overlaps()), (0, 0));
    assert!(sim.calls() <= 2 * 360 + 2, "{}", sim.calls());
}

#[tokio::test(start_paused = true)]
async fn refresh_ahead_leaves_a_tenth_of_the_quota() {
    for (pages, is_refreshed) in [(36, true), (37, false)] {
        let sim = Sim::builder().users(pages).page_size(1).build();
        let mut config = Config::default();
        config.limiter.spare = 0;
        config.limiter.windows[0].burst = Some(40);
        let client = client(&sim, config);
        let api = client.user_api();
        api.get_users().await.unwrap();
        tokio::time::advance(Duration::from_secs(270)).await;
        for _ in 0..100 {
            assert_eq!(api.get_users().await.unwrap().calls(), 0);
        }
        for _ in 0..600 {
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        let stats = client.cache_snapshot().users;
        assert_eq!(
            (stats.refreshes == 1, stats.refreshes_skipped == 0),
            (is_refreshed, is_refreshed),
            "{pages}"
        );
        assert_eq!(stats.refreshes_skipped, u64::from(!is_refreshed), "all reads skip one refresh");
        // A foreground read still makes its call.
        assert_eq!(api.get_user_logins(user_id(&sim, 0)).await.unwrap().calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn single_user_is_never_refreshed_ahead() {
    // The list has two pages, so a refresh would cost two calls.
    let sim = Sim::builder().users(20).page_size(10).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_users().await.unwrap();
    api.get_user(id).await.unwrap();
    tokio::time::advance(Duration::from_mins(6)).await;
    assert_eq!(api.get_user(id).await.unwrap().calls(), 1);
    assert_eq!(sim.calls(), 2 + 1 + 1);
    tokio::time::advance(Duration::from_secs(290)).await;
    assert_eq!(api.get_user(id).await.unwrap().calls(), 0);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(sim.calls(), 2 + 1 + 1);
    // A user that is cached alone causes no refresh of the list.
    let sim = Sim::builder().users(20).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_users().await.unwrap();
    tokio::time::advance(Duration::from_mins(1)).await;
    api.cache_policy(CachePolicy::Refresh).get_user(id).await.unwrap();
    tokio::time::advance(Duration::from_secs(250)).await;
    assert_eq!(api.get_user(id).await.unwrap().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn refresh_ahead_is_skipped_during_retry_after() {
    let sim = Sim::builder().users(5).build();
    let client = client(&sim, Config::default());
    let api = client.user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_users().await.unwrap();
    tokio::time::advance(Duration::from_mins(4)).await;
    // The 429 names no window, so that every window still has its reserve.
    let rejection = Fault::too_many_requests().message("slow down").retry_after(RetryAfter::Seconds(20));
    sim.fault(rejection.on(Operation::GetUserLogins));
    let logins = spawn(&api, |api| async move { api.get_user_logins(id).await.map(drop) });
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(client.cache_snapshot().users.refreshes_skipped, 1);
    logins.await.unwrap().unwrap();
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(client.cache_snapshot().users.refreshes, 1);
}

#[tokio::test(start_paused = true)]
async fn due_list_is_refreshed_once_without_waiting() {
    let sim = Sim::builder().users(5).build();
    let client = client(&sim, Config::default());
    let api = client.user_api();
    let first = api.get_users().await.unwrap();
    tokio::time::advance(239 * SECOND).await;
    api.get_users().await.unwrap();
    run_until_idle().await;
    assert_eq!(sim.calls(), 1);
    tokio::time::advance(SECOND).await;
    for _ in 0..100 {
        assert!(Arc::ptr_eq(api.get_users().await.unwrap().as_ref(), first.as_ref()));
    }
    run_until_idle().await;
    assert_eq!((sim.calls(), client.cache_snapshot().users.refreshes), (2, 1));
    let second = api.get_users().await.unwrap();
    assert_eq!((second.calls(), second.age()), (0, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn reader_at_expiry_joins_the_refresh() {
    let sim = Sim::builder().users(5).build();
    let mut config = Config::default();
    config.http.request_timeout = 5 * MINUTE;
    let api = client(&sim, config).user_api();
    api.get_users().await.unwrap();
    tokio::time::advance(4 * MINUTE).await;
    sim.fault(Fault::slow_headers(70 * SECOND).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    run_until_idle().await;
    tokio::time::advance(MINUTE).await;
    let users = api.get_users().await.unwrap();
    assert_eq!((users.calls(), users.age(), sim.calls()), (0, 70 * SECOND, 2));
}

/// Returns the operations in the order in which they were sent.
fn sent_operations(sim: &Sim) -> Vec<Operation> {
    sim.requests().iter().filter_map(|request| request.operation).collect()
}

#[tokio::test(start_paused = true)]
async fn queued_refresh_is_sent_after_foreground_calls() {
    use Operation::{GetGroups, GetUserLogins, GetUsers};
    // A foreground caller reads another value, or the same list after a change.
    for is_changed in [false, true] {
        let account = Account::new(Sim::builder().users(5));
        let (api, sim, id) = (&account.api, &account.sim, account.id(1));
        api.get_users().await.unwrap();
        tokio::time::advance(4 * MINUTE).await;
        hold_permit(sim, api, 10 * SECOND).await;
        assert_eq!(api.get_users().await.unwrap().calls(), 0);
        run_until_idle().await;
        let mut readers = Vec::new();
        if is_changed {
            account.rename(id, "Ada L.");
            account.deliver();
            readers.push(spawn(api, |api| async move { api.get_users().await.map(drop) }));
            run_until_idle().await;
            tokio::time::advance(SECOND).await;
            run_until_idle().await;
        }
        readers.push(spawn(api, move |api| async move { api.get_user_logins(id).await.map(drop) }));
        for reader in readers {
            reader.await.unwrap().unwrap();
        }
        tokio::time::advance(MINUTE).await;
        run_until_idle().await;
        let [first, second] = if is_changed { [GetUsers, GetUserLogins] } else { [GetUserLogins, GetUsers] };
        assert_eq!(sent_operations(sim), [GetUsers, GetGroups, first, second]);
        // A refresh that was never sent is not counted.
        assert_eq!(account.client.cache_snapshot().users.refreshes, u64::from(!is_changed));
    }
}

#[tokio::test(start_paused = true)]
async fn failing_refresh_backs_off() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, no_retries()).user_api();
    api.get_users().await.unwrap();
    sim.fault(Fault::status_500().on(Operation::GetUsers).always());
    // From 240 s on a refresh is due every 15 s. The failures are cached for 5, 10 and 20 s.
    for (seconds, calls) in [(240, 2), (15, 3), (15, 4), (15, 4)] {
        tokio::time::advance(seconds * SECOND).await;
        assert_eq!(api.get_users().await.unwrap().calls(), 0);
        run_until_idle().await;
        assert_eq!(sim.calls(), calls);
    }
    tokio::time::advance(20 * SECOND).await;
    let stale = api.cache_policy(CachePolicy::StaleAllowed);
    stale.get_users().await.unwrap();
    run_until_idle().await;
    for _ in 0..10 {
        let users = stale.get_users().await.unwrap();
        assert_eq!(users.served(), Served::Stale(Stale::Failed(ErrorKind::Server)));
    }
    run_until_idle().await;
    assert_eq!(sim.calls(), 5);
    // After a 401, the expired list is not served.
    sim.clear_faults();
    sim.fault(Fault::unauthorized_401().on(Operation::GetUsers));
    tokio::time::advance(5 * MINUTE).await;
    stale.get_users().await.unwrap();
    run_until_idle().await;
    assert_eq!(stale.get_users().await.unwrap_err().kind(), ErrorKind::Unauthorized);
}

#[tokio::test(start_paused = true)]
async fn refresh_at_one_never_refreshes_ahead() {
    let sim = Sim::builder().users(5).build();
    let mut config = Config::default();
    config.cache.users.refresh_at = 1.0;
    let api = client(&sim, config).user_api();
    api.get_users().await.unwrap();
    for _ in 0..299 {
        tokio::time::advance(SECOND).await;
        assert_eq!(api.get_users().await.unwrap().calls(), 0);
        run_until_idle().await;
    }
    assert_eq!(sim.calls(), 1);
}
