//! Promise 6: values are refreshed before they expire, behind foreground calls and within a reserve.

use std::time::Duration;

use ultracart_client::{CachePolicy, Config};
use ultracart_sim::{Fault, Histories, Operation, RetryAfter, Sim};

use super::read_for_a_day;
use crate::client;
use crate::support::spawn;

#[tokio::test(start_paused = true)]
async fn reads_each_minute_of_a_day_cost_722_calls() {
    let sim = Sim::builder().users(50).keep_requests(0).latency(Duration::from_millis(300)).build();
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
    for (parts, is_read) in [(36, true), (37, false)] {
        let sim = Sim::builder().users(parts).page_size(1).build();
        let mut config = Config::default();
        config.limiter.spare = 0;
        config.limiter.windows[0].burst = Some(40);
        let client = client(&sim, config);
        let api = client.user_api();
        api.get_users().await.unwrap();
        tokio::time::advance(Duration::from_secs(270)).await;
        assert_eq!(api.get_users().await.unwrap().calls(), 0);
        for _ in 0..600 {
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        let stats = client.cache_snapshot().users;
        assert_eq!((stats.refreshes == 1, stats.refreshes_skipped == 0), (is_read, is_read), "{parts}");
    }
}

#[tokio::test(start_paused = true)]
async fn single_user_is_never_refreshed_ahead() {
    // A list in two parts would cost two.
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
    // Nor is a list for one that is good by itself.
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
    // It names no window: what is left of each looks like enough.
    let refusal = Fault::too_many_requests().message("slow down").retry_after(RetryAfter::Seconds(20));
    sim.fault(refusal.on(Operation::GetUserLogins));
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
