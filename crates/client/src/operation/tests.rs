use std::fmt::Write as _;

use ultracart_model::{Group, GroupOid, Permission, User, UserId};
use ultracart_sim::{Fault, Sim};

use super::*;
use crate::Client;

fn describe(operation: &impl Operation) -> String {
    let call = operation.call().unwrap();
    let mut text = format!("{}: {} {} ({:?})", call.operation, call.method, call.path, call.safety);
    if let Some(body) = call.body {
        write!(text, "\n    {}", String::from_utf8_lossy(&body)).unwrap();
    }
    text
}

#[test]
fn every_operation_sends_its_documented_request() {
    let user = User::new().login("ada").email("ada@example.com").change_password_to("new");
    let group = Group::new()
        .name("Finance")
        .permissions([Permission::new().permission_name("orders").selected(true)]);
    let (user_id, group_oid) = (UserId::from(7), GroupOid::from(3));
    let all = [
        describe(&GetUsers::page(Page::default())),
        describe(&GetUser(user_id)),
        describe(&GetUserLogins(user_id)),
        describe(&InsertUser(&user)),
        describe(&UpdateUser(user_id, &user)),
        describe(&DeleteUser(user_id)),
        describe(&GetGroups::page(Page::default())),
        describe(&GetGroup(group_oid)),
        describe(&InsertGroup(&group)),
        describe(&UpdateGroup(group_oid, &group)),
        describe(&DeleteGroup(group_oid)),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn invalid_user_is_not_sent() {
    let user = User::new().email("x".repeat(151));
    for error in [InsertUser(&user).call().unwrap_err(), UpdateUser(7.into(), &user).call().unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(!error.may_have_reached_server());
        assert_eq!(error.to_string(), "`email` has 151 characters; UltraCart accepts at most 150");
    }
}

#[tokio::test(start_paused = true)]
async fn deeply_nested_response_is_an_error_with_its_place() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (body, place) in [
        (format!(r#"{{"new":{deep}}}"#), "at line 1, column 408"),
        (format!(r#"{{"users":[{{}},{{"new":{deep}}}]}}"#), "at `users[1]` (line 1, column 421)"),
        // The name comes from the server, so the message does not show it.
        (format!(r#"{{"users":[{{"expected \u001b[2J":{deep}}}]}}"#), "at `users[0]` (line 1, column 433)"),
    ] {
        let sim = Sim::builder().simple_key("key").build();
        sim.fault(Fault::response(http::Response::new(body.into())));
        let client = Client::builder().simple_key("key").service(sim.service()).build().unwrap();
        let error = client.user_api().get_users().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "get_users: the response does not match the API documentation {place}: nested too deeply"
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_utf8_is_an_error_with_its_place() {
    let sim = Sim::builder().simple_key("key").build();
    let body = b"{\"success\":true,\n\"users\":[{\"login\":\"ad\xff\"}]}";
    sim.fault(Fault::response(http::Response::new(body.as_slice().into())));
    let client = Client::builder().simple_key("key").service(sim.service()).build().unwrap();
    let error = client.user_api().get_users().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("is not valid JSON at line 2, column 22"), "{error}");
}
