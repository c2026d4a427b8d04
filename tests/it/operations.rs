//! The eleven operations, `update_*_with`, pages and not-found errors.

use std::time::Duration;

use serde_json::value::RawValue;
use ultracart_client::model::{Group, Permission, User, UserGroupMembership, UserId};
use ultracart_client::{CachePolicy, Config, ErrorKind};
use ultracart_sim::{Fault, GetGroupBody, Operation, Sim, UnknownIdStatus};

use crate::client;

#[tokio::test(start_paused = true)]
async fn all_eleven_operations_take_effect() {
    let sim = Sim::builder().users(20).groups(4).build();
    let api = client(&sim, Config::default()).user_api();

    let users = api.get_users().await.unwrap();
    assert_eq!(users.len(), 20);
    let id = users[0].user_id.unwrap();
    assert_eq!(users.get(id), Some(&users[0]));
    assert_eq!(api.get_user(id).await.unwrap().login, users[0].login);
    assert!(!api.get_user_logins(id).await.unwrap().is_empty());

    let new = User::new()
        .login("ada.l")
        .email("ada@example.com")
        .full_name("Ada L.")
        .change_password_to("Secret-1");
    let stored = api.insert_user(&new).await.unwrap();
    let id = stored.user_id.unwrap();
    assert_eq!(stored.email.as_deref(), Some("ada@example.com"));
    let stored = api.update_user(id, &stored.phone("555-0100")).await.unwrap();
    assert_eq!(sim.user(id).unwrap().phone, stored.phone);
    api.delete_user(id).await.unwrap();
    assert_eq!(sim.user(id), None);

    assert_eq!(api.get_groups().await.unwrap().len(), 4);
    let group = api.insert_group(&Group::new().name("Night shift")).await.unwrap();
    let oid = group.group_oid.unwrap();
    assert_eq!(api.get_group(oid).await.unwrap().name.as_deref(), Some("Night shift"));
    let orders = Permission::new().permission_name("orders").selected(true);
    api.update_group(oid, &group.permissions([orders])).await.unwrap();
    assert!(sim.group(oid).unwrap().permissions.unwrap().iter().any(|p| p.selected == Some(true)));
    api.delete_group(oid).await.unwrap();
    assert_eq!(sim.group(oid), None);

    assert_eq!((sim.overlaps(), sim.rejections()), (0, 0));
    assert_eq!(sim.calls(), 11);
}

/// Returns the request body of the latest call.
fn sent_body(sim: &Sim) -> serde_json::Value {
    sim.requests().last().unwrap().body().unwrap()
}

#[tokio::test(start_paused = true)]
async fn update_user_with_keeps_unknown_fields() {
    let sim = Sim::builder().users(3).build();
    let id = sim.users()[0].user_id.unwrap();
    assert!(sim.edit_user(id, |user| user.extra.insert("beta", &serde_json::json!({"x": [1.50]})).unwrap()));
    let api = client(&sim, Config::default()).user_api();
    let before = sim.user(id).unwrap();

    let calls = sim.calls();
    api.update_user_with(id, |user| user.phone = Some("555-0199".into())).await.unwrap();
    assert_eq!(sim.calls() - calls, 2);
    assert_eq!(sent_body(&sim)["beta"], serde_json::json!({"x": [1.50]}));
    let mut after = sim.user(id).unwrap();
    assert_eq!(after.phone.take().as_deref(), Some("555-0199"));
    after.phone.clone_from(&before.phone);
    assert_eq!(after, before);

    // An unchanged user is not written, and the earlier write's response saves the read.
    let calls = sim.calls();
    api.update_user_with(id, |user| user.phone = Some("555-0199".into())).await.unwrap();
    assert_eq!(sim.calls() - calls, 0);
}

#[tokio::test(start_paused = true)]
async fn concurrent_changes_do_not_undo_each_other() {
    let sim = Sim::builder().users(3).groups(2).latency(Duration::from_secs(1)).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    let oid = sim.groups()[0].group_oid.unwrap();
    let membership = || {
        let groups = sim.user(id).unwrap().groups.unwrap();
        groups.into_iter().find(|group| group.group_oid == Some(oid)).unwrap().member.unwrap()
    };

    let (phone, name) = tokio::join!(
        api.update_user_with(id, |user| user.phone = Some("555-0199".into())),
        api.update_user_with(id, |user| user.full_name = Some("Grace Hopper".into())),
    );
    assert!(phone.is_ok() && name.is_ok());
    let user = sim.user(id).unwrap();
    assert_eq!((user.phone.as_deref(), user.full_name.as_deref()), (Some("555-0199"), Some("Grace Hopper")));

    // The membership is stored in both the user and the group.
    let before = membership();
    let (user, group) = tokio::join!(
        api.update_user_with(id, |user| {
            for group in user.groups.iter_mut().flatten().filter(|group| group.group_oid == Some(oid)) {
                group.member = Some(!before);
            }
        }),
        api.update_group_with(oid, |group| group.name = Some("Night shift".into())),
    );
    assert!(user.is_ok() && group.is_ok());
    assert_eq!(sim.group(oid).unwrap().name.as_deref(), Some("Night shift"));
    assert_eq!(membership(), !before);
    // One user and one group are read. The responses of the writes save further reads.
    assert_eq!(sim.calls(), 2 + 4);
}

