//! Promise 5: expired values may be served in an outage, invalidated ones only with `StaleAllowed`.

use std::time::Duration;

use http::StatusCode;
use ultracart_client::model::User;
use ultracart_client::{CachePolicy, Config, ErrorKind, Served, Stale};
use ultracart_sim::{Fault, Histories, Operation, Sim, Webhook};

use crate::client;
use crate::support::{
    Account, MINUTE, SECOND, group_oid, list_response, no_retries, run_until_idle, spawn, user_id,
};

#[tokio::test(start_paused = true)]
async fn stale_allowed_serves_user_from_stale_list() {
    let account = Account::new(Sim::builder().users(20).histories_in_list(Histories::All));
    let (api, sim) = (&account.api, &account.sim);
    let [first, id] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    api.get_users().await.unwrap();
    api.get_user(first).await.unwrap();
    let stale = async || {
        let user = api.cache_policy(CachePolicy::StaleAllowed).get_user(id).await.unwrap();
        assert_eq!(user.calls(), 0);
        user.served()
    };
    tokio::time::advance(Duration::from_mins(6)).await;
    assert_eq!(stale().await, Served::Stale(Stale::Refreshing));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!((stale().await, sim.calls()), (Served::Fresh, 3));
    account.rename(id, "Ada L.");
    account.deliver();
    assert_eq!((stale().await, sim.calls()), (Served::Stale(Stale::Invalidated), 3));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!((stale().await, sim.calls()), (Served::Fresh, 4));
}

#[tokio::test(start_paused = true)]
async fn outage_serves_user_from_expired_list() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other, third] = [0, 1, 2].map(|index| sim.users()[index].user_id.unwrap());
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    // A write of another user does not invalidate this one.
    api.update_user(third, &User::new().phone("555-0100")).await.unwrap();
    assert_eq!(api.get_user(id).await.unwrap().calls(), 0);
    tokio::time::advance(Duration::from_mins(6)).await;
    sim.script((0..50).map(|_| Fault::status_500()));
    assert!(api.get_user(id).await.is_ok(), "the user is expired, but not invalidated");
}

#[tokio::test(start_paused = true)]
async fn never_stale_user_in_an_outage_is_an_error() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(Duration::from_mins(6)).await;
    sim.fault(Fault::status_500().always());
    let error = api.cache_policy(CachePolicy::NeverStale).get_user(id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
}

#[tokio::test(start_paused = true)]
async fn outage_serves_expired_list_for_a_day() {
    let sim = Sim::builder().users(5).build();
    let client = client(&sim, no_retries());
    let api = client.user_api();
    api.get_users().await.unwrap();
    tokio::time::advance(5 * MINUTE).await;
    sim.fault(Fault::status_500().on(Operation::GetUsers).always());
    let stale = api.get_users().await.unwrap();
    assert_eq!(stale.served(), Served::Stale(Stale::Failed(ErrorKind::Server)));
    assert_eq!((stale.len(), stale.age(), stale.calls()), (5, 5 * MINUTE, 1));
    for _ in 0..100 {
        assert_eq!(api.get_users().await.unwrap().calls(), 0);
    }
    let stats = client.cache_snapshot().users;
    assert_eq!((sim.calls(), stats.stale, stats.failures_repeated), (2, 101, 100));
    tokio::time::advance(86_399 * SECOND).await;
    assert!(api.get_users().await.is_ok());
    tokio::time::advance(SECOND).await;
    assert_eq!(api.get_users().await.unwrap_err().kind(), ErrorKind::Server);
}

#[tokio::test(start_paused = true)]
async fn outage_serves_expired_groups_and_logins() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, no_retries()).user_api();
    let (id, oid) = (user_id(&sim, 0), group_oid(&sim, 0));
    api.get_groups().await.unwrap();
    api.get_group(oid).await.unwrap();
    api.get_user(id).await.unwrap();
    api.get_user_logins(id).await.unwrap();
    tokio::time::advance(5 * MINUTE).await;
    sim.fault(Fault::status_500().always());
    let failed = Served::Stale(Stale::Failed(ErrorKind::Server));
    assert_eq!(api.get_groups().await.unwrap().served(), failed);
    assert_eq!(api.get_group(oid).await.unwrap().served(), failed);
    assert_eq!(api.get_user(id).await.unwrap().served(), failed);
    assert_eq!(api.get_user_logins(id).await.unwrap().served(), failed);
}

