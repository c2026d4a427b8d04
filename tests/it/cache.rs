//! What is remembered, and for how long.

use std::time::Duration;

use ultracart_client::Config;
use ultracart_client::config::Cache;
use ultracart_client::model::Group;
use ultracart_sim::{Fault, Operation, Sim};

use crate::client;

#[tokio::test(start_paused = true)]
async fn a_list_is_read_once_while_it_is_good() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let first = api.get_users().await.unwrap();
    tokio::time::advance(Duration::from_secs(299)).await;
    assert!(std::sync::Arc::ptr_eq(&first, &api.get_users().await.unwrap()));
    assert_eq!(sim.calls(), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    api.get_users().await.unwrap();
    assert_eq!(sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn many_callers_make_one_call() {
    let sim = Sim::builder().users(5).latency(Duration::from_secs(1)).build();
    let api = client(&sim, Config::default()).user_api();
    let callers: Vec<_> = (0..1_000)
        .map(|_| {
            tokio::spawn({
                let api = api.clone();
                async move { api.get_users().await.unwrap().len() }
            })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 5);
    }
    assert_eq!(sim.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_from_before_a_write_is_seen_after_it() {
    let sim = Sim::builder().users(5).groups(2).latency(Duration::from_secs(1)).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_users().await.unwrap();
    // A load that begins before the write, and a write that overtakes it in the caller's program.
    let load = tokio::spawn({
        let api = api.clone();
        async move { api.get_groups().await.map(drop) }
    });
    tokio::task::yield_now().await;
    api.update_user_with(id, |user| user.full_name = Some("Changed".into())).await.unwrap();
    load.await.unwrap().unwrap();

    let calls = sim.calls();
    assert_eq!(api.get_users().await.unwrap().get(id).unwrap().full_name.as_deref(), Some("Changed"));
    api.get_groups().await.unwrap();
    assert_eq!(sim.calls() - calls, 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_invalidates_too() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    api.get_users().await.unwrap();
    sim.fault(Fault::reset_after().on(Operation::InsertUser));
    let new = ultracart_client::model::User::new().login("ada.l");
    api.insert_user(&new).await.unwrap_err();
    assert_eq!(api.get_users().await.unwrap().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_switched_off() {
    let sim = Sim::builder().users(5).build();
    let mut config = Config::default();
    config.cache = Cache::off();
    let api = client(&sim, config).user_api();
    api.get_users().await.unwrap();
    api.get_users().await.unwrap();
    assert_eq!(sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_a_write_overtakes_is_given_to_its_caller_and_to_nobody_after() {
    let sim = Sim::builder().users(5).groups(2).max_in_flight(2).build();
    let mut config = Config::default();
    config.limiter.max_concurrency = 2;
    let api = client(&sim, config).user_api();
    let slow = Fault::slow_body(Duration::from_secs(10)).on(Operation::GetGroups);
    sim.fault(slow);
    let load = tokio::spawn({
        let api = api.clone();
        async move { api.get_groups().await.map(|groups| groups.len()) }
    });
    tokio::time::advance(Duration::from_secs(1)).await;
    let new = api.insert_group(&Group::new().name("New")).await.unwrap();
    assert_eq!(load.await.unwrap().unwrap(), 2);
    assert!(api.get_groups().await.unwrap().get(new.group_oid.unwrap()).is_some());
    assert_eq!((sim.calls(), sim.rejections()), (3, 0));
}