#[tokio::test(start_paused = true)]
async fn update_group_with_keeps_unknown_fields() {
    for body in [GetGroupBody::Present, GetGroupBody::Empty] {
        let sim = Sim::builder().users(3).groups(4).get_group_body(body).build();
        let oid = sim.groups()[2].group_oid.unwrap();
        let beta: Box<RawValue> = serde_json::from_str(r#"{"x": [1.50, null]}"#).unwrap();
        assert!(sim.edit_group(oid, |group| group.extra.insert("beta", &beta).unwrap()));
        let api = client(&sim, Config::default()).user_api();
        let before = sim.group(oid).unwrap();

        let returned = api.update_group_with(oid, |group| group.name = Some("Renamed".into())).await.unwrap();
        // The client must send unknown fields, too. The simulator keeps fields that are not sent, but
        // UltraCart might delete them.
        assert_eq!(sent_body(&sim)["beta"], serde_json::json!({"x": [1.50, null]}));
        let mut after = sim.group(oid).unwrap();
        assert_eq!(returned, after);
        assert_eq!(after.extra.get("beta"), Some(beta.get()));
        assert_eq!(after.name.take().as_deref(), Some("Renamed"));
        after.name.clone_from(&before.name);
        assert_eq!(after, before);
    }
}

#[tokio::test(start_paused = true)]
async fn group_with_empty_response_is_read_from_list() {
    let sim = Sim::builder().users(3).groups(4).get_group_body(GetGroupBody::Empty).build();
    let api = client(&sim, Config::default()).user_api();
    let oid = sim.groups()[2].group_oid.unwrap();
    assert_eq!(api.get_group(oid).await.unwrap().name, sim.group(oid).unwrap().name);

    // With `Refresh`, the list is read again before the change.
    sim.edit_group(oid, |group| group.name = Some("Renamed elsewhere".into()));
    let user = sim.users()[0].user_id.unwrap();
    let api = api.cache_policy(CachePolicy::Refresh);
    let changed = api.update_group_with(oid, |group| {
        assert_eq!(group.name.as_deref(), Some("Renamed elsewhere"));
        for member in group.users.iter_mut().flatten().filter(|member| member.user_id == Some(user)) {
            member.member = Some(!member.member.unwrap_or_default());
        }
    });
    assert_eq!(changed.await.unwrap().name.as_deref(), Some("Renamed elsewhere"));
    let membership = |groups: Option<Vec<UserGroupMembership>>| {
        groups.unwrap().iter().find(|group| group.group_oid == Some(oid)).unwrap().member
    };
    let group = sim.group(oid).unwrap();
    let member = group.users.unwrap().iter().find(|member| member.user_id == Some(user)).unwrap().member;
    assert_eq!(membership(sim.user(user).unwrap().groups), member);
}

#[tokio::test(start_paused = true)]
async fn group_newer_than_the_list_is_found() {
    let sim = Sim::builder().users(1).groups(2).get_group_body(GetGroupBody::Empty).build();
    let api = client(&sim, Config::default()).user_api();
    api.get_groups().await.unwrap();
    let oid = sim.put_group(Group::new().name("Made elsewhere"));
    assert_eq!(api.get_group(oid).await.unwrap().name.as_deref(), Some("Made elsewhere"));
    assert_eq!(sim.calls(), 1 + 2);
    // The new list is cached, and so is the fact that `getGroup` returns an empty body.
    api.get_group(oid).await.unwrap();
    assert_eq!(api.get_groups().await.unwrap().len(), 3);
    assert_eq!(sim.calls(), 1 + 2);
}

#[tokio::test(start_paused = true)]
async fn missing_group_costs_one_list() {
    let sim = Sim::builder().users(1).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    sim.fault(Fault::response(http::Response::default()).on(Operation::GetGroup));
    assert!(api.get_group(999.into()).await.unwrap_err().is_not_found());
    assert_eq!(sim.calls(), 2);
    // The failure is cached, so no list is read again at once.
    assert!(api.get_group(999.into()).await.unwrap_err().is_not_found());
    assert_eq!(sim.calls(), 2);
    tokio::time::advance(Duration::from_secs(6)).await;
    assert!(api.get_group(999.into()).await.unwrap_err().is_not_found());
    assert_eq!(sim.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn paged_list_is_returned_whole() {
    let sim = Sim::builder().users(25).groups(5).page_size(10).build();
    let api = client(&sim, Config::default()).user_api();
    let ids =
        |users: &[std::sync::Arc<User>]| users.iter().map(|user| user.user_id.unwrap()).collect::<Vec<_>>();
    let expected: Vec<UserId> = sim.users().iter().map(|user| user.user_id.unwrap()).collect();
    assert_eq!(ids(&api.get_users().await.unwrap()), expected);
    assert_eq!(sim.calls(), 3);
    let queries: Vec<String> =
        sim.requests().iter().map(|request| request.query.clone().unwrap_or_default()).collect();
    assert!(queries[0].is_empty() && queries[2].contains("_offset=20"), "{queries:?}");
}

#[tokio::test(start_paused = true)]
async fn unknown_id_is_not_found_with_400_and_404() {
    for status in [UnknownIdStatus::BadRequest, UnknownIdStatus::NotFound] {
        let sim = Sim::builder().users(1).groups(1).unknown_id(status).build();
        let api = client(&sim, Config::default()).user_api();
        assert!(api.get_user(999.into()).await.unwrap_err().is_not_found());
        assert!(api.get_user_logins(999.into()).await.unwrap_err().is_not_found());
        assert!(api.delete_user(999.into()).await.unwrap_err().is_not_found());
        assert!(api.get_group(999.into()).await.unwrap_err().is_not_found());
        assert!(api.delete_group(999.into()).await.unwrap_err().is_not_found());
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_user_costs_no_call() {
    let sim = Sim::builder().users(1).build();
    let api = client(&sim, Config::default()).user_api();
    let error = api.insert_user(&User::new().email("x".repeat(151))).await.unwrap_err();
    assert_eq!((error.kind(), sim.calls()), (ErrorKind::InvalidRequest, 0));
}
