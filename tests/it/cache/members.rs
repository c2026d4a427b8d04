//! Promise 7: a cached list serves reads of single objects. The condition: listed objects have all fields
//! that objects read alone have.

use std::time::Duration;

use ultracart_client::model::{Group, User};
use ultracart_client::{CachePolicy, Config, ErrorKind, Served};
use ultracart_sim::{Fault, GetGroupBody, Histories, Operation, Sim};

use crate::client;
use crate::support::{Account, MINUTE, SECOND, user_id};

#[tokio::test(start_paused = true)]
async fn complete_list_serves_its_users() {
    // The list has no login histories, but a user that is read alone has one.
    let sim = Sim::builder().users(50).build();
    let api = client(&sim, Config::default()).user_api();
    api.get_users().await.unwrap();
    let ids: Vec<_> = sim.users().iter().map(|user| user.user_id.unwrap()).collect();
    for id in &ids[..3] {
        assert!(api.get_user(*id).await.unwrap().login_histories.is_some());
    }
    assert_eq!(sim.calls(), 1 + 3);
    assert_eq!(api.get_user(ids[0]).await.unwrap().calls(), 0);

    let sim = Sim::builder().users(50).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let users = api.get_users().await.unwrap();
    // The first single read shows that the list is complete.
    api.get_user(ids[0]).await.unwrap();
    for id in &ids[1..] {
        let user = api.get_user(*id).await.unwrap();
        assert!(std::sync::Arc::ptr_eq(user.as_ref(), users.get(*id).unwrap()));
    }
    assert_eq!(sim.calls(), 2);
    // A user who is not in the list may be new.
    let new = sim.put_user(User::new().login("new.user"));
    assert_eq!(api.get_user(new).await.unwrap().login.as_deref(), Some("new.user"));
    assert_eq!(sim.calls(), 3);
    // An expired list is read again, which costs no more than one user.
    tokio::time::advance(Duration::from_mins(6)).await;
    for id in &ids {
        api.get_user(*id).await.unwrap();
    }
    assert_eq!(sim.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn changes_of_300_users_cost_one_list() {
    let sim = Sim::builder().users(300).build();
    let api = client(&sim, Config::default()).user_api();
    let users = api.get_users().await.unwrap();
    for user in &*users {
        api.update_user_with(user.user_id.unwrap(), |user| user.phone = Some("555-0100".into()))
            .await
            .unwrap();
    }
    // One more call shows which fields the list lacks.
    assert_eq!(sim.calls(), 1 + 1 + 300);
    assert!(sim.users().iter().all(|user| user.phone.as_deref() == Some("555-0100")));
    assert!(sim.users().iter().all(|user| user.login_histories.is_some()));
    // With `Refresh`, the user is read before the change.
    let id = users[7].user_id.unwrap();
    sim.edit_user(id, |user| user.full_name = Some("Renamed elsewhere".into()));
    let api = api.cache_policy(CachePolicy::Refresh);
    api.update_user_with(id, |user| user.phone = Some("555-0101".into())).await.unwrap();
    assert_eq!(sim.user(id).unwrap().full_name.as_deref(), Some("Renamed elsewhere"));
}

#[tokio::test(start_paused = true)]
async fn partial_write_response_is_not_served() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_user(id).await.unwrap();
    let short = serde_json::json!({ "success": true, "user": { "user_id": id, "phone": "555-0100" } });
    sim.fault(Fault::response(http::Response::new(short.to_string().into())).on(Operation::UpdateUser));
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    let user = api.get_user(id).await.unwrap();
    assert!(user.calls() == 1 && user.login_histories.is_some());
}

#[tokio::test(start_paused = true)]
async fn field_set_after_the_list_keeps_it_complete() {
    let sim = Sim::builder().users(20).histories_in_list(Histories::All).build();
    let [id, other] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    for (id, phone) in [(id, None), (other, Some("555-0100".into()))] {
        assert!(sim.edit_user(id, |user| user.phone.clone_from(&phone)));
    }
    let api = client(&sim, Config::default()).user_api();
    api.get_users().await.unwrap();
    assert!(sim.edit_user(id, |user| user.phone = Some("555-0101".into())));
    api.get_user(id).await.unwrap();
    assert_eq!(api.get_user(other).await.unwrap().calls(), 0);
    // A field that no user in the list has makes the list incomplete, until the next list.
    let api = client(&sim, Config::default()).user_api();
    api.get_users().await.unwrap();
    assert!(sim.edit_user(id, |user| user.extra.insert("beta", &1).unwrap()));
    api.get_user(id).await.unwrap();
    assert_eq!(api.get_user(other).await.unwrap().calls(), 1);
    api.cache_policy(CachePolicy::Refresh).get_users().await.unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    api.cache_policy(CachePolicy::Refresh).get_user(id).await.unwrap();
    assert_eq!(api.get_user(sim.users()[2].user_id.unwrap()).await.unwrap().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn newer_of_user_and_list_is_served() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let refresh = api.cache_policy(CachePolicy::Refresh);
    let [id, other_id] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    let phone = async |expected: &str| {
        let user = api.get_user(id).await.unwrap();
        assert_eq!((user.phone.as_deref(), user.calls()), (Some(expected), 0));
    };
    for round in 0..3 {
        let [one, other] = [0, 1].map(|n| format!("555-01{round}{n}"));
        sim.edit_user(id, |user| user.phone = Some(one.as_str().into()));
        tokio::time::advance(Duration::from_secs(1)).await;
        refresh.get_users().await.unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        refresh.get_user(id).await.unwrap();
        phone(&one).await;
        sim.edit_user(id, |user| user.phone = Some(other.as_str().into()));
        tokio::time::advance(Duration::from_secs(1)).await;
        refresh.get_user(id).await.unwrap();
        phone(&other).await;
        sim.edit_user(id, |user| user.phone = Some(one.as_str().into()));
        tokio::time::advance(Duration::from_secs(1)).await;
        refresh.get_users().await.unwrap();
        phone(&one).await;
        // A later read of another user does not change which version is served.
        tokio::time::advance(Duration::from_secs(1)).await;
        refresh.get_user(other_id).await.unwrap();
        phone(&one).await;
    }
}

#[tokio::test(start_paused = true)]
async fn field_cleared_by_write_keeps_completeness() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    for id in [id, other] {
        sim.edit_user(id, |user| user.phone = Some("555-0100".into()));
        api.get_user(id).await.unwrap();
    }
    api.update_user_with(id, |user| user.phone = None).await.unwrap();
    let mut without = sim.user(id).unwrap();
    without.phone = None;
    let body = serde_json::json!({ "success": true, "user": without }).to_string();
    sim.fault(Fault::response(http::Response::new(body.into())).on(Operation::UpdateUser));
    api.update_user(id, &User::new().full_name("Ada L.")).await.unwrap();
    // A write's response is complete if it has all fields of the user that was cached before the write.
    for _ in 0..3 {
        api.update_user(other, &User::new().full_name("Ada M.")).await.unwrap();
        assert_eq!(api.get_user(other).await.unwrap().calls(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn changes_of_12_groups_cost_one_list() {
    let sim = Sim::builder().users(2).groups(12).get_group_body(GetGroupBody::Empty).build();
    let api = client(&sim, Config::default()).user_api();
    let groups = api.get_groups().await.unwrap();
    for group in &*groups {
        let oid = group.group_oid.unwrap();
        api.update_group_with(oid, |group| group.name = Some("Night shift".into())).await.unwrap();
    }
    // One more call shows that `getGroup` returns an empty body.
    assert!(sim.calls() <= 1 + 1 + 12 + 1, "{} calls for 12 groups", sim.calls());
}

#[tokio::test(start_paused = true)]
async fn written_group_is_served_from_its_response() {
    for body in [GetGroupBody::Empty, GetGroupBody::Present] {
        let sim = Sim::builder().users(2).groups(12).get_group_body(body).build();
        let api = client(&sim, Config::default()).user_api();
        let [oid, other] = [0, 1].map(|index| sim.groups()[index].group_oid.unwrap());
        api.get_groups().await.unwrap();
        api.get_group(oid).await.unwrap();
        api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
        let calls = [api.get_group(oid).await.unwrap().calls(), api.get_group(other).await.unwrap().calls()];
        assert_eq!(calls, [0, 0], "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn empty_get_group_is_detected_once() {
    let sim = Sim::builder().users(2).groups(12).get_group_body(GetGroupBody::Empty).build();
    let api = client(&sim, Config::default()).user_api();
    let reads: Vec<_> = sim
        .groups()
        .iter()
        .map(|group| {
            let (api, oid) = (api.clone(), group.group_oid.unwrap());
            tokio::spawn(async move { api.get_group(oid).await.map(drop) })
        })
        .collect();
    for read in reads {
        read.await.unwrap().unwrap();
    }
    assert!(sim.calls() <= 3, "{} calls for 12 groups", sim.calls());
}

#[tokio::test(start_paused = true)]
async fn deleted_user_is_not_served_from_list() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(SECOND).await;
    // The user is also cached by itself.
    api.cache_policy(CachePolicy::Refresh).get_user(id).await.unwrap();
    tokio::time::advance(SECOND).await;
    sim.remove_user(id);
    let refresh = api.cache_policy(CachePolicy::Refresh).get_user(id).await;
    assert_eq!(refresh.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(api.get_user(id).await.is_err(), "a later read found that the user does not exist");
}

#[tokio::test(start_paused = true)]
async fn list_after_a_single_read_serves_its_users() {
    let sim = Sim::builder().users(20).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    api.get_user(user_id(&sim, 0)).await.unwrap();
    tokio::time::advance(SECOND).await;
    api.get_users().await.unwrap();
    // At the latest, the next single read shows that the list is complete.
    for index in 1..20 {
        api.get_user(user_id(&sim, index)).await.unwrap();
    }
    assert!(sim.calls() <= 1 + 1 + 1, "{} calls for 20 users", sim.calls());
}

#[tokio::test(start_paused = true)]
async fn changes_with_echoes_cost_a_call_a_user() {
    let account = Account::new(Sim::builder().users(300));
    let users = account.api.get_users().await.unwrap();
    for user in &*users {
        let id = user.user_id.unwrap();
        account.api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
        assert_eq!(account.deliver(), 1);
    }
    assert!(account.sim.calls() <= 315, "{} calls for 300 users", account.sim.calls());
}

#[tokio::test(start_paused = true)]
async fn latest_single_read_decides_completeness() {
    let sim = Sim::builder().users(20).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other, third] = [0, 1, 2].map(|index| user_id(&sim, index));
    api.get_users().await.unwrap();
    // The first user has a field that no user in the list has.
    assert!(sim.edit_user(id, |user| user.extra.insert("beta", &1).unwrap()));
    api.get_user(id).await.unwrap();
    // The second user does not have the field.
    assert_eq!(api.get_user(other).await.unwrap().calls(), 1);
    assert_eq!(api.get_user(third).await.unwrap().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn write_job_beyond_the_ttl_costs_a_call_a_user() {
    let sim = Sim::builder().users(300).build();
    // Calls are made at the pace of the quota, one in 3.6 s, so that the job takes 18 minutes.
    let mut config = Config::default();
    config.limiter.spare = 0;
    config.limiter.windows[0].burst = Some(1);
    let api = client(&sim, config).user_api();
    let ids: Vec<_> = api.get_users().await.unwrap().iter().map(|user| user.user_id.unwrap()).collect();
    for id in ids {
        api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    }
    assert!(sim.elapsed() > 15 * MINUTE, "{:?}", sim.elapsed());
    assert!(sim.calls() <= 315, "{} calls for 300 users", sim.calls());
    assert!(sim.users().iter().all(|user| user.phone.as_deref() == Some("555-0100")));
}

#[tokio::test(start_paused = true)]
async fn list_after_a_write_serves_other_users() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other, third] = [0, 1, 2].map(|index| user_id(&sim, index));
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    api.get_users().await.unwrap();
    // The list itself is fresh for 5 s. For its TTL, it serves the users that were not written.
    tokio::time::advance(3 * MINUTE).await;
    assert_eq!(api.get_user(third).await.unwrap().calls(), 0);
    assert_eq!(api.get_users().await.unwrap().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn users_after_a_group_write_cost_one_list() {
    let sim = Sim::builder().users(20).groups(2).histories_in_list(Histories::All).build();
    let mut config = Config::default();
    config.retry.max_attempts = 1;
    let api = client(&sim, config).user_api();
    let ids: Vec<_> = sim.users().iter().map(|user| user.user_id.unwrap()).collect();
    api.get_users().await.unwrap();
    api.get_user(ids[0]).await.unwrap();
    let oid = sim.groups()[0].group_oid.unwrap();
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    tokio::time::advance(6 * SECOND).await;
    let mut calls = 0;
    for id in &ids {
        calls += api.get_user(*id).await.unwrap().calls();
    }
    assert_eq!(calls, 1);
    // A user that was written is read alone.
    sim.fault(Fault::cut_body().on(Operation::UpdateUser));
    api.update_user(ids[3], &User::new().phone("555-0100")).await.unwrap_err();
    tokio::time::advance(20 * SECOND).await;
    api.get_user(ids[3]).await.unwrap();
    let request = sim.requests().last().unwrap().clone();
    assert!(request.path.ends_with(&format!("/users/{}", ids[3])), "{}", request.path);
}

#[tokio::test(start_paused = true)]
async fn undecodable_list_leaves_single_users_readable() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|index| user_id(&sim, index));
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(6 * MINUTE).await;
    let invalid = http::Response::new(r#"{"success": true, "users": 7}"#.into());
    sim.fault(Fault::response(invalid).on(Operation::GetUsers).always());
    let user = api.get_user(id).await.unwrap();
    assert_eq!((user.served(), user.calls()), (Served::Fresh, 2));
}
