//! What a hostile review found. Each test says what is promised; those that fail are marked in the review's report.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ultracart_client::config::Oauth;
use ultracart_client::model::{Group, User};
use ultracart_client::{CachePolicy, Client, Config, ErrorKind};
use ultracart_sim::{Fault, GetGroupBody, Histories, Operation, Sim, Webhook, WebhookFault};

use crate::client;
use crate::webhooks::Account;

const S: Duration = Duration::from_secs(1);
const M: Duration = Duration::from_mins(1);

/// Until a call has been answered with a 429.
async fn until_rejected(sim: &Sim) {
    let rejected = || sim.requests().iter().any(|request| request.status.is_some_and(|status| status == 429));
    for _ in 0..1_000 {
        if rejected() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no call was rejected");
}

/// The answer of a server that has not caught up.
fn list(name: &str, objects: &impl serde::Serialize) -> Fault {
    let body = serde_json::json!({ "success": true, name: objects }).to_string();
    Fault::answer(http::Response::new(body.into()))
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_rejected_is_not_sent_over_a_newer_one() {
    let account = Account::new(Sim::builder().users(5));
    let id = account.id(2);
    account.api.get_users().await.unwrap();
    account.api.get_user(account.id(3)).await.unwrap();
    // A 429: nothing was done, and all calls wait for a while.
    account.sim.fault(Fault::too_many_requests().on(Operation::UpdateUser));
    let change = tokio::spawn({
        let api = account.api.clone();
        async move { api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await }
    });
    until_rejected(&account.sim).await;
    assert!(!change.is_finished());
    account.rename(id, "Ada L.");
    assert_eq!(account.deliver(), 1);
    change.await.unwrap().unwrap();
    let user = account.sim.user(id).unwrap();
    assert_eq!((user.phone.as_deref(), user.full_name.as_deref()), (Some("555-0100"), Some("Ada L.")));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_waits_for_a_token_is_not_sent_over_a_newer_one() {
    let sim = Sim::builder()
        .users(5)
        .oauth("app-id", "refresh-0")
        .token_lifetime(Duration::from_mins(4))
        .webhook(Webhook::new().basic_auth("ultracart", "only-a-test"))
        .build();
    let mut oauth = Oauth::default();
    oauth.client_id = "app-id".into();
    oauth.refresh_token = Some("refresh-0".into());
    let mut config = Config::default();
    config.auth.oauth = Some(oauth);
    // The way to a new token takes a while: its storing is when the rename comes.
    let [id, other] = [2, 3].map(|place| sim.users()[place].user_id.unwrap());
    let (at_store, stores) = (sim.clone(), Arc::new(Mutex::new(0)));
    let receiver = Arc::new(Mutex::new(None::<ultracart_client::webhook::Receiver>));
    let its_receiver = Arc::clone(&receiver);
    let client = Client::builder()
        .config(config)
        .service(sim.service())
        .store_refresh_token(move |_| {
            let mut stores = stores.lock().unwrap();
            *stores += 1;
            if *stores == 2 {
                at_store.edit_user(id, |user| user.full_name = Some("Ada L.".into()));
                for delivery in at_store.take_deliveries() {
                    let credentials = delivery.headers()[http::header::AUTHORIZATION].as_bytes();
                    let receiver = its_receiver.lock().unwrap();
                    receiver.as_ref().unwrap().receive(Some(credentials), delivery.body()).unwrap();
                }
            }
            Ok::<_, std::io::Error>(())
        })
        .build()
        .unwrap();
    *receiver.lock().unwrap() = Some(client.webhook().basic_auth("ultracart", "only-a-test"));
    let api = client.user_api();
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(4 * M).await;
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    let user = sim.user(id).unwrap();
    assert_eq!((user.phone.as_deref(), user.full_name.as_deref()), (Some("555-0100"), Some("Ada L.")));
}

#[tokio::test(start_paused = true)]
async fn what_was_written_of_a_user_is_read_also_after_a_group_was_written() {
    let sim = Sim::builder().users(3).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    let oid = sim.groups()[0].group_oid.unwrap();
    let before = sim.users();
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    sim.fault(list("users", &before).on(Operation::GetUsers));
    assert_eq!(api.get_users().await.unwrap().get(id).unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn what_was_written_of_a_group_is_read_also_after_a_user_was_written() {
    let sim = Sim::builder().users(3).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let oid = sim.groups()[0].group_oid.unwrap();
    let before = sim.groups();
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    api.insert_user(&User::new().login("new.user")).await.unwrap();
    sim.fault(list("groups", &before).on(Operation::GetGroups));
    assert_eq!(api.get_groups().await.unwrap().get(oid).unwrap().name.as_deref(), Some("Night shift"));
}

#[tokio::test(start_paused = true)]
async fn two_changes_through_one_client_do_not_undo_each_other_where_the_list_lags() {
    let sim = Sim::builder().users(3).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
    let oid = sim.groups()[0].group_oid.unwrap();
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    let before = sim.users();
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    sim.fault(list("users", &before).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    api.update_user_with(id, |user| user.full_name = Some("Ada L.".into())).await.unwrap();
    assert_eq!(sim.user(id).unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn what_was_inserted_is_read_also_where_its_event_was_quicker_than_its_answer() {
    let account = Account::new(Sim::builder().users(3));
    let before = account.sim.users();
    account.sim.fault(Fault::slow_headers(S).on(Operation::InsertUser));
    let insert = tokio::spawn({
        let api = account.api.clone();
        async move { api.insert_user(&User::new().login("new.user")).await.unwrap() }
    });
    while account.sim.users().len() == 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(account.deliver(), 1);
    let id = insert.await.unwrap().user_id.unwrap();
    account.sim.fault(list("users", &before).on(Operation::GetUsers));
    account.api.get_users().await.unwrap();
    // Seen at once or not, it is at the latest when no list lags any more.
    tokio::time::advance(20 * S).await;
    assert!(account.api.get_users().await.unwrap().get(id).is_some());
}

#[tokio::test(start_paused = true)]
async fn what_was_updated_is_read_also_where_its_event_was_quicker_than_its_answer() {
    let account = Account::new(Sim::builder().users(3));
    let (before, id) = (account.sim.users(), account.id(1));
    account.sim.fault(Fault::slow_headers(S).on(Operation::UpdateUser));
    let update = tokio::spawn({
        let api = account.api.clone();
        async move { api.update_user(id, &User::new().phone("555-0100")).await.unwrap() }
    });
    while account.sim.user(id).unwrap().phone.as_deref() != Some("555-0100") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(account.deliver(), 1);
    update.await.unwrap();
    account.sim.fault(list("users", &before).on(Operation::GetUsers));
    assert_eq!(account.api.get_users().await.unwrap().get(id).unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_insert_is_not_forgotten_because_another_one_is_refused() {
    let sim = Sim::builder().users(3).build();
    let api = client(&sim, Config::default()).user_api();
    let before = sim.users();
    sim.fault(Fault::reset_after().on(Operation::InsertUser));
    api.insert_user(&User::new().login("lost.user")).await.unwrap_err();
    // The other one is not even made.
    sim.fault(Fault::error(http::StatusCode::BAD_REQUEST, "no").on(Operation::InsertUser));
    api.insert_user(&User::new().login("new.user")).await.unwrap_err();
    sim.fault(list("users", &before).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    tokio::time::advance(15 * S).await;
    assert!(api.get_users().await.unwrap().by_login("lost.user").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_is_not_believed_for_long_because_the_cache_was_cleared() {
    let sim = Sim::builder().users(3).build();
    let client = client(&sim, Config::default());
    let api = client.user_api();
    let (before, id) = (sim.users(), sim.users()[0].user_id.unwrap());
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    client.clear_cache();
    sim.fault(list("users", &before).on(Operation::GetUsers));
    api.get_users().await.unwrap();
    tokio::time::advance(20 * S).await;
    assert_eq!(api.get_users().await.unwrap().get(id).unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn whoever_allows_stale_does_not_wait_for_a_user_that_the_list_remembers() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    assert_eq!(api.get_user(id).await.unwrap().calls(), 0);
    tokio::time::advance(6 * M).await;
    assert_eq!(api.cache_policy(CachePolicy::StaleAllowed).get_user(id).await.unwrap().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_user_in_a_list_that_is_too_old_is_better_than_an_outage() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other, third] = [0, 1, 2].map(|place| sim.users()[place].user_id.unwrap());
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    // Somebody else is changed, and the one who is asked for is not.
    api.update_user(third, &User::new().phone("555-0100")).await.unwrap();
    assert_eq!(api.get_user(id).await.unwrap().calls(), 0);
    tokio::time::advance(6 * M).await;
    sim.script((0..50).map(|_| Fault::status_500()));
    assert!(api.get_user(id).await.is_ok(), "it is too old, and not invalid");
}

#[tokio::test(start_paused = true)]
async fn a_group_by_itself_is_not_newer_than_what_is_written_of_its_user() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
    let oid = sim.groups()[0].group_oid.unwrap();
    let name = sim.user(id).unwrap().full_name;
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(S).await;
    sim.edit_user(id, |user| user.full_name = Some("Ada L.".into()));
    api.get_group(oid).await.unwrap();
    // It writes back the name of before, as it is documented to.
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    assert_eq!(sim.user(id).unwrap().full_name, name);
    let group = api.get_group(oid).await.unwrap();
    let shown = group.users.iter().flatten().find(|user| user.user_id == Some(id)).unwrap();
    assert_eq!(shown.full_name, name);
}

#[tokio::test(start_paused = true)]
async fn groups_that_are_read_while_a_change_waits_are_not_good_after_it() {
    let sim = Sim::builder().users(5).groups(2).build();
    let mut config = Config::default();
    config.limiter.windows[0].burst = Some(4);
    let api = client(&sim, config).user_api();
    let [id, other] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
    let name = sim.user(id).unwrap().full_name;
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(S).await;
    sim.edit_user(id, |user| user.full_name = Some("Ada L.".into()));
    let groups = tokio::spawn({
        let api = api.clone();
        async move { api.get_groups().await.map(drop) }
    });
    tokio::task::yield_now().await;
    // It comes behind the groups.
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    groups.await.unwrap().unwrap();
    assert_eq!(sim.user(id).unwrap().full_name, name);
    let groups = api.get_groups().await.unwrap();
    let shown = groups[0].users.iter().flatten().find(|user| user.user_id == Some(id)).unwrap();
    assert_eq!(shown.full_name, name);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_changes_all_the_time_does_not_take_the_whole_quota() {
    let account = Account::new(Sim::builder().users(5).latency(Duration::from_millis(300)));
    let (id, sim) = (account.id(2), account.sim.clone());
    let change = tokio::spawn({
        let api = account.api.clone();
        async move { api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await }
    });
    for round in 0..2_000 {
        account.rename(id, &format!("Name {round}"));
        account.deliver();
        tokio::time::sleep(Duration::from_millis(300)).await;
        if change.is_finished() {
            break;
        }
    }
    println!("{} calls in 10 minutes, finished: {}", sim.calls(), change.is_finished());
    assert!(sim.calls() < 30, "{} calls in ten minutes for one change", sim.calls());
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_not_there_costs_less_and_less() {
    let sim = Sim::builder().users(2).groups(2).get_group_body(GetGroupBody::Empty).build();
    let api = client(&sim, Config::default()).user_api();
    api.get_group(sim.groups()[0].group_oid.unwrap()).await.unwrap();
    let mut calls = [0; 2];
    for _ in 0..100 {
        let before = sim.calls();
        api.get_user(999_999.into()).await.unwrap_err();
        calls[0] += sim.calls() - before;
        let before = sim.calls();
        api.get_group(999_999.into()).await.unwrap_err();
        calls[1] += sim.calls() - before;
        tokio::time::advance(6 * S).await;
    }
    println!("in ten minutes: {calls:?}");
    assert!(calls[1] <= 2 * calls[0], "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_field_that_a_write_takes_away_is_not_left_out_of_all_answers() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
    for id in [id, other] {
        sim.edit_user(id, |user| user.phone = Some("555-0100".into()));
        api.get_user(id).await.unwrap();
    }
    let stored = api.update_user_with(id, |user| user.phone = None).await.unwrap();
    println!("stored: {:?}", stored.phone);
    let mut without = sim.user(id).unwrap();
    without.phone = None;
    let answer = serde_json::json!({ "success": true, "user": without }).to_string();
    sim.fault(Fault::answer(http::Response::new(answer.into())).on(Operation::UpdateUser));
    api.update_user(id, &User::new().full_name("Ada L.")).await.unwrap();
    for _ in 0..3 {
        api.update_user(other, &User::new().full_name("Ada M.")).await.unwrap();
        assert_eq!(api.get_user(other).await.unwrap().calls(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_does_not_bring_back_who_was_not_there_a_moment_ago() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_user(999_999.into()).await.unwrap_err();
    let calls = sim.calls();
    for _ in 0..10 {
        api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
        api.get_user(999_999.into()).await.unwrap_err();
    }
    assert_eq!(sim.calls() - calls, 10);
}

#[tokio::test(start_paused = true)]
async fn who_was_found_to_be_gone_is_not_read_out_of_the_list() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(S).await;
    sim.remove_user(id);
    let refresh = api.cache_policy(CachePolicy::Refresh).get_user(id).await;
    assert_eq!(refresh.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(api.get_user(id).await.is_err(), "the server has said since that there is no such user");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_says_what_was_written_is_news_where_something_else_was_read_since() {
    let account = Account::new(Sim::builder().users(5));
    let (id, sim) = (account.id(2), &account.sim);
    account.api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    account.deliver();
    tokio::time::advance(10 * S).await;
    sim.webhook_fault(WebhookFault::lost());
    sim.edit_user(id, |user| user.phone = Some("555-0199".into()));
    account.deliver();
    let users = account.api.get_users().await.unwrap();
    assert_eq!(users.get(id).unwrap().phone.as_deref(), Some("555-0199"));
    sim.edit_user(id, |user| user.phone = Some("555-0100".into()));
    assert_eq!(account.deliver(), 1);
    tokio::time::advance(S).await;
    let users = account.api.get_users().await.unwrap();
    assert_eq!(users.get(id).unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn the_event_of_a_write_does_not_hide_the_next_one() {
    let account = Account::new(Sim::builder().users(3));
    let (before, id) = (account.sim.users(), account.id(1));
    account.api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    account.api.update_user(id, &User::new().phone("555-0101")).await.unwrap();
    assert_eq!(account.deliver(), 2);
    tokio::time::advance(Duration::from_millis(300)).await;
    account.sim.fault(list("users", &before).on(Operation::GetUsers));
    assert_eq!(account.api.get_users().await.unwrap().get(id).unwrap().phone.as_deref(), Some("555-0101"));
}

#[tokio::test(start_paused = true)]
async fn the_events_of_two_own_writes_cost_nothing() {
    let account = Account::new(Sim::builder().users(3));
    let id = account.id(1);
    account.api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    account.api.update_user(id, &User::new().phone("555-0101")).await.unwrap();
    account.api.get_users().await.unwrap();
    assert_eq!(account.deliver(), 2);
    assert_eq!(account.api.get_users().await.unwrap().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_good_for_ever_can_be_set() {
    let sim = Sim::builder().users(3).build();
    let mut config = Config::default();
    config.cache.users.ttl = Duration::MAX;
    config.cache.users.refresh_at = 1.0;
    config.auth.simple_key = Some(sim.simple_key().expose().into());
    // It works, or is refused.
    if let Ok(client) = Client::builder().config(config).service(sim.service()).build() {
        client.user_api().get_users().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn logins_by_themselves_are_not_newer_than_what_is_written_of_their_user() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(S).await;
    sim.edit_user(id, |user| user.login = Some("renamed.elsewhere".into()));
    api.get_user_logins(id).await.unwrap();
    // It writes back the login of before, as it is documented to.
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    let shown = api.get_user_logins(id).await.unwrap();
    let fresh = api.cache_policy(CachePolicy::Refresh).get_user_logins(id).await.unwrap();
    assert_eq!(*shown, *fresh);
}

#[tokio::test(start_paused = true)]
async fn many_changes_of_groups_cost_one_list_and_a_call_each() {
    let sim = Sim::builder().users(2).groups(12).get_group_body(GetGroupBody::Empty).build();
    let api = client(&sim, Config::default()).user_api();
    let groups = api.get_groups().await.unwrap();
    for group in &*groups {
        let oid = group.group_oid.unwrap();
        api.update_group_with(oid, |group| group.name = Some("Night shift".into())).await.unwrap();
    }
    // One more tells that the server returns nothing.
    assert!(sim.calls() <= 1 + 1 + 12 + 1, "{} calls for 12 groups", sim.calls());
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_written_costs_no_call_to_be_read() {
    for body in [GetGroupBody::Empty, GetGroupBody::Present] {
        let sim = Sim::builder().users(2).groups(12).get_group_body(body).build();
        let api = client(&sim, Config::default()).user_api();
        let [oid, other] = [0, 1].map(|place| sim.groups()[place].group_oid.unwrap());
        api.get_groups().await.unwrap();
        api.get_group(oid).await.unwrap();
        api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
        let calls = [api.get_group(oid).await.unwrap().calls(), api.get_group(other).await.unwrap().calls()];
        assert_eq!(calls, [0, 0], "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn that_the_server_returns_nothing_is_found_out_by_one_of_many() {
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
