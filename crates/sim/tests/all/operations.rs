//! The eleven operations and the checks that every call must pass.

use crate::support::{delete, get, post, put, request, send};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use ultracart_model::{User, UserLogin};
use ultracart_sim::{GetGroupBody, Histories, Sim, UnknownIdStatus};

fn sim() -> Sim {
    Sim::builder().users(5).build()
}

fn members(list: &Value, id: &str) -> Vec<i64> {
    let is_member = |entry: &&Value| entry["member"] == true;
    list.as_array().unwrap().iter().filter(is_member).map(|entry| entry[id].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn users_are_inserted_read_updated_and_deleted() {
    let sim = sim();
    let inserted = post(&sim, "/user/users", r#"{"login":"ada","email":"ada@example.com","beta":1.0}"#).await;
    assert_eq!(inserted.status, StatusCode::OK);
    assert_eq!(inserted.headers["content-type"], "application/json; charset=UTF-8");
    let inserted = inserted.json();
    assert_eq!(inserted["success"], true);
    let id = inserted["user"]["user_id"].as_i64().unwrap();
    let path = format!("/user/users/{id}");

    let updated = put(&sim, &path, r#"{"phone":"1","email":null}"#).await.json();
    assert_eq!(updated["user"]["login"], "ada", "missing fields stay");
    assert_eq!(updated["user"]["phone"], "1");
    assert_eq!(updated["user"].get("email"), None, "null clears a field");
    assert_eq!(updated["user"]["beta"].to_string(), "1.0", "unknown fields are stored unchanged");

    let list = get(&sim, "/user/users").await.json();
    assert_eq!(list["users"].as_array().unwrap().len(), 6);
    assert_eq!(list["users"][5]["phone"], "1");
    assert_eq!(list["metadata"]["result_set"]["more"], false);

    let deleted = delete(&sim, &path).await;
    assert_eq!((deleted.status, deleted.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(get(&sim, &path).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(sim.users().len(), 5);
}

#[tokio::test]
async fn unknown_fields_are_stored_byte_for_byte() {
    let sim = sim();
    let beta = r#""beta":{"x":[1.0,1e2,12345678901234567890123456789012],"y":null}"#;
    let body = format!(
        r#"{{"login":"ada",{beta},"permissions":[{{"permission_Name":"p","selected":true,{beta}}}]}}"#
    );
    let inserted = post(&sim, "/user/users", &body).await;
    let text = String::from_utf8(inserted.body.to_vec()).unwrap();
    assert_eq!(text.matches(beta).count(), 2, "{text}");
}

#[tokio::test]
async fn membership_is_the_same_from_both_sides() {
    let sim = sim();
    let groups = r#"{"groups":[{"group_oid":102,"member":true},{"group_oid":103,"member":false}]}"#;
    let user = put(&sim, "/user/users/2", groups).await.json();
    assert_eq!(members(&user["user"]["groups"], "group_oid"), [102]);
    assert_eq!(user["user"]["groups"].as_array().unwrap().len(), 12, "every group is listed");
    assert!(members(&get(&sim, "/user/groups/102").await.json()["group"]["users"], "user_id").contains(&2));

    let users =
        r#"{"users":[{"user_id":2,"member":false},{"user_id":3,"member":true},{"user_id":4,"member":true}]}"#;
    let group = put(&sim, "/user/groups/102", users).await.json();
    assert_eq!(members(&group["group"]["users"], "user_id"), [3, 4]);
    let entry = &group["group"]["users"][2];
    assert_eq!(entry["fullName"], get(&sim, "/user/users/3").await.json()["user"]["full_name"]);
    assert!(members(&get(&sim, "/user/users/4").await.json()["user"]["groups"], "group_oid").contains(&102));

    delete(&sim, "/user/users/3").await;
    assert_eq!(members(&get(&sim, "/user/groups").await.json()["groups"][1]["users"], "user_id"), [4]);
    assert_eq!(delete(&sim, "/user/groups/102").await.status, StatusCode::NO_CONTENT);
    let user = get(&sim, "/user/users/4").await.json();
    assert_eq!(user["user"]["groups"].as_array().unwrap().len(), 11);
    let response = put(&sim, "/user/users/4", r#"{"groups":[{"group_oid":102,"member":true}]}"#).await;
    assert_eq!(response.error(), "group_oid 102 does not exist.");
}

#[tokio::test]
async fn group_update_keeps_missing_fields() {
    let sim = sim();
    let body =
        r#"{"name":"Night Shift","permissions":[{"permission_name":"orders_view","selected":true}],"x":1}"#;
    let group = post(&sim, "/user/groups", body).await.json();
    let path = format!("/user/groups/{}", group["group"]["group_oid"]);
    let group = put(&sim, &path, r#"{"name":"Day Shift"}"#).await.json();
    assert_eq!(group["group"]["name"], "Day Shift");
    assert_eq!(group["group"]["x"], 1);
    let permissions = group["group"]["permissions"].as_array().unwrap();
    assert_eq!(permissions.len(), 30, "every permission is listed");
    let orders_view = json!({"permission_Name": "orders_view", "selected": true});
    assert_eq!(
        permissions.iter().filter(|permission| permission["selected"] == true).collect::<Vec<_>>(),
        [&orders_view]
    );
}

#[tokio::test]
async fn passwords_are_stored_but_never_returned() {
    let sim = sim();
    let body = r#"{"login":"ada","change_password_to":"SECRET-1","change_ftp_password_to":"SECRET-2"}"#;
    let inserted = post(&sim, "/user/users", body).await;
    assert!(!format!("{inserted:?}").contains("SECRET"));
    let path = format!("/user/users/{}", inserted.json()["user"]["user_id"]);
    for same in [r#"{"change_ftp_password_to":"SECRET-1"}"#, r#"{"change_password_to":"SECRET-2"}"#] {
        let response = put(&sim, &path, same).await;
        assert_eq!(response.error(), "The FTP password may not be the same as the normal password.");
    }
    assert_eq!(put(&sim, &path, r#"{"change_password_to":"SECRET-3"}"#).await.status, StatusCode::OK);
    assert_eq!(put(&sim, &path, r#"{"change_ftp_password_to":"SECRET-1"}"#).await.status, StatusCode::OK);
    assert_eq!(
        put(&sim, &path, r#"{"change_password_to":7}"#).await.error(),
        "change_password_to must be a string."
    );
    assert!(!get(&sim, "/user/users").await.body.windows(6).any(|bytes| bytes == b"SECRET"));
    assert!(!format!("{:?}", sim.requests()).contains("SECRET"));
}

#[tokio::test]
async fn invalid_write_gets_an_error_message() {
    let sim = sim();
    let taken = sim.user(2).unwrap().login.unwrap();
    let long = "x".repeat(151);
    for (body, message) in [
        (format!(r#"{{"login":"{taken}"}}"#), "Another user has this login already."),
        (format!(r#"{{"email":"{long}"}}"#), "`email` has 151 characters; UltraCart accepts at most 150"),
        (
            r#"{"groups":[{"name":"No Such Group","member":true}]}"#.to_owned(),
            "A group of the user does not exist.",
        ),
        ("{".to_owned(), "Invalid JSON: EOF while parsing an object at line 1 column 1"),
        ("[]".to_owned(), "Invalid JSON: invalid type: sequence, expected a map at line 1 column 0"),
        (
            r#"{"email":5}"#.to_owned(),
            "Invalid JSON: invalid type: integer `5`, expected a string at line 1 column 10",
        ),
    ] {
        let response = post(&sim, "/user/users", &body).await;
        assert_eq!((response.status, response.error().as_str()), (StatusCode::BAD_REQUEST, message));
    }
    let same = put(&sim, "/user/users/2", &format!(r#"{{"login":"{taken}"}}"#)).await;
    assert_eq!(same.status, StatusCode::OK, "a user may keep the login");
    assert_eq!(sim.users().len(), 5);
}

#[tokio::test]
async fn login_is_free_after_rename_or_deletion() {
    let sim = sim();
    let login = sim.user(2).unwrap().login.unwrap();
    let body = format!(r#"{{"login":"{login}"}}"#);
    put(&sim, "/user/users/2", r#"{"login":"other"}"#).await;
    assert_eq!(put(&sim, "/user/users/3", &body).await.status, StatusCode::OK);
    delete(&sim, "/user/users/3").await;
    assert_eq!(post(&sim, "/user/users", &body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn call_needs_version_credentials_content_type() {
    let sim = sim();
    let without = |header: &str| {
        let mut request = request(&sim, &Method::POST, "/user/users", r#"{"login":"x"}"#);
        request.headers_mut().remove(header);
        request
    };
    let response = send(&sim, without("x-ultracart-api-version")).await;
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
    assert_eq!(response.error(), "The header X-UltraCart-Api-Version must be 2017-03-01.");
    assert_eq!(send(&sim, without("x-ultracart-simple-key")).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(send(&sim, without("content-type")).await.status, StatusCode::BAD_REQUEST);
    let mut wrong = request(&sim, &Method::GET, "/user/users", "");
    wrong.headers_mut().insert("x-ultracart-simple-key", "wrong".parse().unwrap());
    assert_eq!(send(&sim, wrong).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(sim.users().len(), 5);
    assert_eq!(sim.calls(), 4, "failed calls count");
}

#[tokio::test]
async fn unknown_paths_methods_and_ids_are_errors() {
    let sim = sim();
    assert_eq!(get(&sim, "/user/unknown").await.status, StatusCode::NOT_FOUND);
    let wrong = put(&sim, "/user/users", "{}").await;
    assert_eq!(
        (wrong.status, wrong.headers["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, POST")
    );
    for id in ["x", "1.5", "99999999999", "%31", "-"] {
        let response = get(&sim, &format!("/user/users/{id}")).await;
        assert_eq!(response.error(), "user_id must be a whole number of 32 bits.");
    }
    let unknown = get(&sim, "/user/groups/7").await;
    assert_eq!(
        (unknown.status, unknown.error().as_str()),
        (StatusCode::BAD_REQUEST, "group_oid 7 does not exist.")
    );
    assert_eq!(unknown.json()["error"]["object_id"], "7");
    let other = Sim::builder().unknown_id(UnknownIdStatus::NotFound).build();
    assert_eq!(delete(&other, "/user/users/7777").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn get_group_can_return_an_empty_body() {
    let sim = Sim::builder().get_group_body(GetGroupBody::Empty).build();
    let response = get(&sim, "/user/groups/101").await;
    assert_eq!((response.status, response.body.len()), (StatusCode::OK, 0));
    assert_eq!(get(&sim, "/user/groups/1").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(put(&sim, "/user/groups/101", "{}").await.json()["group"]["group_oid"], 101);
}

#[tokio::test]
async fn get_users_has_histories_only_if_configured() {
    let has_history = |list: Value| list["users"][0].get("login_histories").is_some();
    assert!(!has_history(get(&sim(), "/user/users").await.json()));
    let all = Sim::builder().users(5).histories_in_list(Histories::All).build();
    assert!(has_history(get(&all, "/user/users").await.json()));
    let logins = get(&all, "/user/users/1/logins").await.json();
    assert!(logins["logins"].as_array().unwrap().len() > 10);
    assert_eq!(logins["logins"], get(&all, "/user/users/1").await.json()["user"]["login_histories"]);
}

#[tokio::test(start_paused = true)]
async fn logins_older_than_90_days_are_hidden() {
    let sim = Sim::builder().users(1).start_at("2024-06-01T00:00:00Z".parse().unwrap()).build();
    let login = |dts: &str| UserLogin::new().login_dts(dts);
    sim.set_logins(
        1,
        [login("2024-05-31T20:00:00-04:00"), login("2024-03-01T00:00:00Z"), login("yesterday")],
    );
    let count = async || get(&sim, "/user/users/1/logins").await.json()["logins"].as_array().unwrap().len();
    assert_eq!(count().await, 2, "the login of March is too old, that of `yesterday` cannot be parsed");
    tokio::time::advance(std::time::Duration::from_hours(90 * 24 + 1)).await;
    assert_eq!(count().await, 1);
}

#[tokio::test]
async fn lists_are_paged_if_configured() {
    let sim = Sim::builder().users(5).page_size(2).build();
    let mut ids = Vec::new();
    let mut offset = json!(0);
    loop {
        let page = get(&sim, &format!("/user/users?_offset={offset}")).await.json();
        ids.extend(page["users"].as_array().unwrap().iter().map(|user| user["user_id"].as_i64().unwrap()));
        let result_set = &page["metadata"]["result_set"];
        assert_eq!(result_set["total_records"], 5);
        if result_set["more"] == false {
            assert_eq!(result_set.get("next_offset"), None);
            break;
        }
        offset = result_set["next_offset"].clone();
    }
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    let one = get(&sim, "/user/groups?_limit=1&_offset=3").await.json();
    assert_eq!(
        (one["groups"][0]["group_oid"].clone(), one["groups"].as_array().unwrap().len()),
        (json!(104), 1)
    );
    let beyond = get(&sim, "/user/users?_offset=99").await.json();
    assert_eq!((&beyond["users"], &beyond["metadata"]["result_set"]["more"]), (&json!([]), &json!(false)));
    assert_eq!(get(&sim, "/user/users?_offset=x").await.error(), "_offset must be a whole number.");
}

#[tokio::test]
async fn put_and_edit_store_unvalidated_objects() {
    let sim = sim();
    let id = sim.put_user(User::new().login("ada").email("x".repeat(200)));
    assert_eq!(sim.user(id).unwrap().permissions, None);
    assert!(sim.edit_user(id, |user| user.full_name = Some("<b>Ada</b>".into())));
    let user = get(&sim, &format!("/user/users/{id}")).await.json();
    assert_eq!(user["user"]["full_name"], "<b>Ada</b>");
    assert_eq!(user["user"]["email"].as_str().unwrap().len(), 200);
    assert!(!sim.edit_user(4711, |_| ()));
    assert!(sim.edit_group(101, |group| group.name = Some("Root".into())));
    assert_eq!(get(&sim, "/user/users/1").await.json()["user"]["groups"][0]["name"], "Root");
}
