//! Promise 13: only complete, successful responses are cached, never what a caller sent.

use std::time::Duration;

use ultracart_client::model::User;
use ultracart_client::{Config, ErrorKind};
use ultracart_sim::{Fault, Operation, Sim};

use crate::client;
use crate::support::{SECOND, group_oid, no_retries, user_id};

#[tokio::test(start_paused = true)]
async fn incomplete_or_failed_list_is_not_cached() {
    for fault in [
        Fault::response(http::Response::new(r#"{"success": false, "users": []}"#.into())),
        Fault::response(http::Response::new(r#"{"error": {"user_message": "no"}, "users": []}"#.into())),
        Fault::response(http::Response::new(r#"{"success": true, "users": [{"#.into())),
    ] {
        let sim = Sim::builder().users(5).build();
        let api = client(&sim, Config::default()).user_api();
        sim.fault(fault.on(Operation::GetUsers));
        api.get_users().await.unwrap_err();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(api.get_users().await.unwrap().len(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn password_of_update_user_is_not_cached() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    // This read shows that the response of a write is complete, so that it can serve a read.
    api.get_user(id).await.unwrap();
    api.update_user(id, &User::new().change_password_to("Secret-1")).await.unwrap();
    let user = api.get_user(id).await.unwrap();
    assert_eq!((user.calls(), &user.change_password_to), (0, &None));
    assert!(api.get_users().await.unwrap().iter().all(|user| user.change_password_to.is_none()));
}

#[tokio::test(start_paused = true)]
async fn unsuccessful_response_is_never_cached() {
    let unsuccessful = |operation| {
        let body = r#"{"success": false, "user": {}, "group": {}, "groups": [], "user_logins": []}"#;
        Fault::response(http::Response::new(body.into())).on(operation)
    };
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, no_retries()).user_api();
    let (id, oid) = (user_id(&sim, 0), group_oid(&sim, 0));
    sim.script([
        unsuccessful(Operation::GetUser),
        unsuccessful(Operation::GetGroup),
        unsuccessful(Operation::GetGroups),
        unsuccessful(Operation::GetUserLogins),
    ]);
    assert_eq!(api.get_user(id).await.unwrap_err().kind(), ErrorKind::Api);
    assert_eq!(api.get_group(oid).await.unwrap_err().kind(), ErrorKind::Api);
    assert_eq!(api.get_groups().await.unwrap_err().kind(), ErrorKind::Api);
    assert_eq!(api.get_user_logins(id).await.unwrap_err().kind(), ErrorKind::Api);
    tokio::time::advance(5 * SECOND).await;
    assert_eq!(api.get_user(id).await.unwrap().user_id, Some(id));
    assert_eq!(api.get_group(oid).await.unwrap().group_oid, Some(oid));
    assert_eq!(api.get_groups().await.unwrap().len(), 2);
    assert!(!api.get_user_logins(id).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn response_of_failed_write_is_not_served() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let id = user_id(&sim, 0);
    // The response has every field of the user.
    let mut user = sim.user(id).unwrap();
    api.get_user(id).await.unwrap();
    user.phone = Some("555-0100".into());
    let body = serde_json::json!({ "success": false, "user": user }).to_string();
    sim.fault(Fault::response(http::Response::new(body.into())).on(Operation::UpdateUser));
    let error = api.update_user(id, &User::new().phone("555-0100")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    let user = api.get_user(id).await.unwrap();
    assert_eq!((user.calls(), &user.phone), (1, &sim.user(id).unwrap().phone));
}

#[tokio::test(start_paused = true)]
async fn passwords_of_insert_and_change_are_not_cached() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let id = user_id(&sim, 0);
    api.get_user(id).await.unwrap();
    api.update_user_with(id, |user| user.change_password_to = Some("Secret-1".into())).await.unwrap();
    let new = User::new().login("new.user").email("new@example.com").change_password_to("Secret-2");
    let new = api.insert_user(&new).await.unwrap().user_id.unwrap();
    for id in [id, new] {
        let user = api.get_user(id).await.unwrap();
        assert_eq!((user.calls(), &user.change_password_to), (0, &None));
    }
    assert!(api.get_users().await.unwrap().iter().all(|user| user.change_password_to.is_none()));
}
