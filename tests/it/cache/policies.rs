//! Promise 11: cache policies per call.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use ultracart_client::config::Cache;
use ultracart_client::{CachePolicy, Config, ErrorKind, Users};
use ultracart_sim::{Fault, Operation, Sim};

use crate::support::{SECOND, group_oid, run_until_idle, spawn, user_id};
use crate::{client, two_at_a_time};

#[tokio::test(start_paused = true)]
async fn zero_ttl_caches_nothing() {
    let sim = Sim::builder().users(5).build();
    let mut config = Config::default();
    config.cache = Cache::off();
    let api = client(&sim, config).user_api();
    api.get_users().await.unwrap();
    api.get_users().await.unwrap();
    assert_eq!(sim.calls(), 2);
    for policy in [
        CachePolicy::Default,
        CachePolicy::NeverStale,
        CachePolicy::StaleAllowed,
        CachePolicy::Refresh,
        CachePolicy::Bypass,
    ] {
        assert_eq!(api.cache_policy(policy).get_users().await.unwrap().calls(), 1, "{policy:?}");
    }
    let error = api.cache_policy(CachePolicy::OnlyIfCached).get_users().await.unwrap_err();
    assert_eq!((error.kind(), sim.calls()), (ErrorKind::NotCached, 2 + 5));
}

#[tokio::test(start_paused = true)]
async fn refresh_shares_only_later_calls() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let refresh = api.cache_policy(CachePolicy::Refresh);
    let id = user_id(&sim, 0);
    let name = |users: &Users| users.get(id).unwrap().full_name.clone();
    let before = name(&api.get_users().await.unwrap());
    tokio::time::advance(SECOND).await;
    sim.fault(Fault::slow_headers(3 * SECOND).on(Operation::GetUsers));
    let first = spawn(&refresh, |api| async move { api.get_users().await });
    run_until_idle().await;
    sim.edit_user(id, |user| user.full_name = Some("Ada L.".into()));
    // These reads start after the first call was sent, and share the next one.
    let others: Vec<_> =
        (0..50).map(|_| spawn(&refresh, |api| async move { api.get_users().await })).collect();
    run_until_idle().await;
    // A default read is served from the cache meanwhile.
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
    assert_eq!(name(&first.await.unwrap().unwrap()), before);
    for other in others {
        assert_eq!(name(&other.await.unwrap().unwrap()).as_deref(), Some("Ada L."));
    }
    assert_eq!(name(&api.get_users().await.unwrap()).as_deref(), Some("Ada L."));
    assert_eq!(sim.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn refresh_is_served_by_a_later_refresh() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let refresh = api.cache_policy(CachePolicy::Refresh);
    sim.fault(Fault::slow_headers(3 * SECOND).on(Operation::GetUsers));
    let first = spawn(&api, |api| async move { api.get_users().await.map(drop) });
    run_until_idle().await;
    // Both futures are polled once now, and again much later.
    let mut context = Context::from_waker(Waker::noop());
    let mut slow = pin!(refresh.get_users());
    assert!(slow.as_mut().poll(&mut context).is_pending());
    let mut slower = pin!(refresh.get_users());
    assert!(slower.as_mut().poll(&mut context).is_pending());
    sim.fault(Fault::slow_headers(3 * SECOND).on(Operation::GetUsers));
    let other = spawn(&refresh, |api| async move { api.get_users().await.map(drop) });
    first.await.unwrap().unwrap();
    // `slow` is polled while the later call is in flight, and `slower` when that call has ended.
    tokio::time::advance(SECOND).await;
    run_until_idle().await;
    assert_eq!(sim.calls(), 2);
    assert!(slow.as_mut().poll(&mut context).is_pending());
    other.await.unwrap().unwrap();
    slow.await.unwrap();
    slower.await.unwrap();
    assert_eq!(sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn bypass_shares_and_caches_nothing() {
    let sim = Sim::builder().users(5).latency(SECOND).build();
    let api = client(&sim, Config::default()).user_api();
    let bypass = api.cache_policy(CachePolicy::Bypass);
    let id = user_id(&sim, 0);
    let first = api.get_users().await.unwrap();
    sim.edit_user(id, |user| user.full_name = Some("Ada L.".into()));
    let (one, other) = tokio::join!(bypass.get_users(), bypass.get_users());
    for users in [one, other] {
        let users = users.unwrap();
        assert_eq!(users.calls(), 1);
        assert_eq!(users.get(id).unwrap().full_name.as_deref(), Some("Ada L."));
    }
    assert_eq!(sim.calls(), 3);
    assert!(Arc::ptr_eq(api.get_users().await.unwrap().as_ref(), first.as_ref()));
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_makes_no_call() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let (id, oid) = (user_id(&sim, 0), group_oid(&sim, 0));
    let read = async |policy| {
        let api = api.cache_policy(policy);
        [
            api.get_users().await.map(|users| users.calls()),
            api.get_user(id).await.map(|user| user.calls()),
            api.get_groups().await.map(|groups| groups.calls()),
            api.get_group(oid).await.map(|group| group.calls()),
            api.get_user_logins(id).await.map(|logins| logins.calls()),
        ]
    };
    for result in read(CachePolicy::OnlyIfCached).await {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::NotCached);
    }
    assert_eq!(sim.calls(), 0);
    assert!(read(CachePolicy::Default).await.iter().all(Result::is_ok));
    for result in read(CachePolicy::OnlyIfCached).await {
        assert_eq!(result.unwrap(), 0);
    }
    assert_eq!(sim.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn refresh_does_not_wait_for_a_load_in_flight() {
    let sim = Sim::builder().users(5).max_in_flight(2).build();
    let api = client(&sim, two_at_a_time()).user_api();
    let id = user_id(&sim, 0);
    sim.fault(Fault::slow_headers(10 * SECOND).on(Operation::GetUsers));
    let slow = spawn(&api, |api| async move { api.get_users().await.map(drop) });
    run_until_idle().await;
    sim.edit_user(id, |user| user.full_name = Some("Ada L.".into()));
    let users = api.cache_policy(CachePolicy::Refresh).get_users().await.unwrap();
    assert_eq!((users.calls(), slow.is_finished()), (1, false));
    // The value of the load that was sent later stays in the cache.
    slow.await.unwrap().unwrap();
    let users = api.get_users().await.unwrap();
    assert_eq!((users.calls(), users.get(id).unwrap().full_name.as_deref()), (0, Some("Ada L.")));
    assert_eq!(sim.calls(), 2);
}
