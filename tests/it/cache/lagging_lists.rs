//! Promise 3 with a server whose lists lag behind the writes of this client.

use std::time::Duration;

use ultracart_client::model::{Group, User};
use ultracart_client::{CachePolicy, Config, ErrorKind};
use ultracart_sim::{Fault, GetGroupBody, Histories, Operation, Sim};

use crate::client;
use crate::support::{Account, MINUTE, SECOND, group_oid, list_response, no_retries, spawn, user_id};

#[tokio::test(start_paused = true)]
async fn lagging_lists_hide_no_write() {
    let sim = Sim::builder().users(3).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let [changed, deleted] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    let (users, groups) = (sim.users(), sim.groups());

    let new = api.insert_user(&User::new().login("new.user")).await.unwrap().user_id.unwrap();
    api.update_user(changed, &User::new().phone("555-0100").full_name("Ada L.")).await.unwrap();
    api.delete_user(deleted).await.unwrap();
    sim.fault(list_response("users", &users).on(Operation::GetUsers));
    sim.fault(list_response("groups", &groups).on(Operation::GetGroups));
    // The list is served as it was sent. A written object is never taken from it.
    let seen = api.get_users().await.unwrap();
    assert!(seen.get(new).is_none() && seen.get(deleted).is_some());
    assert_eq!(seen.get(changed).unwrap().phone, users[0].phone);
    assert_eq!(seen.len(), 3);
    assert_eq!(api.get_user(new).await.unwrap().login.as_deref(), Some("new.user"));
    let user = api.get_user(changed).await.unwrap();
    assert_eq!((user.phone.as_deref(), &user.email), (Some("555-0100"), &users[0].email));
    assert!(api.get_user(deleted).await.unwrap_err().is_not_found());
    // The members of the groups lag behind, too.
    api.get_groups().await.unwrap();
    let calls = sim.calls();
    assert_eq!((api.get_users().await.unwrap().calls(), api.get_groups().await.unwrap().calls()), (0, 0));
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(api.get_users().await.unwrap().len(), 3);
    let member =
        |group: &Group, id| group.users.as_ref().unwrap().iter().any(|user| user.user_id == Some(id));
    assert!(
        api.get_groups().await.unwrap().iter().all(|group| member(group, new) && !member(group, deleted))
    );
    assert_eq!(sim.calls() - calls, 2);
    // Lists that were sent later are fresh for their TTL.
    tokio::time::advance(Duration::from_mins(3)).await;
    assert_eq!((api.get_users().await.unwrap().calls(), api.get_groups().await.unwrap().calls()), (0, 0));

    // The same for a group.
    let (users, groups) = (sim.users(), sim.groups());
    let oid = groups[0].group_oid.unwrap();
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    sim.fault(list_response("users", &users).on(Operation::GetUsers));
    sim.fault(list_response("groups", &groups).on(Operation::GetGroups));
    let seen = api.get_groups().await.unwrap();
    assert_eq!(seen.get(oid).unwrap().name, groups[0].name);
    let group = api.get_group(oid).await.unwrap();
    assert_eq!((group.name.as_deref(), &group.users), (Some("Night shift"), &groups[0].users));
    api.get_users().await.unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    let seen = api.get_groups().await.unwrap();
    assert_eq!((seen.calls(), seen.get(oid).unwrap().name.as_deref()), (1, Some("Night shift")));
    let seen = api.get_users().await.unwrap();
    let named = |user: &User| user.groups.as_ref().unwrap()[0].name.as_deref() == Some("Night shift");
    assert!(seen.calls() == 1 && seen.iter().all(|user| named(user)));
}

