//! Promise 4: failures are cached, with a back-off that doubles.

use std::time::Duration;

use ultracart_client::config::Window;
use ultracart_client::model::User;
use ultracart_client::{CachePolicy, Config, ErrorKind};
use ultracart_sim::{Fault, GetGroupBody, Operation, Sim, Webhook};

use crate::support::{Account, SECOND, hold_permit, no_retries, run_until_idle, spawn, user_id};
use crate::{client, two_at_a_time};

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
    // The same for groups and logins.
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
        // A call is made after 0, 5, 15, 35 and 75 seconds.
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

#[tokio::test(start_paused = true)]
async fn event_clears_not_found() {
    let account = Account::new(Sim::builder().users(5));
    let next = account.id(4).get() + 1;
    assert!(account.api.get_user(next.into()).await.unwrap_err().is_not_found());
    assert_eq!(account.sim.put_user(User::new().login("new.user")).get(), next);
    account.deliver();
    assert_eq!(account.api.get_user(next.into()).await.unwrap().login.as_deref(), Some("new.user"));
}

#[tokio::test(start_paused = true)]
async fn late_outcome_of_older_load_is_ignored() {
    // The older load ends last: once with the user, and once with an outage.
    for late in [Fault::slow_headers(3 * SECOND), Fault::hang()] {
        let mut config = two_at_a_time();
        config.retry.max_attempts = 1;
        config.http.request_timeout = 4 * SECOND;
        let account = Account::with(Sim::builder().users(5).max_in_flight(2), Webhook::new(), config);
        let (api, sim, id) = (&account.api, &account.sim, account.id(1));
        sim.fault(late.on(Operation::GetUser));
        let before = spawn(api, move |api| async move { api.get_user(id).await.map(drop) });
        run_until_idle().await;
        assert!(sim.remove_user(id));
        account.deliver();
        assert!(api.get_user(id).await.unwrap_err().is_not_found());
        _ = before.await.unwrap();
        assert!(api.get_user(id).await.unwrap_err().is_not_found());
        assert_eq!(sim.calls(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn late_outage_of_older_load_hides_no_value() {
    let mut config = two_at_a_time();
    config.retry.max_attempts = 1;
    config.http.request_timeout = 4 * SECOND;
    let account = Account::with(Sim::builder().users(5).max_in_flight(2), Webhook::new(), config);
    let (api, sim, id) = (&account.api, &account.sim, account.id(1));
    sim.fault(Fault::hang().on(Operation::GetUsers));
    let before = spawn(api, |api| async move { api.get_users().await.map(drop) });
    run_until_idle().await;
    account.rename(id, "Ada L.");
    account.deliver();
    assert_eq!(account.name(id).await, "Ada L.");
    assert_eq!(before.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    account.rename(id, "Ada M.");
    account.deliver();
    assert_eq!(account.name(id).await, "Ada M.");
}

#[tokio::test(start_paused = true)]
async fn latest_failures_are_cached_up_to_a_bound() {
    let sim = Sim::builder().users(1).unlimited().record_requests(0).build();
    let mut config = Config::default();
    config.limiter.guard_gap = Duration::ZERO;
    config.limiter.windows = vec![Window::new(1_000_000, SECOND)];
    let api = client(&sim, config).user_api();
    let cost = async |id: i32| api.get_user(id.into()).await.unwrap_err().attempts();
    for id in 0..12_000 {
        assert_eq!(cost(1_000_000 + id).await, 1);
    }
    assert_eq!(cost(1_011_999).await, 0);
    let mut calls = 0;
    for id in 0..3_000 {
        calls += cost(1_000_000 + id).await;
    }
    assert!(calls > 0, "all of 12,000 failures are cached");
}

#[tokio::test(start_paused = true)]
async fn back_off_doubles_to_five_minutes() {
    let account = Account::with(Sim::builder().users(5), Webhook::new(), no_retries());
    let (api, sim, id) = (&account.api, &account.sim, account.id(1));
    sim.fault(Fault::status_500().on(Operation::GetUsers).always());
    for wait in [5, 10, 20, 40, 80, 160, 300, 300] {
        assert_eq!(api.get_users().await.unwrap_err().attempts(), 1, "before {wait} s");
        tokio::time::advance(Duration::from_millis(wait * 1_000 - 1)).await;
        let error = api.get_users().await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server, 0), "after {wait} s");
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    // A success resets the back-off.
    sim.clear_faults();
    api.get_users().await.unwrap();
    account.rename(id, "Ada L.");
    account.deliver();
    sim.fault(Fault::status_500().on(Operation::GetUsers));
    api.get_users().await.unwrap_err();
    tokio::time::advance(5 * SECOND).await;
    assert_eq!(account.name(id).await, "Ada L.");
}

#[tokio::test(start_paused = true)]
async fn failure_without_a_call_is_not_cached() {
    let sim = Sim::builder().users(5).build();
    let mut config = Config::default();
    config.limiter.max_wait = Some(SECOND);
    let api = client(&sim, config).user_api();
    let holder = hold_permit(&sim, &api, 3 * SECOND).await;
    let error = api.get_users().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::MaxWait, 0));
    holder.await.unwrap();
    assert!(sim.elapsed() < 5 * SECOND, "a failure would still be cached");
    assert_eq!(api.get_users().await.unwrap().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn refresh_ignores_a_cached_failure() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, no_retries()).user_api();
    sim.fault(Fault::status_500().on(Operation::GetUsers));
    api.get_users().await.unwrap_err();
    assert_eq!(api.get_users().await.unwrap_err().attempts(), 0);
    let users = api.cache_policy(CachePolicy::Refresh).get_users().await.unwrap();
    assert_eq!((users.calls(), sim.calls()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn failure_of_one_user_leaves_others_alone() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, no_retries()).user_api();
    let [id, other] = [0, 1].map(|index| user_id(&sim, index));
    sim.fault(Fault::status_500().on(Operation::GetUser));
    assert_eq!(api.get_user(id).await.unwrap_err().attempts(), 1);
    assert_eq!(api.get_user(other).await.unwrap().calls(), 1);
    assert_eq!(api.get_user(id).await.unwrap_err().attempts(), 0);
}
