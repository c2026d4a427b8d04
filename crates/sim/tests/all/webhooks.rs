//! Webhook events and deliveries, in process.

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use serde_json::Value;
use ultracart_model::{GroupUserMembership, Text, User, UserLogin};
use ultracart_sim::{Fault, Sim, SimBuilder, Webhook, WebhookFault};

use crate::support::{delete, get, post, put};

fn builder_with_webhook() -> SimBuilder {
    Sim::builder().users(5).groups(2).unlimited().webhook(Webhook::new())
}

/// The name and the user of each event.
type Events = Vec<(String, Value)>;

/// Returns the events of a delivery.
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

/// Takes all deliveries that are due, which must have one event each, and returns the events.
fn due_events(sim: &Sim) -> Events {
    let deliveries = sim.take_deliveries();
    let events: Events = deliveries.iter().flat_map(events).collect();
    assert_eq!(events.len(), deliveries.len());
    events
}

/// Takes all deliveries that are due and returns the IDs of their users.
fn due_user_ids(sim: &Sim) -> Vec<i64> {
    due_events(sim).iter().map(|(_, user)| user["user_id"].as_i64().unwrap()).collect()
}

fn edit_users(sim: &Sim, users: impl IntoIterator<Item = i32>) {
    for id in users {
        assert!(sim.edit_user(id, |user| user.phone = Some(Text::from("555"))));
    }
}

