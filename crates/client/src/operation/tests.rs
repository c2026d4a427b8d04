use std::fmt::Write as _;

use ultracart_model::{Group, GroupOid, Permission, User, UserId};
use ultracart_sim::{Fault, Sim};

use super::*;
use crate::Client;

fn shown(operation: &impl Operation) -> String {
    let call = operation.call().unwrap();
    let mut text = format!("{}: {} {} ({:?})", call.operation, call.method, call.path, call.safety);
    if let Some(body) = call.body {
        write!(text, "\n    {}", String::from_utf8_lossy(&body)).unwrap();
    }
    text
}

#[test]
fn all_eleven_as_they_are_sent() {
    let user = User::new().login("ada").email("ada@example.com").change_password_to("new");
    let group = Group::new()
        .name("Finance")
        .permissions([Permission::new().permission_name("orders").selected(true)]);
    let (user_id, group_oid) = (UserId::from(7), GroupOid::from(3));
    let all = [
        shown(&GetUsers::page(Page::default())),
        shown(&GetUser(user_id)),
        shown(&GetUserLogins(user_id)),
        shown(&InsertUser(&user)),
        shown(&UpdateUser(user_id, &user)),
        shown(&DeleteUser(user_id)),
        shown(&GetGroups::page(Page::default())),
        shown(&GetGroup(group_oid)),
        shown(&InsertGroup(&group)),
        shown(&UpdateGroup(group_oid, &group)),
        shown(&DeleteGroup(group_oid)),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn what_ultracart_would_refuse_is_not_sent() {
    let user = User::new().email("x".repeat(151));
    for error in [InsertUser(&user).call().unwrap_err(), UpdateUser(7.into(), &user).call().unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(!error.may_have_reached_server());
        assert_eq!(error.to_string(), "`email` has 151 characters, and UltraCart takes 150 at the most");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_nested_too_deeply_is_told_and_where() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (body, place) in [
        (format!(r#"{{"new":{deep}}}"#), "at line 1, column 408"),
        (format!(r#"{{"users":[{{}},{{"new":{deep}}}]}}"#), "at `users[1]` (line 1, column 421)"),
        // The server chose this name, so none of it is shown.
        (format!(r#"{{"users":[{{"expected \u001b[2J":{deep}}}]}}"#), "at `users[0]` (line 1, column 433)"),
    ] {
        let sim = Sim::builder().simple_key("key").build();
        sim.fault(Fault::answer(http::Response::new(body.into())));
        let client = Client::builder().simple_key("key").service(sim.service()).build().unwrap();
        let error = client.user_api().get_users().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("get_users: the answer is not what the API documents: {place}: it is nested too deeply")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_is_no_utf_8_is_told_and_where() {
    let sim = Sim::builder().simple_key("key").build();
    let body = b"{\"success\":true,\n\"users\":[{\"login\":\"ad\xff\"}]}";
    sim.fault(Fault::answer(http::Response::new(body.as_slice().into())));
    let client = Client::builder().simple_key("key").service(sim.service()).build().unwrap();
    let error = client.user_api().get_users().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("it is no JSON from line 2, column 22 on"), "{error}");
}
