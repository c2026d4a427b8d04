//! Promise 4: failures are cached, with a back-off that doubles.

use std::time::Duration;

use ultracart_client::model::User;
use ultracart_client::{Config, ErrorKind};
use ultracart_sim::{Fault, GetGroupBody, Operation, Sim};

use crate::client;

#[tokio::test(start_paused = true)]
async fn successful_write_clears_cached_outages() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    sim.script((0..5).map(|_| Fault::status_500().on(Operation::GetUsers)));
    assert_eq!(api.get_users().await.unwrap_err().kind(), ErrorKind::Server);
    let calls = sim.calls();
    assert_eq!(api.get_users().await.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(sim.calls(), calls);
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    api.get_users().await.unwrap();
    // Whatever it was that failed.
    sim.script((0..5).map(|_| Fault::status_500().on(Operation::GetGroups)));
    sim.script((0..5).map(|_| Fault::status_500().on(Operation::GetUserLogins)));
    api.get_groups().await.unwrap_err();
    api.get_user_logins(id).await.unwrap_err();
    sim.clear_faults();
    api.update_user(id, &User::new().phone("555-0101")).await.unwrap();
    assert_eq!(api.get_groups().await.unwrap().calls(), 1);
    assert_eq!(api.get_user_logins(id).await.unwrap().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn list_failing_at_its_second_page_backs_off() {
    let sim = Sim::builder().users(6).page_size(2).build();
    let mut config = Config::default();
    config.limiter.spare = 0;
    config.limiter.windows[0].burst = Some(1);
    config.limiter.max_wait = Some(Duration::from_millis(500));
    let api = client(&sim, config).user_api();
    for second in 0..120 {
        let error = api.get_users().await.unwrap_err();
        // It is tried after 0, 5, 15, 35 and 75 seconds.
        let is_tried = [0, 5, 15, 35, 75].contains(&second);
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::MaxWait, u32::from(is_tried)), "{second}");
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(sim.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn failed_list_reports_the_calls_of_its_pages() {
    let sim = Sim::builder().users(6).page_size(2).build();
    let mut config = Config::default();
    config.retry.max_attempts = 1;
    let api = client(&sim, config).user_api();
    sim.fault(Fault::status_500().on(Operation::GetUsers).nth(3));
    let error = api.get_users().await.unwrap_err();
    assert_eq!((error.attempts(), sim.calls()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn missing_group_backs_off() {
    let sim = Sim::builder().users(2).groups(2).get_group_body(GetGroupBody::Empty).build();
    let api = client(&sim, Config::default()).user_api();
    api.get_group(sim.groups()[0].group_oid.unwrap()).await.unwrap();
    let mut calls = [0; 2];
    for _ in 0..100 {
        let before = sim.calls();
        api.get_user(999_999.into()).await.unwrap_err();
        calls[0] += sim.calls() - before;
        let before = sim.calls();
        api.get_group(999_999.into()).await.unwrap_err();
        calls[1] += sim.calls() - before;
        tokio::time::advance(Duration::from_secs(6)).await;
    }
    assert!(calls[1] <= 2 * calls[0], "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn write_keeps_not_found_of_other_users() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_user(999_999.into()).await.unwrap_err();
    let calls = sim.calls();
    for _ in 0..10 {
        api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
        api.get_user(999_999.into()).await.unwrap_err();
    }
    assert_eq!(sim.calls() - calls, 10);
}

#[tokio::test(start_paused = true)]
async fn insert_clears_not_found() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let next = sim.users().iter().filter_map(|user| user.user_id).max().unwrap().get() + 1;
    api.get_user(next.into()).await.unwrap_err();
    let new = api.insert_user(&User::new().login("new.user")).await.unwrap();
    assert_eq!(new.user_id, Some(next.into()));
    assert_eq!(api.get_user(next.into()).await.unwrap().login.as_deref(), Some("new.user"));
}
