//! Promise 12: personal data is removed from memory, and never shared between credentials.

use std::sync::Arc;
use std::time::Duration;

use ultracart_client::limiter::Limiter;
use ultracart_client::model::{Group, User};
use ultracart_client::{CachePolicy, Client, Config, UserApi};
use ultracart_sim::{Fault, Operation, Sim};

use crate::client;
use crate::support::{MINUTE, SECOND, group_oid, run_until_idle, spawn, user_id};

/// Builds a client with this key and this limiter, which clients can share.
fn client_with_key(sim: &Sim, key: &str, limiter: &Limiter) -> UserApi {
    let builder = Client::builder().simple_key(key).limiter(limiter.clone());
    builder.service(sim.service()).build().unwrap().user_api()
}

#[tokio::test(start_paused = true)]
async fn clients_of_two_credentials_share_nothing() {
    let limiter = Limiter::new(&Config::default().limiter).unwrap();
    let sims =
        ["first", "second"].map(|key| Sim::builder().users(5).seed(key.len() as u64).simple_key(key).build());
    let apis = ["first", "second"].map(|key| client_with_key(&sims[key.len() - 5], key, &limiter));
    let id = sims[0].users()[0].user_id.unwrap();
    for (sim, api) in sims.iter().zip(&apis) {
        assert_eq!(api.get_users().await.unwrap().get(id).unwrap().email, sim.user(id).unwrap().email);
        assert_eq!(api.get_user(id).await.unwrap().email, sim.user(id).unwrap().email);
        assert!(!api.get_user_logins(id).await.unwrap().is_empty());
        assert_eq!(sim.calls(), 3);
    }
    assert_ne!(sims[0].user(id).unwrap().email, sims[1].user(id).unwrap().email);
    // A write through one client does not show in the other.
    apis[0].update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    assert_ne!(apis[1].get_user(id).await.unwrap().phone.as_deref(), Some("555-0100"));
    assert_eq!(apis[1].get_users().await.unwrap().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn cleared_cache_holds_nothing() {
    let sim = Sim::builder().users(5).groups(3).build();
    let client = client(&sim, Config::default());
    let api = client.user_api();
    let [id, other] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    let oid = sim.groups()[0].group_oid.unwrap();
    api.update_user(other, &User::new().phone("555-0100")).await.unwrap();
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    let held = (
        api.get_users().await.unwrap().into_inner(),
        api.get_user(id).await.unwrap().into_inner(),
        api.get_user(other).await.unwrap().into_inner(),
        api.get_groups().await.unwrap().into_inner(),
        api.get_group(oid).await.unwrap().into_inner(),
        api.get_user_logins(id).await.unwrap().into_inner(),
    );
    let dropped = (
        std::sync::Arc::downgrade(&held.0),
        std::sync::Arc::downgrade(&held.1),
        std::sync::Arc::downgrade(&held.2),
        std::sync::Arc::downgrade(&held.3),
        std::sync::Arc::downgrade(&held.4),
        std::sync::Arc::downgrade(&held.5),
    );
    drop(held);
    let api_of_thread = api.clone();
    assert!(api.get_user(999_999.into()).await.unwrap_err().is_not_found());
    // Another thread reads the list and ends. It must not retain a copy.
    std::thread::scope(|scope| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        scope.spawn(move || runtime.block_on(api_of_thread.get_users()).unwrap().calls()).join().unwrap()
    });
    client.clear_cache();
    // moka drops values with a delay.
    let mut left = [1; 6];
    for _ in 0..100_000 {
        client.clear_cache();
        std::thread::yield_now();
        left = [
            dropped.0.strong_count(),
            dropped.1.strong_count(),
            dropped.2.strong_count(),
            dropped.3.strong_count(),
            dropped.4.strong_count(),
            dropped.5.strong_count(),
        ];
        if left == [0; 6] {
            break;
        }
    }
    assert_eq!(left, [0; 6], "users, groups and logins");
    let cached = api.cache_policy(CachePolicy::OnlyIfCached);
    assert!(cached.get_users().await.is_err() && cached.get_user(other).await.is_err());
    assert!(cached.get_groups().await.is_err() && cached.get_user_logins(id).await.is_err());
    // No failure and no stale value is left.
    assert_eq!(api.get_user(999_999.into()).await.unwrap_err().attempts(), 1);
    let stale = api.cache_policy(CachePolicy::StaleAllowed);
    assert_eq!(stale.get_users().await.unwrap().calls(), 1);
    assert_eq!(stale.get_user(id).await.unwrap().calls(), 1);
    assert_eq!(stale.get_user_logins(id).await.unwrap().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn load_in_flight_at_clear_is_not_cached() {
    let sim = Sim::builder().users(5).build();
    let client = client(&sim, Config::default());
    let api = client.user_api();
    let id = user_id(&sim, 0);
    sim.fault(Fault::slow_headers(3 * SECOND).on(Operation::GetUsers));
    sim.fault(Fault::slow_headers(3 * SECOND).on(Operation::GetUser));
    sim.fault(Fault::slow_headers(3 * SECOND).on(Operation::GetUserLogins));
    let users = spawn(&api, |api| async move { api.get_users().await.map(drop) });
    run_until_idle().await;
    client.clear_cache();
    users.await.unwrap().unwrap();
    let user = spawn(&api, move |api| async move { api.get_user(id).await.map(drop) });
    tokio::time::advance(SECOND).await;
    run_until_idle().await;
    client.clear_cache();
    user.await.unwrap().unwrap();
    let logins = spawn(&api, move |api| async move { api.get_user_logins(id).await.map(drop) });
    tokio::time::advance(SECOND).await;
    run_until_idle().await;
    client.clear_cache();
    logins.await.unwrap().unwrap();
    assert_eq!(sim.calls(), 3);
    let cached = api.cache_policy(CachePolicy::OnlyIfCached);
    assert!(cached.get_users().await.is_err());
    assert!(cached.get_user(id).await.is_err());
    assert!(cached.get_user_logins(id).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn data_past_its_stale_if_error_leaves_memory() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let (id, oid) = (user_id(&sim, 0), group_oid(&sim, 0));
    let users = Arc::downgrade(&api.get_users().await.unwrap().into_inner());
    let groups = Arc::downgrade(&api.get_groups().await.unwrap().into_inner());
    let group = Arc::downgrade(&api.get_group(oid).await.unwrap().into_inner());
    let user = Arc::downgrade(&api.get_user(id).await.unwrap().into_inner());
    let logins = Arc::downgrade(&api.get_user_logins(id).await.unwrap().into_inner());
    let left = || {
        let objects = [user.strong_count(), group.strong_count()];
        [users.strong_count() + groups.strong_count(), objects.iter().sum(), logins.strong_count()]
    };
    assert!(left().iter().all(|count| *count > 0));
    // In an outage, a value may be served for a day after its TTL of five minutes.
    tokio::time::advance(Duration::from_hours(24) + 5 * MINUTE).await;
    let cached = api.cache_policy(CachePolicy::OnlyIfCached);
    assert!(cached.get_users().await.is_err() && cached.get_groups().await.is_err());
    assert!(cached.get_user(id).await.is_err() && cached.get_group(oid).await.is_err());
    assert!(cached.get_user_logins(id).await.is_err());
    // moka drops values with a delay, during later operations.
    for _ in 0..100_000 {
        if left() == [0; 3] {
            break;
        }
        std::thread::yield_now();
        _ = cached.get_user(id).await;
        _ = cached.get_user_logins(id).await;
        _ = cached.get_group(oid).await;
    }
    assert_eq!(left(), [0; 3], "lists, objects and logins");
}

#[tokio::test(start_paused = true)]
async fn write_response_past_its_bound_leaves_memory() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|index| user_id(&sim, index));
    api.get_user(id).await.unwrap();
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    let response = api.get_user(id).await.unwrap();
    assert_eq!(response.calls(), 0);
    let response = Arc::downgrade(&response.into_inner());
    tokio::time::advance(Duration::from_hours(24) + 5 * MINUTE).await;
    let cached = api.cache_policy(CachePolicy::OnlyIfCached);
    assert!(cached.get_user(id).await.is_err());
    for _ in 0..100_000 {
        if response.strong_count() == 0 {
            break;
        }
        std::thread::yield_now();
        _ = cached.get_user(other).await;
    }
    assert_eq!(response.strong_count(), 0);
}
