//! Promise 3: once a write has returned, new reads never show an older version of the written object. For
//! servers whose lists lag, see `lagging_lists`.

use std::time::Duration;

use ultracart_client::Config;
use ultracart_client::model::{Group, User};
use ultracart_sim::{Fault, Operation, Sim};

use crate::support::{SECOND, run_until_idle, spawn, user_id};
use crate::{client, two_at_a_time};

#[tokio::test(start_paused = true)]
async fn read_after_write_shows_it() {
    let sim = Sim::builder().users(5).groups(2).latency(Duration::from_secs(1)).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_users().await.unwrap();
    // The load begins before the write, and both run at the same time.
    let load = spawn(&api, |api| async move { api.get_groups().await.map(drop) });
    tokio::task::yield_now().await;
    api.update_user_with(id, |user| user.full_name = Some("Changed".into())).await.unwrap();
    load.await.unwrap().unwrap();

    let calls = sim.calls();
    assert_eq!(api.get_users().await.unwrap().get(id).unwrap().full_name.as_deref(), Some("Changed"));
    api.get_groups().await.unwrap();
    assert_eq!(sim.calls() - calls, 2);
}

#[tokio::test(start_paused = true)]
async fn failed_write_invalidates() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    api.get_users().await.unwrap();
    sim.fault(Fault::reset_after().on(Operation::InsertUser));
    let new = ultracart_client::model::User::new().login("ada.l");
    api.insert_user(&new).await.unwrap_err();
    assert_eq!(api.get_users().await.unwrap().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn load_overtaken_by_write_is_not_cached() {
    let sim = Sim::builder().users(5).groups(2).max_in_flight(2).build();
    let api = client(&sim, two_at_a_time()).user_api();
    let slow = Fault::slow_body(Duration::from_secs(10)).on(Operation::GetGroups);
    sim.fault(slow);
    let load = spawn(&api, |api| async move { api.get_groups().await.map(|groups| groups.len()) });
    tokio::time::advance(Duration::from_secs(1)).await;
    let new = api.insert_group(&Group::new().name("New")).await.unwrap();
    // The caller of the older load gets the list as it was sent.
    assert_eq!(load.await.unwrap().unwrap(), 2);
    assert!(api.get_groups().await.unwrap().get(new.group_oid.unwrap()).is_some());
    assert_eq!((sim.calls(), sim.rejections()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn write_of_dropped_caller_invalidates_at_its_end() {
    let sim = Sim::builder().users(5).max_in_flight(2).build();
    let api = client(&sim, two_at_a_time()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    // The server takes ten seconds for the write.
    sim.fault(Fault::slow_headers(Duration::from_secs(10)).on(Operation::UpdateUser));
    let write = spawn(&api, |api| async move { api.update_user(id, &User::new().phone("555-0100")).await });
    tokio::time::advance(Duration::from_secs(1)).await;
    write.abort();
    assert!(write.await.is_err());
    api.get_users().await.unwrap();
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::task::yield_now().await;
    assert_eq!(api.get_users().await.unwrap().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn queued_write_invalidates_nothing() {
    let sim = Sim::builder().users(5).build();
    let mut config = Config::default();
    config.limiter.windows[0].burst = Some(4);
    let api = client(&sim, config).user_api();
    api.get_users().await.unwrap();
    let id = sim.users()[0].user_id.unwrap();
    let write = spawn(&api, |api| async move { api.update_user(id, &User::new().phone("555-0100")).await });
    tokio::task::yield_now().await;
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
    write.await.unwrap().unwrap();
    assert_eq!(api.get_users().await.unwrap().get(id).unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn overlapping_write_responses_are_not_served() {
    let sim = Sim::builder().users(5).max_in_flight(2).build();
    let api = client(&sim, two_at_a_time()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    sim.fault(Fault::slow_body(Duration::from_secs(10)).on(Operation::UpdateUser));
    let first = spawn(&api, |api| async move { api.update_user(id, &User::new().phone("555-0100")).await });
    tokio::time::advance(Duration::from_secs(1)).await;
    api.update_user(id, &User::new().phone("555-0101")).await.unwrap();
    first.await.unwrap().unwrap();
    let user = api.get_user(id).await.unwrap();
    assert_eq!((user.phone.as_deref(), user.calls()), (Some("555-0101"), 1));
}

#[tokio::test(start_paused = true)]
async fn list_changed_between_its_pages_is_not_cached() {
    let sim = Sim::builder().users(20).page_size(10).build();
    let api = client(&sim, two_at_a_time()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    sim.fault(Fault::slow_headers(Duration::from_secs(10)).on(Operation::GetUsers).nth(2));
    let load = spawn(&api, |api| async move { api.get_users().await.map(drop) });
    tokio::time::advance(Duration::from_secs(1)).await;
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    load.await.unwrap().unwrap();
    let users = api.get_users().await.unwrap();
    assert_eq!(users.get(id).unwrap().phone.as_deref(), Some("555-0100"));
    assert_eq!(users.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn read_during_a_write_reloads() {
    let sim = Sim::builder().users(5).max_in_flight(2).build();
    let api = client(&sim, two_at_a_time()).user_api();
    let id = user_id(&sim, 0);
    api.get_users().await.unwrap();
    tokio::time::advance(SECOND).await;
    sim.fault(Fault::slow_headers(10 * SECOND).on(Operation::UpdateUser));
    let write = spawn(&api, move |api| async move { api.update_user(id, &User::new().phone("1")).await });
    run_until_idle().await;
    let users = api.get_users().await.unwrap();
    assert_eq!((users.calls(), users.get(id).unwrap().phone.as_deref()), (1, Some("1")));
    // The end of the write invalidates a value that was read during it.
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
    write.await.unwrap().unwrap();
    assert_eq!(api.get_users().await.unwrap().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_of_a_write_invalidates() {
    let sim = Sim::builder().users(5).max_in_flight(2).build();
    let mut config = two_at_a_time();
    config.limiter.quarantine = Duration::ZERO;
    config.retry.base_delay = 10 * SECOND;
    let api = client(&sim, config).user_api();
    let id = user_id(&sim, 0);
    sim.fault(Fault::reset_before().on(Operation::UpdateUser));
    sim.fault(Fault::slow_headers(10 * SECOND).on(Operation::UpdateUser));
    let write = spawn(&api, move |api| async move { api.update_user(id, &User::new().phone("1")).await });
    run_until_idle().await;
    api.get_users().await.unwrap();
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
    while sim.calls() < 3 {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    let users = api.get_users().await.unwrap();
    assert_eq!((users.calls(), users.get(id).unwrap().phone.as_deref()), (1, Some("1")));
    assert!(!write.is_finished());
    write.await.unwrap().unwrap();
}