#[tokio::test(start_paused = true)]
async fn list_after_unknown_outcome_is_fresh_5_seconds() {
    let sim = Sim::builder().users(5).build();
    let mut config = Config::default();
    config.retry.max_attempts = 1;
    let api = client(&sim, config).user_api();
    let ids = [0, 1, 2].map(|index| sim.users()[index].user_id.unwrap());
    let users = sim.users();
    // The write of unknown outcome is neither the first nor the last.
    sim.fault(Fault::cut_body().on(Operation::UpdateUser).nth(2));
    for (index, id) in ids.iter().enumerate() {
        let written = api.update_user(*id, &User::new().phone("555-0100")).await;
        assert_eq!(written.is_err(), index == 1);
    }
    sim.fault(list_response("users", &users).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    // The limiter waits for 5 s after the failure. The lists are sent after 5, 11 and 17 s.
    for _ in 0..2 {
        tokio::time::advance(4 * SECOND).await;
        assert_eq!(api.get_users().await.unwrap().calls(), 0);
        tokio::time::advance(2 * SECOND).await;
        assert_eq!(api.get_users().await.unwrap().calls(), 1);
    }
    // A list that was sent after 15 s is fresh for its TTL.
    tokio::time::advance(3 * MINUTE).await;
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn user_write_shows_after_group_write() {
    let sim = Sim::builder().users(3).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    let oid = sim.groups()[0].group_oid.unwrap();
    let before = sim.users();
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    sim.fault(list_response("users", &before).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    assert_eq!(api.get_user(id).await.unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn group_write_shows_after_user_write() {
    let sim = Sim::builder().users(3).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let oid = sim.groups()[0].group_oid.unwrap();
    let before = sim.groups();
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    api.insert_user(&User::new().login("new.user")).await.unwrap();
    sim.fault(list_response("groups", &before).on(Operation::GetGroups));
    api.get_groups().await.unwrap();
    assert_eq!(api.get_group(oid).await.unwrap().name.as_deref(), Some("Night shift"));
}

#[tokio::test(start_paused = true)]
async fn lagging_list_does_not_undo_a_change() {
    let sim = Sim::builder().users(3).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    let oid = sim.groups()[0].group_oid.unwrap();
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    let before = sim.users();
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    sim.fault(list_response("users", &before).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    api.update_user_with(id, |user| user.full_name = Some("Ada L.".into())).await.unwrap();
    assert_eq!(sim.user(id).unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn inserted_user_with_early_event_shows_after_lag() {
    let account = Account::new(Sim::builder().users(3));
    let before = account.sim.users();
    account.sim.fault(Fault::slow_headers(SECOND).on(Operation::InsertUser));
    let insert =
        spawn(
            &account.api,
            |api| async move { api.insert_user(&User::new().login("new.user")).await.unwrap() },
        );
    while account.sim.users().len() == 3 {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    assert_eq!(account.deliver(), 1);
    let id = insert.await.unwrap().user_id.unwrap();
    account.sim.fault(list_response("users", &before).on(Operation::GetUsers));
    account.api.get_users().await.unwrap();
    // The list may lag for a while, and shows the user after that.
    tokio::time::advance(20 * SECOND).await;
    assert!(account.api.get_users().await.unwrap().get(id).is_some());
}

#[tokio::test(start_paused = true)]
async fn unknown_insert_before_declined_one_shows() {
    let sim = Sim::builder().users(3).build();
    let api = client(&sim, Config::default()).user_api();
    let before = sim.users();
    sim.fault(Fault::reset_after().on(Operation::InsertUser));
    api.insert_user(&User::new().login("lost.user")).await.unwrap_err();
    // The server responds to the second insert with a client error.
    sim.fault(Fault::error(http::StatusCode::BAD_REQUEST, "no").on(Operation::InsertUser));
    api.insert_user(&User::new().login("new.user")).await.unwrap_err();
    sim.fault(list_response("users", &before).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    tokio::time::advance(15 * SECOND).await;
    assert!(api.get_users().await.unwrap().by_login("lost.user").is_some());
}

#[tokio::test(start_paused = true)]
async fn lagging_list_after_clear_is_reloaded() {
    let sim = Sim::builder().users(3).build();
    let client = client(&sim, Config::default());
    let api = client.user_api();
    let (before, id) = (sim.users(), sim.users()[0].user_id.unwrap());
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    client.clear_cache();
    sim.fault(list_response("users", &before).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    tokio::time::advance(20 * SECOND).await;
    assert_eq!(api.get_users().await.unwrap().get(id).unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn second_write_shows_after_events_of_both() {
    let account = Account::new(Sim::builder().users(3));
    let (before, id) = (account.sim.users(), account.id(1));
    account.api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    account.api.update_user(id, &User::new().phone("555-0101")).await.unwrap();
    assert_eq!(account.deliver(), 2);
    tokio::time::advance(Duration::from_millis(300)).await;
    account.sim.fault(list_response("users", &before).on(Operation::GetUsers));
    account.api.get_users().await.unwrap();
    assert_eq!(account.api.get_user(id).await.unwrap().phone.as_deref(), Some("555-0101"));
}

#[tokio::test(start_paused = true)]
async fn lagging_list_does_not_undo_unknown_write() {
    let sim = Sim::builder().users(3).histories_in_list(Histories::All).build();
    let mut config = Config::default();
    config.retry.max_attempts = 1;
    let api = client(&sim, config).user_api();
    let [id, other] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    let before = sim.users();
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    sim.fault(Fault::cut_body().on(Operation::UpdateUser));
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap_err();
    sim.fault(list_response("users", &before).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    api.update_user_with(id, |user| user.full_name = Some("Ada L.".into())).await.unwrap();
    assert_eq!(sim.user(id).unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn list_after_declined_insert_is_fresh_for_its_ttl() {
    let sim = Sim::builder().users(3).build();
    let api = client(&sim, Config::default()).user_api();
    sim.fault(Fault::error(http::StatusCode::BAD_REQUEST, "no").on(Operation::InsertUser));
    api.insert_user(&User::new().login("new.user")).await.unwrap_err();
    api.get_users().await.unwrap();
    tokio::time::advance(20 * SECOND).await;
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn lagging_groups_do_not_undo_a_change() {
    for body in [GetGroupBody::Present, GetGroupBody::Empty] {
        let sim = Sim::builder().users(3).groups(2).get_group_body(body).build();
        let api = client(&sim, Config::default()).user_api();
        let (id, oid) = (user_id(&sim, 0), group_oid(&sim, 0));
        let member = || {
            let group = sim.group(oid).unwrap();
            group.users.iter().flatten().find(|user| user.user_id == Some(id)).unwrap().member.unwrap()
        };
        let was_member = member();
        api.get_groups().await.unwrap();
        api.get_group(group_oid(&sim, 1)).await.unwrap();
        let before = sim.groups();
        api.update_group_with(oid, |group| group.name = Some("Night shift".into())).await.unwrap();
        sim.fault(list_response("groups", &before).on(Operation::GetGroups));
        api.get_groups().await.unwrap();
        api.update_group_with(oid, |group| {
            for user in group.users.iter_mut().flatten().filter(|user| user.user_id == Some(id)) {
                user.member = Some(!was_member);
            }
        })
        .await
        .unwrap();
        assert_eq!(sim.group(oid).unwrap().name.as_deref(), Some("Night shift"), "{body:?}");
        assert_eq!(member(), !was_member, "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lagging_users_do_not_undo_a_group_write() {
    let sim = Sim::builder().users(3).groups(2).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|index| user_id(&sim, index));
    let oid = group_oid(&sim, 0);
    let member = || {
        let user = sim.user(id).unwrap();
        user.groups.iter().flatten().find(|group| group.group_oid == Some(oid)).unwrap().member.unwrap()
    };
    let was_member = member();
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    let before = sim.users();
    api.update_group_with(oid, |group| {
        for user in group.users.iter_mut().flatten().filter(|user| user.user_id == Some(id)) {
            user.member = Some(!was_member);
        }
    })
    .await
    .unwrap();
    sim.fault(list_response("users", &before).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    assert_eq!(member(), !was_member);
}

#[tokio::test(start_paused = true)]
async fn lagging_list_revives_no_deleted_group() {
    let sim = Sim::builder().groups(3).get_group_body(GetGroupBody::Empty).build();
    let api = client(&sim, Config::default()).user_api();
    let [oid, other] = [0, 1].map(|index| group_oid(&sim, index));
    // This read shows that `getGroup` returns an empty body, so groups are read from their list.
    api.get_group(other).await.unwrap();
    let before = sim.groups();
    api.delete_group(oid).await.unwrap();
    sim.fault(list_response("groups", &before).on(Operation::GetGroups));
    // While the list may lag behind, this read may succeed or fail.
    _ = api.get_group(oid).await;
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(api.get_group(oid).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn lagging_list_hides_no_new_group_for_long() {
    let sim = Sim::builder().groups(3).get_group_body(GetGroupBody::Empty).build();
    let api = client(&sim, Config::default()).user_api();
    api.get_group(group_oid(&sim, 1)).await.unwrap();
    let before = sim.groups();
    let oid = api.insert_group(&Group::new().name("New")).await.unwrap().group_oid.unwrap();
    sim.fault(list_response("groups", &before).on(Operation::GetGroups));
    _ = api.get_group(oid).await;
    tokio::time::advance(SECOND).await;
    assert!(api.get_group(oid).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn refreshed_lagging_group_is_not_used_as_base() {
    let sim = Sim::builder().users(2).groups(3).get_group_body(GetGroupBody::Empty).build();
    let api = client(&sim, Config::default()).user_api();
    let oid = group_oid(&sim, 0);
    api.get_group(oid).await.unwrap();
    let before = sim.groups();
    let rename = |group: &mut Group| group.name = Some("Night shift".into());
    api.update_group_with(oid, rename).await.unwrap();
    sim.fault(list_response("groups", &before).on(Operation::GetGroups));
    api.cache_policy(CachePolicy::Refresh).get_group(oid).await.unwrap();
    api.update_group_with(oid, |group| group.users = Some(Vec::new())).await.unwrap();
    let group = sim.groups().into_iter().find(|group| group.group_oid == Some(oid)).unwrap();
    assert_eq!(group.name.as_deref(), Some("Night shift"));
}

#[tokio::test(start_paused = true)]
async fn lagging_list_is_not_served_in_an_outage() {
    let sim = Sim::builder().users(3).build();
    let api = client(&sim, no_retries()).user_api();
    let before = sim.users();
    api.update_user(user_id(&sim, 0), &User::new().phone("555-0100")).await.unwrap();
    sim.fault(list_response("users", &before).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    tokio::time::advance(6 * SECOND).await;
    sim.fault(Fault::status_500().always());
    assert_eq!(api.get_users().await.unwrap_err().kind(), ErrorKind::Server);
}
