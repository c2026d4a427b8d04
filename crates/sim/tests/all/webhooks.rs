//! What the account's webhook is told.

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use serde_json::Value;
use ultracart_model::{GroupUserMembership, Text, User, UserLogin};
use ultracart_sim::{Builder, Fault, Sim, Webhook, WebhookFault};

use crate::support::{delete, get, post, put};

fn account() -> Builder {
    Sim::builder().users(5).groups(2).unlimited().webhook(Webhook::new())
}

/// Each event's name and its user.
type Events = Vec<(String, Value)>;

/// The events of a delivery.
fn events(delivery: &Request<Bytes>) -> Events {
    let body: Value = serde_json::from_slice(delivery.body()).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    let list = match &body["events"] {
        Value::String(text) => {
            let gzip = BASE64_STANDARD.decode(text).unwrap();
            let mut json = String::new();
            flate2::read::GzDecoder::new(&*gzip).read_to_string(&mut json).unwrap();
            serde_json::from_str(&json).unwrap()
        }
        list => list.clone(),
    };
    let event = |event: &Value| {
        let fields = event.as_object().unwrap();
        assert_eq!(fields.len(), 1, "{event}");
        let (name, user) = fields.iter().next().unwrap();
        (name.clone(), user.clone())
    };
    list.as_array().unwrap().iter().map(event).collect()
}

/// The events of all deliveries that are due, which have one each.
fn told(sim: &Sim) -> Events {
    let deliveries = sim.take_deliveries();
    let events: Events = deliveries.iter().flat_map(events).collect();
    assert_eq!(events.len(), deliveries.len());
    events
}

/// The numbers of the users in all deliveries that are due.
fn users(sim: &Sim) -> Vec<i64> {
    told(sim).iter().map(|(_, user)| user["user_id"].as_i64().unwrap()).collect()
}

fn change(sim: &Sim, users: impl IntoIterator<Item = i32>) {
    for id in users {
        assert!(sim.edit_user(id, |user| user.phone = Some(Text::from("555"))));
    }
}