#[tokio::test]
async fn writes_queue_events_like_get_user() {
    let sim = builder_with_webhook().build();
    let inserted = post(&sim, "/user/users", r#"{"login":"ada","email":"a@example.com"}"#).await;
    let updated = put(&sim, "/user/users/6", r#"{"email":"b@example.com"}"#).await;
    delete(&sim, "/user/users/6").await;
    let (inserted, updated) = (inserted.json()["user"].take(), updated.json()["user"].take());
    let expected = [("user_create", &inserted), ("user_update", &updated), ("user_delete", &updated)]
        .map(|(name, user)| (name.to_owned(), user.clone()));
    assert_eq!(due_events(&sim), expected, "the delete event has the user as before the deletion");
    assert_eq!(updated["login"], "ada");
    assert_eq!(due_events(&sim), [], "each event is returned once");
}

#[test]
fn changes_through_sim_queue_events() {
    let sim = builder_with_webhook().build();
    let ada = sim.put_user(User::new().login("ada"));
    sim.put_user(User::new().user_id(ada).login("ada.l"));
    edit_users(&sim, [ada.get()]);
    assert!(sim.remove_user(ada));
    let events: Vec<_> = due_events(&sim)
        .iter()
        .map(|(name, user)| {
            assert_eq!(user["user_id"], ada.get());
            format!("{name} {} {}", user["login"], user["phone"])
        })
        .collect();
    assert_eq!(
        events,
        [
            r#"user_create "ada" null"#,
            r#"user_update "ada.l" null"#,
            r#"user_update "ada.l" "555""#,
            r#"user_delete "ada.l" "555""#,
        ]
    );
}

#[tokio::test]
async fn failed_writes_and_reads_queue_no_event() {
    let sim = builder_with_webhook().build();
    put(&sim, "/user/users/99", "{}").await;
    put(&sim, "/user/users/1", r#"{"groups":[{"group_oid":99,"member":true}]}"#).await;
    post(&sim, "/user/users", "no JSON").await;
    delete(&sim, "/user/users/99").await;
    get(&sim, "/user/users/1").await;
    sim.fault(Fault::status_500());
    delete(&sim, "/user/users/1").await;
    assert!(!sim.remove_user(99) && !sim.edit_user(99, |_| {}) && !sim.add_login(99, "", ""));
    assert!(sim.set_logins(1, [UserLogin::new()]));
    assert_eq!(due_events(&sim), []);
    sim.fault(Fault::status_500().after_effect());
    delete(&sim, "/user/users/1").await;
    assert_eq!(due_user_ids(&sim), [1], "the deletion took effect, although its response was an error");
}

#[tokio::test]
async fn group_changes_queue_no_event() {
    let sim = builder_with_webhook().build();
    let members = r#"{"name":"new","users":[{"user_id":1,"member":true}]}"#;
    post(&sim, "/user/groups", members).await;
    put(&sim, "/user/groups/101", members).await;
    delete(&sim, "/user/groups/101").await;
    let all_users = (1..=5).map(|id| GroupUserMembership::new().user_id(id).member(true)).collect();
    assert!(sim.edit_group(102, |group| group.users = Some(all_users)));
    assert!(sim.remove_group(102));
    assert_eq!(due_events(&sim), []);
    let (_, user) = {
        edit_users(&sim, [1]);
        due_events(&sim).remove(0)
    };
    assert_eq!(user["groups"].as_array().unwrap().len(), 1, "the next event has the current groups");
}

#[tokio::test]
async fn login_extends_the_history_and_queues_an_event() {
    let start = "2024-11-05T02:30:00.75Z".parse().unwrap();
    let sim = builder_with_webhook().start_at(start).build();
    let before = sim.user(1).unwrap().login_histories.unwrap();
    assert!(sim.add_login(1, "203.0.113.9", "curl/8"));
    let (name, user) = due_events(&sim).remove(0);
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
    let sim = builder_with_webhook().build();
    let secret = r#"{"login":"ada","change_password_to":"SECRET-1","change_ftp_password_to":"SECRET-2"}"#;
    post(&sim, "/user/users", secret).await;
    put(&sim, "/user/users/6", r#"{"change_password_to":"SECRET-3"}"#).await;
    sim.put_user(User::new().login("bob").change_password_to("SECRET-4").change_ftp_password_to("SECRET-5"));
    sim.edit_user(6, |user| user.change_password_to = Some("SECRET-6".into()));
    sim.add_login(6, "", "");
    sim.remove_user(6);
    let deliveries = sim.take_deliveries();
    assert_eq!(deliveries.len(), 6);
    for delivery in deliveries {
        let body = std::str::from_utf8(delivery.body()).unwrap();
        assert!(!body.contains("SECRET") && !body.contains("password"), "{body}");
    }
}

#[test]
fn delivery_is_a_post_request_with_json() {
    let sim = builder_with_webhook().build();
    edit_users(&sim, [1]);
    let delivery = sim.take_deliveries().remove(0);
    assert_eq!((delivery.method(), delivery.uri().path()), (&Method::POST, "/"));
    assert_eq!(delivery.headers()["content-type"], "application/json");
    assert_eq!(delivery.headers().get("authorization"), None);
}

#[test]
fn credentials_are_sent_and_redacted_in_debug() {
    // The example of RFC 7617.
    let webhook = Webhook::new().basic_auth("Aladdin", "open sesame");
    let builder = builder_with_webhook().webhook(webhook.clone());
    let sim = builder.clone().build();
    edit_users(&sim, [1]);
    let deliveries = sim.take_deliveries();
    assert_eq!(deliveries[0].headers()["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    let shown = format!("{webhook:?} {builder:?} {sim:?} {deliveries:?}");
    assert!(!shown.contains("sesame") && !shown.contains("QWxh"), "{shown}");
}

#[test]
fn bundle_limits_the_events_of_a_delivery() {
    let sim = builder_with_webhook().webhook(Webhook::new().bundle(3)).build();
    edit_users(&sim, 1..=5);
    let sizes: Vec<usize> = sim.take_deliveries().iter().map(|delivery| events(delivery).len()).collect();
    assert_eq!(sizes, [3, 2]);
    let sim = builder_with_webhook().webhook(Webhook::new().bundle(0)).build();
    edit_users(&sim, 1..=2);
    assert_eq!(due_user_ids(&sim), [1, 2], "the minimum is one");
}

#[test]
fn compressed_events_are_a_string() {
    let plain = builder_with_webhook().webhook(Webhook::new().bundle(5)).build();
    let compressed = builder_with_webhook().webhook(Webhook::new().bundle(5).compressed()).build();
    let [plain, compressed] = [plain, compressed].map(|sim| {
        edit_users(&sim, 1..=5);
        sim.take_deliveries().remove(0)
    });
    assert!(compressed.body().starts_with(br#"{"events":"H4sI"#), "gzip");
    assert!(compressed.body().len() * 5 < plain.body().len());
    // The login histories differ, because the accounts start at different times.
    let names = |delivery| -> Vec<_> {
        let names = events(delivery).into_iter();
        names.map(|(name, user)| (name, user["login"].clone(), user["permissions"].clone())).collect()
    };
    assert_eq!(names(&compressed), names(&plain));
}

#[test]
fn lost_events_are_not_delivered() {
    let sim = builder_with_webhook().build();
    sim.webhook_fault(WebhookFault::lost().times(0));
    sim.webhook_fault(WebhookFault::lost().times(2));
    assert_eq!(sim.faults_left(), 1);
    edit_users(&sim, 1..=4);
    assert_eq!(due_user_ids(&sim), [3, 4]);
    assert_eq!(sim.faults_left(), 0);
    sim.webhook_fault(WebhookFault::lost().always());
    edit_users(&sim, 1..=4);
    assert_eq!(due_user_ids(&sim), [0; 0]);
    sim.clear_faults();
    edit_users(&sim, 1..=4);
    assert_eq!(due_user_ids(&sim), [1, 2, 3, 4]);
}

#[test]
fn repeated_events_are_delivered_in_succession() {
    let sim = builder_with_webhook().build();
    sim.webhook_fault(WebhookFault::repeated(2));
    edit_users(&sim, 1..=2);
    let deliveries = sim.take_deliveries();
    assert_eq!(deliveries[0].body(), deliveries[2].body());
    assert_eq!(
        deliveries.iter().map(|d| events(d)[0].1["user_id"].clone()).collect::<Vec<_>>(),
        [1, 1, 1, 2]
    );
}

#[tokio::test(start_paused = true)]
async fn late_events_are_overtaken() {
    let sim = builder_with_webhook().build();
    sim.webhook_fault(WebhookFault::late(Duration::from_mins(10)));
    sim.webhook_fault(WebhookFault::late(Duration::from_mins(5)));
    edit_users(&sim, 1..=3);
    sim.remove_user(1);
    assert_eq!(due_user_ids(&sim), [3, 1]);
    tokio::time::advance(Duration::from_mins(5)).await;
    assert_eq!(due_user_ids(&sim), [2]);
    tokio::time::advance(Duration::from_secs(299)).await;
    assert_eq!(due_user_ids(&sim), [0; 0]);
    tokio::time::advance(Duration::from_secs(1)).await;
    let (name, user) = due_events(&sim).remove(0);
    assert_eq!((&*name, &user["phone"]), ("user_update", &"555".into()), "the user as of the change");
}

#[tokio::test(start_paused = true)]
async fn due_events_are_delivered_in_due_order() {
    let sim = builder_with_webhook().build();
    sim.webhook_fault(WebhookFault::late(Duration::from_secs(2)));
    sim.webhook_fault(WebhookFault::late(Duration::from_secs(1)));
    edit_users(&sim, 1..=3);
    tokio::time::advance(Duration::from_secs(9)).await;
    edit_users(&sim, 4..=4);
    assert_eq!(due_user_ids(&sim), [3, 2, 1, 4]);
}

#[tokio::test(start_paused = true)]
async fn shuffle_is_deterministic() {
    let shuffled = |seed| {
        let sim = builder_with_webhook().users(30).build();
        edit_users(&sim, 1..=30);
        sim.shuffle_events(seed);
        due_user_ids(&sim)
    };
    let in_order: Vec<i64> = (1..=30).collect();
    let mut sorted = shuffled(1);
    assert_ne!(sorted, in_order);
    assert_eq!(sorted[..5], [3, 20, 26, 13, 22], "on every machine");
    assert_ne!(sorted, shuffled(2));
    sorted.sort_unstable();
    assert_eq!(sorted, in_order);

    // Shuffling does not change the number of late events.
    let sim = builder_with_webhook().build();
    sim.webhook_fault(WebhookFault::late(Duration::from_secs(1)).times(2));
    edit_users(&sim, 1..=5);
    sim.shuffle_events(1);
    assert_eq!(due_user_ids(&sim).len(), 3);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(due_user_ids(&sim).len(), 2);
}

#[test]
fn events_beyond_10_000_push_out_the_first() {
    let sim = builder_with_webhook().users(0).build();
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
fn events_beyond_128_mib_push_out_the_first() {
    let sim = builder_with_webhook().users(0).build();
    let long = User::new().full_name("x".repeat(4 * 1024 * 1024));
    let deliveries = |times| {
        sim.webhook_fault(WebhookFault::repeated(times));
        sim.put_user(long.clone());
        sim.take_deliveries().len()
    };
    assert_eq!(deliveries(99), 31);
    assert_eq!(deliveries(30), 31, "deliveries that were taken free their space");
    sim.put_user(User::new());
    assert_eq!(deliveries(29), 31);
}

#[test]
fn account_without_webhook_queues_no_event() {
    let sim = Sim::builder().build();
    sim.webhook_fault(WebhookFault::lost());
    edit_users(&sim, 1..=5);
    assert_eq!(due_events(&sim), []);
    assert_eq!(sim.faults_left(), 1);
}
