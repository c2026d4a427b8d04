//! Promise 10: while webhook events arrive, users and logins live for `webhook_ttl`.

use std::time::Duration;

use ultracart_client::config::Cache;
use ultracart_client::{CachePolicy, Config};
use ultracart_sim::{Sim, Webhook, WebhookFault};

use super::read_for_a_day;
use crate::support::{Account, MINUTE, SECOND};

#[tokio::test(start_paused = true)]
async fn change_with_a_lost_event_shows_within_an_hour() {
    let account = Account::new(Sim::builder().users(20));
    let [id, other] = [7, 8].map(|index| account.id(index));
    account.sim.add_login(other, "192.0.2.7", "curl/8");
    account.deliver();
    tokio::time::advance(Duration::from_secs(1)).await;
    let before = account.name(id).await;
    account.sim.webhook_fault(WebhookFault::lost());
    account.rename(id, "Ada L.");
    for _ in 0..9 {
        tokio::time::advance(Duration::from_mins(5)).await;
        account.sim.add_login(other, "192.0.2.7", "curl/8");
        account.deliver();
        assert_eq!(account.name(id).await, before);
    }
    assert_eq!(account.sim.calls(), 1);
    tokio::time::advance(Duration::from_mins(15)).await;
    assert_eq!(account.name(id).await, "Ada L.");
    assert_eq!(account.sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn zero_ttl_with_webhooks_caches_nothing() {
    let mut config = Config::default();
    config.cache = Cache::off();
    let account = Account::with(Sim::builder().users(20), Webhook::new(), config);
    account.sim.add_login(account.id(0), "192.0.2.7", "curl/8");
    account.deliver();
    account.api.get_users().await.unwrap();
    account.api.get_users().await.unwrap();
    assert_eq!(account.sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn groups_keep_their_own_ttl_with_webhooks() {
    let account = Account::new(Sim::builder().users(5).groups(3));
    account.sim.add_login(account.id(0), "192.0.2.7", "curl/8");
    account.deliver();
    tokio::time::advance(Duration::from_secs(1)).await;
    let oid = account.api.get_groups().await.unwrap()[0].group_oid.unwrap();
    account.sim.edit_group(oid, |group| group.name = Some("Night shift".into()));
    tokio::time::advance(Duration::from_mins(5)).await;
    let groups = account.api.get_groups().await.unwrap();
    assert_eq!(groups.get(oid).unwrap().name.as_deref(), Some("Night shift"));
}

#[tokio::test(start_paused = true)]
async fn reads_of_a_day_with_webhooks_cost_50_user_calls() {
    let builder = Sim::builder().users(50).record_requests(0).latency(Duration::from_millis(300));
    let account = Account::new(builder);
    // A user logs in every ten minutes, and another program renames a user every two hours.
    read_for_a_day(&account.api, |minute| {
        if minute % 10 == 0 {
            account.sim.add_login(account.id(usize::try_from(minute).unwrap() % 50), "192.0.2.7", "curl/8");
        }
        if minute % 120 == 60 {
            account.rename(account.id(7), &format!("Name {minute}"));
        }
        account.deliver();
    })
    .await;
    let stats = account.client.cache_snapshot();
    println!(
        "1,440 × 2 reads in a day took {} calls with webhooks, {} of them for users",
        account.sim.calls(),
        stats.users.misses + stats.users.refreshes
    );
    assert_eq!(account.name(account.id(7)).await, "Name 1380");
    assert!(stats.users.misses + stats.users.refreshes <= 50, "{stats:?}");
    assert_eq!((account.sim.rejections(), account.sim.overlaps()), (0, 0));
}

/// Lets a user log in and delivers the event. An event of a login invalidates no cached user.
fn log_in(account: &Account) {
    account.sim.add_login(account.id(0), "192.0.2.7", "curl/8");
    assert_eq!(account.deliver(), 1);
}

#[tokio::test(start_paused = true)]
async fn list_from_before_the_first_event_keeps_its_ttl() {
    let account = Account::new(Sim::builder().users(5));
    let cached = account.api.cache_policy(CachePolicy::OnlyIfCached);
    account.api.get_users().await.unwrap();
    // The list was read before the first event, so an event may have been lost.
    log_in(&account);
    tokio::time::advance(5 * MINUTE).await;
    assert!(cached.get_users().await.is_err());
    account.api.get_users().await.unwrap();
    tokio::time::advance(45 * MINUTE).await;
    assert!(cached.get_users().await.is_ok());
    log_in(&account);
    tokio::time::advance(14 * MINUTE).await;
    assert!(cached.get_users().await.is_ok());
    tokio::time::advance(MINUTE).await;
    assert!(cached.get_users().await.is_err());
    // After an hour without events, events may have been lost, so the list expires.
    account.api.get_users().await.unwrap();
    tokio::time::advance(44 * MINUTE).await;
    assert!(cached.get_users().await.is_ok());
    tokio::time::advance(MINUTE).await;
    assert!(cached.get_users().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn list_loaded_without_recent_events_keeps_its_ttl() {
    let account = Account::new(Sim::builder().users(5));
    let cached = account.api.cache_policy(CachePolicy::OnlyIfCached);
    log_in(&account);
    tokio::time::advance(Duration::from_hours(2)).await;
    account.api.get_users().await.unwrap();
    tokio::time::advance(5 * MINUTE).await;
    log_in(&account);
    assert!(cached.get_users().await.is_err());
    tokio::time::advance(SECOND).await;
    account.api.get_users().await.unwrap();
    tokio::time::advance(45 * MINUTE).await;
    assert!(cached.get_users().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn logins_live_for_webhook_ttl() {
    let mut config = Config::default();
    config.cache.logins.refresh_at = 1.0;
    let account = Account::with(Sim::builder().users(5), Webhook::new(), config);
    let [id, other] = [1, 2].map(|index| account.id(index));
    log_in(&account);
    tokio::time::advance(SECOND).await;
    account.api.get_user_logins(id).await.unwrap();
    account.api.get_user(other).await.unwrap();
    for _ in 0..5 {
        tokio::time::advance(10 * MINUTE).await;
        log_in(&account);
        assert_eq!(account.api.get_user_logins(id).await.unwrap().calls(), 0);
        assert_eq!(account.api.get_user(other).await.unwrap().calls(), 0);
    }
    tokio::time::advance(10 * MINUTE).await;
    assert_eq!(account.api.get_user_logins(id).await.unwrap().calls(), 1);
    assert_eq!(account.api.get_user(other).await.unwrap().calls(), 1);
}