#[tokio::test(start_paused = true)]
async fn zero_stale_if_error_serves_nothing_expired() {
    let sim = Sim::builder().users(5).build();
    let mut config = no_retries();
    config.cache.users.stale_if_error = Duration::ZERO;
    let api = client(&sim, config).user_api();
    api.get_users().await.unwrap();
    tokio::time::advance(5 * MINUTE).await;
    sim.fault(Fault::status_500().on(Operation::GetUsers));
    assert_eq!(api.get_users().await.unwrap_err().kind(), ErrorKind::Server);
}

#[tokio::test(start_paused = true)]
async fn expired_data_is_not_served_after_client_errors() {
    let kinds = [
        (StatusCode::UNAUTHORIZED, ErrorKind::Unauthorized),
        (StatusCode::FORBIDDEN, ErrorKind::Unauthorized),
        (StatusCode::GONE, ErrorKind::ApplicationDisabled),
        (StatusCode::NOT_FOUND, ErrorKind::NotFound),
    ];
    for (status, kind) in kinds {
        let sim = Sim::builder().users(5).groups(2).build();
        let (id, oid) = (user_id(&sim, 0), group_oid(&sim, 0));
        // Each read has a client of its own, because a client makes no call after a 410.
        for read in ["users", "user", "groups", "group", "logins"] {
            let api = client(&sim, no_retries()).user_api();
            let read = async || match read {
                "users" => api.get_users().await.map(drop),
                "user" => api.get_user(id).await.map(drop),
                "groups" => api.get_groups().await.map(drop),
                "group" => api.get_group(oid).await.map(drop),
                _ => api.get_user_logins(id).await.map(drop),
            };
            read().await.unwrap();
            tokio::time::advance(5 * MINUTE).await;
            sim.fault(Fault::error(status, "no"));
            let calls = sim.calls();
            for _ in 0..2 {
                assert_eq!(read().await.unwrap_err().kind(), kind, "{status}");
            }
            assert_eq!(sim.calls() - calls, 1, "{status}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn invalidated_list_is_not_served_in_an_outage() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, no_retries()).user_api();
    let id = user_id(&sim, 0);
    api.get_users().await.unwrap();
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    sim.fault(Fault::status_500().on(Operation::GetUsers).always());
    // A failed read does not make the value from before the write valid again.
    for _ in 0..3 {
        assert_eq!(api.get_users().await.unwrap_err().kind(), ErrorKind::Server);
        let stale = api.cache_policy(CachePolicy::StaleAllowed).get_users().await.unwrap();
        assert_eq!((stale.served(), stale.calls()), (Served::Stale(Stale::Invalidated), 0));
        tokio::time::advance(MINUTE).await;
    }
    sim.clear_faults();
    assert_eq!(api.get_users().await.unwrap().get(id).unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn event_during_an_outage_invalidates_expired_list() {
    let mut config = no_retries();
    config.http.request_timeout = 3 * SECOND;
    let account = Account::with(Sim::builder().users(5), Webhook::new(), config);
    let api = &account.api;
    api.get_users().await.unwrap();
    tokio::time::advance(5 * MINUTE).await;
    account.sim.fault(Fault::hang().on(Operation::GetUsers));
    let read = spawn(api, |api| async move { api.get_users().await.map(drop) });
    run_until_idle().await;
    account.rename(account.id(1), "Ada L.");
    account.deliver();
    assert_eq!(read.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn stale_allowed_list_is_served_while_refreshing() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    api.get_users().await.unwrap();
    tokio::time::advance(5 * MINUTE).await;
    sim.fault(Fault::slow_headers(SECOND).on(Operation::GetUsers));
    let stale = api.cache_policy(CachePolicy::StaleAllowed);
    for _ in 0..10 {
        let users = stale.get_users().await.unwrap();
        assert_eq!((users.served(), users.calls()), (Served::Stale(Stale::Refreshing), 0));
        run_until_idle().await;
        assert_eq!(sim.calls(), 2);
    }
    tokio::time::advance(SECOND).await;
    run_until_idle().await;
    assert_eq!((stale.get_users().await.unwrap().served(), sim.calls()), (Served::Fresh, 2));
}

#[tokio::test(start_paused = true)]
async fn outage_serves_written_user_beside_invalid_list() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, no_retries()).user_api();
    let [id, other] = [0, 1].map(|index| user_id(&sim, index));
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    tokio::time::advance(6 * MINUTE).await;
    sim.fault(Fault::status_500().always());
    let user = api.get_user(id).await.unwrap();
    assert_eq!(user.phone.as_deref(), Some("555-0100"));
    assert_eq!(user.served(), Served::Stale(Stale::Failed(ErrorKind::Server)));
}

#[tokio::test(start_paused = true)]
async fn outage_serves_the_newer_of_two_versions() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, no_retries()).user_api();
    let [id, other] = [0, 1].map(|index| user_id(&sim, index));
    let refresh = api.cache_policy(CachePolicy::Refresh);
    let phone = |phone: &'static str| assert!(sim.edit_user(id, |user| user.phone = Some(phone.into())));
    phone("list");
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(SECOND).await;
    phone("single");
    refresh.get_user(id).await.unwrap();
    tokio::time::advance(10 * MINUTE).await;
    let outage = Fault::status_500().always();
    sim.fault(outage.clone());
    assert_eq!(api.get_user(id).await.unwrap().phone.as_deref(), Some("single"));
    sim.clear_faults();
    // Now the list is newer than the user that was read alone.
    phone("newer list");
    refresh.get_users().await.unwrap();
    tokio::time::advance(10 * MINUTE).await;
    sim.fault(outage);
    assert_eq!(api.get_user(id).await.unwrap().phone.as_deref(), Some("newer list"));
    let stale = api.cache_policy(CachePolicy::StaleAllowed).get_user(id).await.unwrap();
    assert_eq!(stale.phone.as_deref(), Some("newer list"));
}

#[tokio::test(start_paused = true)]
async fn outage_serves_user_from_newer_list_of_two_pages() {
    // A list of two pages is not read again when only one user is needed.
    let sim = Sim::builder().users(5).page_size(3).histories_in_list(Histories::All).build();
    let api = client(&sim, no_retries()).user_api();
    let [id, other] = [0, 1].map(|place| user_id(&sim, place));
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    let refresh = api.cache_policy(CachePolicy::Refresh);
    refresh.get_user(id).await.unwrap();
    tokio::time::advance(SECOND).await;
    assert!(sim.edit_user(id, |user| user.phone = Some("newer".into())));
    refresh.get_users().await.unwrap();
    tokio::time::advance(10 * MINUTE).await;
    sim.fault(Fault::status_500().always());
    let user = api.get_user(id).await.unwrap();
    assert_eq!((user.phone.as_deref(), user.calls()), (Some("newer"), 1));
    assert_eq!(user.served(), Served::Stale(Stale::Failed(ErrorKind::Server)));
}

#[tokio::test(start_paused = true)]
async fn stale_allowed_after_unknown_write_is_not_fresh() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, no_retries()).user_api();
    let [id, other] = [0, 1].map(|index| user_id(&sim, index));
    let stale = api.cache_policy(CachePolicy::StaleAllowed);
    let before = sim.users();
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    sim.fault(Fault::cut_body().on(Operation::UpdateUser));
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap_err();
    let user = stale.get_user(id).await.unwrap();
    assert_eq!((user.served(), user.calls()), (Served::Stale(Stale::Invalidated), 0));
    // A list that may lag behind the write does not serve the user. The user is read again.
    let client = client(&sim, no_retries());
    let api = client.user_api();
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    sim.fault(Fault::cut_body().on(Operation::UpdateUser));
    api.update_user(id, &User::new().phone("555-0101")).await.unwrap_err();
    sim.fault(list_response("users", &before).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    let user = api.cache_policy(CachePolicy::StaleAllowed).get_user(id).await.unwrap();
    assert_eq!((user.phone.as_deref(), user.calls()), (Some("555-0101"), 1));
}