#[tokio::test]
async fn the_api_tells_of_users_as_get_user_shows_them() {
    let sim = account().build();
    let inserted = post(&sim, "/user/users", r#"{"login":"ada","email":"a@example.com"}"#).await;
    let updated = put(&sim, "/user/users/6", r#"{"email":"b@example.com"}"#).await;
    delete(&sim, "/user/users/6").await;
    let (inserted, updated) = (inserted.json()["user"].take(), updated.json()["user"].take());
    let expected = [("user_create", &inserted), ("user_update", &updated), ("user_delete", &updated)]
        .map(|(name, user)| (name.to_owned(), user.clone()));
    assert_eq!(told(&sim), expected, "and the user who was deleted is told as they were");
    assert_eq!(updated["login"], "ada");
    assert_eq!(told(&sim), [], "an event is taken once");
}

#[test]
fn so_do_changes_behind_its_back() {
    let sim = account().build();
    let ada = sim.put_user(User::new().login("ada"));
    sim.put_user(User::new().user_id(ada).login("ada.l"));
    change(&sim, [ada.get()]);
    assert!(sim.remove_user(ada));
    let told: Vec<_> = told(&sim)
        .iter()
        .map(|(name, user)| {
            assert_eq!(user["user_id"], ada.get());
            format!("{name} {} {}", user["login"], user["phone"])
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"user_create "ada" null"#,
            r#"user_update "ada.l" null"#,
            r#"user_update "ada.l" "555""#,
            r#"user_delete "ada.l" "555""#,
        ]
    );
}

#[tokio::test]
async fn what_changes_nothing_is_not_told() {
    let sim = account().build();
    put(&sim, "/user/users/99", "{}").await;
    put(&sim, "/user/users/1", r#"{"groups":[{"group_oid":99,"member":true}]}"#).await;
    post(&sim, "/user/users", "no JSON").await;
    delete(&sim, "/user/users/99").await;
    get(&sim, "/user/users/1").await;
    sim.fault(Fault::status_500());
    delete(&sim, "/user/users/1").await;
    assert!(!sim.remove_user(99) && !sim.edit_user(99, |_| {}) && !sim.login(99, "", ""));
    assert!(sim.set_logins(1, [UserLogin::new()]));
    assert_eq!(told(&sim), []);
    sim.fault(Fault::status_500().after_effect());
    delete(&sim, "/user/users/1").await;
    assert_eq!(users(&sim), [1], "an answer that is lost changes nothing about what was done");
}

#[tokio::test]
async fn groups_are_silent_and_so_are_their_members() {
    let sim = account().build();
    let members = r#"{"name":"new","users":[{"user_id":1,"member":true}]}"#;
    post(&sim, "/user/groups", members).await;
    put(&sim, "/user/groups/101", members).await;
    delete(&sim, "/user/groups/101").await;
    let everybody = (1..=5).map(|id| GroupUserMembership::new().user_id(id).member(true)).collect();
    assert!(sim.edit_group(102, |group| group.users = Some(everybody)));
    assert!(sim.remove_group(102));
    assert_eq!(told(&sim), []);
    let (_, user) = {
        change(&sim, [1]);
        told(&sim).remove(0)
    };
    assert_eq!(user["groups"].as_array().unwrap().len(), 1, "what became of the groups is seen then");
}

#[tokio::test]
async fn a_login_is_added_to_the_history_and_told() {
    let start = "2024-11-05T02:30:00.75Z".parse().unwrap();
    let sim = account().start_at(start).build();
    let before = sim.user(1).unwrap().login_histories.unwrap();
    assert!(sim.login(1, "203.0.113.9", "curl/8"));
    let (name, user) = told(&sim).remove(0);
    assert_eq!(name, "user_login");
    let logins = user["login_histories"].as_array().unwrap();
    assert_eq!(
        logins[0],
        serde_json::json!({
            "login": sim.user(1).unwrap().login.unwrap(),
            "login_dts": "2024-11-05T02:30:00Z",
            "ip_address": "203.0.113.9",
            "user_agent": "curl/8",
        })
    );
    assert_eq!(logins.len(), before.len() + 1);
    let shown = get(&sim, "/user/users/1/logins").await.json()["logins"].take();
    assert_eq!(&shown, &user["login_histories"]);
}

#[tokio::test]
async fn no_delivery_has_a_password() {
    let sim = account().build();
    let secret = r#"{"login":"ada","change_password_to":"SECRET-1","change_ftp_password_to":"SECRET-2"}"#;
    post(&sim, "/user/users", secret).await;
    put(&sim, "/user/users/6", r#"{"change_password_to":"SECRET-3"}"#).await;
    sim.put_user(User::new().login("bob").change_password_to("SECRET-4").change_ftp_password_to("SECRET-5"));
    sim.edit_user(6, |user| user.change_password_to = Some("SECRET-6".into()));
    sim.login(6, "", "");
    sim.remove_user(6);
    let deliveries = sim.take_deliveries();
    assert_eq!(deliveries.len(), 6);
    for delivery in deliveries {
        let body = std::str::from_utf8(delivery.body()).unwrap();
        assert!(!body.contains("SECRET") && !body.contains("password"), "{body}");
    }
}

#[test]
fn a_delivery_is_a_post_of_json() {
    let sim = account().build();
    change(&sim, [1]);
    let delivery = sim.take_deliveries().remove(0);
    assert_eq!((delivery.method(), delivery.uri().path()), (&Method::POST, "/"));
    assert_eq!(delivery.headers()["content-type"], "application/json");
    assert_eq!(delivery.headers().get("authorization"), None);
}

#[test]
fn credentials_are_brought_along_and_shown_by_no_debug() {
    // RFC 7617's own example.
    let webhook = Webhook::new().basic_auth("Aladdin", "open sesame");
    let builder = account().webhook(webhook.clone());
    let sim = builder.clone().build();
    change(&sim, [1]);
    let deliveries = sim.take_deliveries();
    assert_eq!(deliveries[0].headers()["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    let shown = format!("{webhook:?} {builder:?} {sim:?} {deliveries:?}");
    assert!(!shown.contains("sesame") && !shown.contains("QWxh"), "{shown}");
}

#[test]
fn up_to_so_many_events_come_in_one_delivery() {
    let sim = account().webhook(Webhook::new().bundle(3)).build();
    change(&sim, 1..=5);
    let sizes: Vec<usize> = sim.take_deliveries().iter().map(|delivery| events(delivery).len()).collect();
    assert_eq!(sizes, [3, 2]);
    let sim = account().webhook(Webhook::new().bundle(0)).build();
    change(&sim, 1..=2);
    assert_eq!(users(&sim), [1, 2], "one is the least");
}

#[test]
fn compressed_events_are_a_string() {
    let plain = account().webhook(Webhook::new().bundle(5)).build();
    let compressed = account().webhook(Webhook::new().bundle(5).compressed()).build();
    let [plain, compressed] = [plain, compressed].map(|sim| {
        change(&sim, 1..=5);
        sim.take_deliveries().remove(0)
    });
    assert!(compressed.body().starts_with(br#"{"events":"H4sI"#), "gzip");
    assert!(compressed.body().len() * 5 < plain.body().len());
    // The histories are those of two starts.
    let names = |delivery| -> Vec<_> {
        let names = events(delivery).into_iter();
        names.map(|(name, user)| (name, user["login"].clone(), user["permissions"].clone())).collect()
    };
    assert_eq!(names(&compressed), names(&plain));
}

#[test]
fn events_can_be_lost() {
    let sim = account().build();
    sim.webhook_fault(WebhookFault::lost().times(0));
    sim.webhook_fault(WebhookFault::lost().times(2));
    assert_eq!(sim.faults_left(), 1);
    change(&sim, 1..=4);
    assert_eq!(users(&sim), [3, 4]);
    assert_eq!(sim.faults_left(), 0);
    sim.webhook_fault(WebhookFault::lost().always());
    change(&sim, 1..=4);
    assert_eq!(users(&sim), [0; 0]);
    sim.clear_faults();
    change(&sim, 1..=4);
    assert_eq!(users(&sim), [1, 2, 3, 4]);
}

#[test]
fn events_can_be_repeated() {
    let sim = account().build();
    sim.webhook_fault(WebhookFault::repeated(2));
    change(&sim, 1..=2);
    let deliveries = sim.take_deliveries();
    assert_eq!(deliveries[0].body(), deliveries[2].body());
    assert_eq!(
        deliveries.iter().map(|d| events(d)[0].1["user_id"].clone()).collect::<Vec<_>>(),
        [1, 1, 1, 2]
    );
}

#[tokio::test(start_paused = true)]
async fn events_can_be_late_and_are_overtaken() {
    let sim = account().build();
    sim.webhook_fault(WebhookFault::late(Duration::from_mins(10)));
    sim.webhook_fault(WebhookFault::late(Duration::from_mins(5)));
    change(&sim, 1..=3);
    sim.remove_user(1);
    assert_eq!(users(&sim), [3, 1]);
    tokio::time::advance(Duration::from_mins(5)).await;
    assert_eq!(users(&sim), [2]);
    tokio::time::advance(Duration::from_secs(299)).await;
    assert_eq!(users(&sim), [0; 0]);
    tokio::time::advance(Duration::from_secs(1)).await;
    let (name, user) = told(&sim).remove(0);
    assert_eq!((&*name, &user["phone"]), ("user_update", &"555".into()), "as they were when it happened");
}

#[tokio::test(start_paused = true)]
async fn events_that_are_due_come_in_the_order_in_which_they_are() {
    let sim = account().build();
    sim.webhook_fault(WebhookFault::late(Duration::from_secs(2)));
    sim.webhook_fault(WebhookFault::late(Duration::from_secs(1)));
    change(&sim, 1..=3);
    tokio::time::advance(Duration::from_secs(9)).await;
    change(&sim, 4..=4);
    assert_eq!(users(&sim), [3, 2, 1, 4]);
}

#[tokio::test(start_paused = true)]
async fn events_can_be_shuffled_the_same_each_time() {
    let shuffled = |seed| {
        let sim = account().users(30).build();
        change(&sim, 1..=30);
        sim.shuffle_deliveries(seed);
        users(&sim)
    };
    let in_order: Vec<i64> = (1..=30).collect();
    let mut sorted = shuffled(1);
    assert_ne!(sorted, in_order);
    assert_eq!(sorted[..5], [3, 20, 26, 13, 22], "on every machine");
    assert_ne!(sorted, shuffled(2));
    sorted.sort_unstable();
    assert_eq!(sorted, in_order);

    // What was late stays as many.
    let sim = account().build();
    sim.webhook_fault(WebhookFault::late(Duration::from_secs(1)).times(2));
    change(&sim, 1..=5);
    sim.shuffle_deliveries(1);
    assert_eq!(users(&sim).len(), 3);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(users(&sim).len(), 2);
}

#[test]
fn of_more_than_10_000_events_the_first_are_lost() {
    let sim = account().users(0).build();
    sim.put_user(User::new());
    sim.webhook_fault(WebhookFault::repeated(usize::MAX));
    sim.put_user(User::new());
    sim.put_user(User::new());
    let deliveries = sim.take_deliveries();
    assert_eq!(deliveries.len(), 10_000);
    let first = events(&deliveries[0]);
    let last = events(&deliveries[9_999]);
    assert_eq!((&first[0].1["user_id"], &last[0].1["user_id"]), (&2.into(), &3.into()));
}

#[test]
fn of_more_than_128_mib_the_first_are_lost() {
    let sim = account().users(0).build();
    let long = User::new().full_name("x".repeat(4 * 1024 * 1024));
    let deliveries = |times| {
        sim.webhook_fault(WebhookFault::repeated(times));
        sim.put_user(long.clone());
        sim.take_deliveries().len()
    };
    assert_eq!(deliveries(99), 31);
    assert_eq!(deliveries(30), 31, "what was taken out makes room");
    sim.put_user(User::new());
    assert_eq!(deliveries(29), 31);
}

#[test]
fn without_a_webhook_nothing_is_told() {
    let sim = Sim::builder().build();
    sim.webhook_fault(WebhookFault::lost());
    change(&sim, 1..=5);
    assert_eq!(told(&sim), []);
    assert_eq!(sim.faults_left(), 1);
}
