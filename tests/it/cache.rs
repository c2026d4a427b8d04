//! What is remembered, and for how long.

use std::time::Duration;

use ultracart_client::config::Cache;
use ultracart_client::limiter::Limiter;
use ultracart_client::model::{Group, User};
use ultracart_client::{
    CachePolicy, Client, Clock as _, Config, ErrorKind, Served, Stale, TokioClock, UserApi,
};
use ultracart_sim::{Fault, GetGroupBody, Histories, Operation, RetryAfter, Sim, Webhook};

use crate::webhooks::Account;
use crate::{client, two};

#[tokio::test(start_paused = true)]
async fn a_list_is_read_once_while_it_is_good() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let first = api.get_users().await.unwrap();
    tokio::time::advance(Duration::from_secs(299)).await;
    assert!(std::sync::Arc::ptr_eq(first.as_ref(), api.get_users().await.unwrap().as_ref()));
    assert_eq!(sim.calls(), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    api.get_users().await.unwrap();
    assert_eq!(sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn many_callers_make_one_call() {
    let sim = Sim::builder().users(5).latency(Duration::from_secs(1)).build();
    let api = client(&sim, Config::default()).user_api();
    let callers: Vec<_> = (0..1_000)
        .map(|_| {
            tokio::spawn({
                let api = api.clone();
                async move { api.get_users().await.unwrap().len() }
            })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 5);
    }
    assert_eq!(sim.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_from_before_a_write_is_seen_after_it() {
    let sim = Sim::builder().users(5).groups(2).latency(Duration::from_secs(1)).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_users().await.unwrap();
    // A load that begins before the write, and a write that overtakes it in the caller's program.
    let load = tokio::spawn({
        let api = api.clone();
        async move { api.get_groups().await.map(drop) }
    });
    tokio::task::yield_now().await;
    api.update_user_with(id, |user| user.full_name = Some("Changed".into())).await.unwrap();
    load.await.unwrap().unwrap();

    let calls = sim.calls();
    assert_eq!(api.get_users().await.unwrap().get(id).unwrap().full_name.as_deref(), Some("Changed"));
    api.get_groups().await.unwrap();
    assert_eq!(sim.calls() - calls, 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_invalidates_too() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    api.get_users().await.unwrap();
    sim.fault(Fault::reset_after().on(Operation::InsertUser));
    let new = ultracart_client::model::User::new().login("ada.l");
    api.insert_user(&new).await.unwrap_err();
    assert_eq!(api.get_users().await.unwrap().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_switched_off() {
    let sim = Sim::builder().users(5).build();
    let mut config = Config::default();
    config.cache = Cache::off();
    let api = client(&sim, config).user_api();
    api.get_users().await.unwrap();
    api.get_users().await.unwrap();
    assert_eq!(sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_a_write_overtakes_is_given_to_its_caller_and_to_nobody_after() {
    let sim = Sim::builder().users(5).groups(2).max_in_flight(2).build();
    let api = client(&sim, two()).user_api();
    let slow = Fault::slow_body(Duration::from_secs(10)).on(Operation::GetGroups);
    sim.fault(slow);
    let load = tokio::spawn({
        let api = api.clone();
        async move { api.get_groups().await.map(|groups| groups.len()) }
    });
    tokio::time::advance(Duration::from_secs(1)).await;
    let new = api.insert_group(&Group::new().name("New")).await.unwrap();
    // Who asked before the write may see either; this client's own is shown where it is known.
    assert_eq!(load.await.unwrap().unwrap(), 3);
    assert!(api.get_groups().await.unwrap().get(new.group_oid.unwrap()).is_some());
    assert_eq!((sim.calls(), sim.rejections()), (3, 0));
}

/// A client of an account with another key and the same limiter.
fn client_of(sim: &Sim, key: &str, limiter: &Limiter) -> UserApi {
    let builder = Client::builder().simple_key(key).limiter(limiter.clone());
    builder.service(sim.service()).build().unwrap().user_api()
}

#[tokio::test(start_paused = true)]
async fn nothing_crosses_from_one_credential_to_another() {
    let limiter = Limiter::new(&Config::default().limiter).unwrap();
    let sims =
        ["first", "second"].map(|key| Sim::builder().users(5).seed(key.len() as u64).simple_key(key).build());
    let apis = ["first", "second"].map(|key| client_of(&sims[key.len() - 5], key, &limiter));
    let id = sims[0].users()[0].user_id.unwrap();
    for (sim, api) in sims.iter().zip(&apis) {
        assert_eq!(api.get_users().await.unwrap().get(id).unwrap().email, sim.user(id).unwrap().email);
        assert_eq!(api.get_user(id).await.unwrap().email, sim.user(id).unwrap().email);
        assert!(!api.get_user_logins(id).await.unwrap().is_empty());
        assert_eq!(sim.calls(), 3);
    }
    assert_ne!(sims[0].user(id).unwrap().email, sims[1].user(id).unwrap().email);
    // Nor does what one of them writes.
    apis[0].update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    assert_ne!(apis[1].get_user(id).await.unwrap().phone.as_deref(), Some("555-0100"));
    assert_eq!(apis[1].get_users().await.unwrap().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_write_makes_invalid_is_what_it_changes() {
    let sim = Sim::builder().users(5).groups(3).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
    let oid = sim.groups()[0].group_oid.unwrap();
    // Which of these cost a call after the write: users, groups, the user's logins and another's.
    let cost = async || {
        let before = sim.calls();
        let users = api.get_users().await.unwrap().calls();
        let groups = api.get_groups().await.unwrap().calls();
        let logins = api.get_user_logins(id).await.unwrap().calls();
        let others = api.get_user_logins(other).await.unwrap().calls();
        let cost = [users, groups, logins, others];
        assert_eq!(u64::from(cost.iter().sum::<u32>()), sim.calls() - before);
        // Lists that show a write are not read again for its sake.
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!((api.get_users().await.unwrap().calls(), api.get_groups().await.unwrap().calls()), (0, 0));
        cost
    };
    assert_eq!(cost().await, [1, 1, 1, 1]);
    assert_eq!(cost().await, [0, 0, 0, 0]);
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    assert_eq!(cost().await, [1, 0, 0, 0]);
    api.update_user(id, &User::new().full_name("Ada L.")).await.unwrap();
    assert_eq!(cost().await, [1, 1, 0, 0]);
    api.update_user(id, &User::new().login("ada.l")).await.unwrap();
    assert_eq!(cost().await, [1, 1, 1, 0]);
    api.update_user_with(id, |user| user.phone = Some("555-0101".into())).await.unwrap();
    assert_eq!(cost().await, [1, 0, 0, 0]);
    api.update_user_with(id, |user| {
        let membership = &mut user.groups.as_mut().unwrap()[0];
        membership.member = Some(membership.member != Some(true));
    })
    .await
    .unwrap();
    assert_eq!(cost().await, [1, 1, 0, 0]);
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    assert_eq!(cost().await, [1, 1, 0, 0]);
    let new = api.insert_user(&User::new().login("new.user")).await.unwrap().user_id.unwrap();
    assert_eq!(cost().await, [1, 1, 0, 0]);
    api.delete_user(new).await.unwrap();
    assert_eq!(cost().await, [1, 1, 0, 0]);
    api.delete_group(oid).await.unwrap();
    assert_eq!(cost().await, [1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_user_comes_out_of_a_list_that_has_all_of_them() {
    // The list leaves out everybody's logins: a user by themselves has them.
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
    // The first one tells that nothing is left out.
    api.get_user(ids[0]).await.unwrap();
    for id in &ids[1..] {
        let user = api.get_user(*id).await.unwrap();
        assert!(std::sync::Arc::ptr_eq(user.as_ref(), users.get(*id).unwrap()));
    }
    assert_eq!(sim.calls(), 2);
    // A user whom the list does not have may be new.
    let new = sim.put_user(User::new().login("new.user"));
    assert_eq!(api.get_user(new).await.unwrap().login.as_deref(), Some("new.user"));
    assert_eq!(sim.calls(), 3);
    // Too old, the list is read again at the price of one of them.
    tokio::time::advance(Duration::from_mins(6)).await;
    for id in &ids {
        api.get_user(*id).await.unwrap();
    }
    assert_eq!(sim.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn many_changes_cost_one_list_and_a_call_each() {
    let sim = Sim::builder().users(300).build();
    let api = client(&sim, Config::default()).user_api();
    let users = api.get_users().await.unwrap();
    for user in &*users {
        api.update_user_with(user.user_id.unwrap(), |user| user.phone = Some("555-0100".into()))
            .await
            .unwrap();
    }
    // One more tells what the list leaves out.
    assert_eq!(sim.calls(), 1 + 1 + 300);
    assert!(sim.users().iter().all(|user| user.phone.as_deref() == Some("555-0100")));
    assert!(sim.users().iter().all(|user| user.login_histories.is_some()));
    // Who was changed elsewhere is read before they are changed, where that is asked for.
    let id = users[7].user_id.unwrap();
    sim.edit_user(id, |user| user.full_name = Some("Renamed elsewhere".into()));
    let api = api.cache_policy(CachePolicy::Refresh);
    api.update_user_with(id, |user| user.phone = Some("555-0101".into())).await.unwrap();
    assert_eq!(sim.user(id).unwrap().full_name.as_deref(), Some("Renamed elsewhere"));
}

/// The answer of a server that has not caught up.
pub(crate) fn list(name: &str, objects: &impl serde::Serialize) -> Fault {
    let body = serde_json::json!({ "success": true, name: objects }).to_string();
    Fault::answer(http::Response::new(body.into()))
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_caller_has_gone_away_invalidates_when_it_is_over() {
    let sim = Sim::builder().users(5).max_in_flight(2).build();
    let api = client(&sim, two()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    // The server takes ten seconds to do it.
    sim.fault(Fault::slow_headers(Duration::from_secs(10)).on(Operation::UpdateUser));
    let write = tokio::spawn({
        let api = api.clone();
        async move { api.update_user(id, &User::new().phone("555-0100")).await }
    });
    tokio::time::advance(Duration::from_secs(1)).await;
    write.abort();
    assert!(write.await.is_err());
    api.get_users().await.unwrap();
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::task::yield_now().await;
    assert_eq!(api.get_users().await.unwrap().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waits_for_its_turn_changes_nothing_yet() {
    let sim = Sim::builder().users(5).build();
    let mut config = Config::default();
    config.limiter.windows[0].burst = Some(4);
    let api = client(&sim, config).user_api();
    api.get_users().await.unwrap();
    let id = sim.users()[0].user_id.unwrap();
    let write = tokio::spawn({
        let api = api.clone();
        async move { api.update_user(id, &User::new().phone("555-0100")).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
    write.await.unwrap().unwrap();
    assert_eq!(api.get_users().await.unwrap().get(id).unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_succeeds_says_that_the_server_answers_again() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    sim.script((0..5).map(|_| Fault::status_500().on(Operation::GetUsers)));
    assert_eq!(api.get_users().await.unwrap_err().kind(), ErrorKind::Server);
    let calls = sim.calls();
    assert_eq!(api.get_users().await.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(sim.calls(), calls);
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    api.get_users().await.unwrap();
    // Whatever it was that failed.
    sim.script((0..5).map(|_| Fault::status_500().on(Operation::GetGroups)));
    sim.script((0..5).map(|_| Fault::status_500().on(Operation::GetUserLogins)));
    api.get_groups().await.unwrap_err();
    api.get_user_logins(id).await.unwrap_err();
    sim.clear_faults();
    api.update_user(id, &User::new().phone("555-0101")).await.unwrap();
    assert_eq!(api.get_groups().await.unwrap().calls(), 1);
    assert_eq!(api.get_user_logins(id).await.unwrap().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_whole_answers_that_say_success_are_remembered() {
    for fault in [
        Fault::answer(http::Response::new(r#"{"success": false, "users": []}"#.into())),
        Fault::answer(http::Response::new(r#"{"error": {"user_message": "no"}, "users": []}"#.into())),
        Fault::answer(http::Response::new(r#"{"success": true, "users": [{"#.into())),
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
async fn a_password_is_not_remembered() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    // This one tells that the answer to a write leaves nothing out, so that it will do for a read.
    api.get_user(id).await.unwrap();
    api.update_user(id, &User::new().change_password_to("Secret-1")).await.unwrap();
    let user = api.get_user(id).await.unwrap();
    assert_eq!((user.calls(), &user.change_password_to), (0, &None));
    assert!(api.get_users().await.unwrap().iter().all(|user| user.change_password_to.is_none()));
}

/// A job that reads users and groups every minute of a day.
pub(crate) async fn a_day_of_reading(api: &UserApi, mut each_minute: impl FnMut(u32)) {
    let clock = TokioClock::new();
    for minute in 0..24 * 60 {
        each_minute(minute);
        assert_eq!(api.get_users().await.unwrap().len(), 50);
        assert_eq!(api.get_groups().await.unwrap().len(), 12);
        clock.sleep(Duration::from_mins(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_of_reading_every_minute() {
    let sim = Sim::builder().users(50).keep_requests(0).latency(Duration::from_millis(300)).build();
    let client = client(&sim, Config::default());
    a_day_of_reading(&client.user_api(), |_| {}).await;
    let stats = client.cache_snapshot().total();
    println!("1,440 × 2 reads in a day took {} calls; {stats:?}", sim.calls());
    assert_eq!(stats.hits + stats.misses + stats.joins, 2_880);
    assert_eq!(stats.calls_saved, 2_880 - sim.calls());
    assert_eq!((sim.rejections(), sim.overlaps()), (0, 0));
    assert!(sim.calls() <= 2 * 360 + 2, "{}", sim.calls());
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_write_that_leaves_something_out_is_no_user() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_user(id).await.unwrap();
    let short = serde_json::json!({ "success": true, "user": { "user_id": id, "phone": "555-0100" } });
    sim.fault(Fault::answer(http::Response::new(short.to_string().into())).on(Operation::UpdateUser));
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    let user = api.get_user(id).await.unwrap();
    assert!(user.calls() == 1 && user.login_histories.is_some());
    // Nor does it take anything from the user in a list that lags behind.
    sim.fault(list("users", &sim.users()).on(Operation::GetUsers));
    let users = api.get_users().await.unwrap();
    let user = users.get(id).unwrap();
    assert_eq!(user.phone.as_deref(), Some("555-0100"));
    assert_eq!(user.permissions, sim.user(id).unwrap().permissions);
}

#[tokio::test(start_paused = true)]
async fn a_field_that_a_user_has_got_since_is_not_left_out_of_the_list() {
    let sim = Sim::builder().users(20).histories_in_list(Histories::All).build();
    let [id, other] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
    for (id, phone) in [(id, None), (other, Some("555-0100".into()))] {
        assert!(sim.edit_user(id, |user| user.phone.clone_from(&phone)));
    }
    let api = client(&sim, Config::default()).user_api();
    api.get_users().await.unwrap();
    assert!(sim.edit_user(id, |user| user.phone = Some("555-0101".into())));
    api.get_user(id).await.unwrap();
    assert_eq!(api.get_user(other).await.unwrap().calls(), 0);
    // One that nobody has in the list is: until there is another list.
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
async fn what_is_too_old_or_invalid_is_given_out_of_the_list_too_where_that_is_allowed() {
    let sim = Sim::builder().users(20).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let [first, id] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
    api.get_users().await.unwrap();
    api.get_user(first).await.unwrap();
    let stale = async || {
        let user = api.cache_policy(CachePolicy::StaleAllowed).get_user(id).await.unwrap();
        assert_eq!(user.calls(), 0);
        user.served()
    };
    tokio::time::advance(Duration::from_mins(6)).await;
    assert_eq!(stale().await, Served::Stale(Stale::Refreshing));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!((stale().await, sim.calls()), (Served::Fresh, 3));
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    assert_eq!((stale().await, sim.calls()), (Served::Stale(Stale::Invalidated), 4));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!((stale().await, sim.calls()), (Served::Fresh, 5));
}

#[tokio::test(start_paused = true)]
async fn of_two_writes_at_once_neither_is_known_to_be_the_last() {
    let sim = Sim::builder().users(5).max_in_flight(2).build();
    let api = client(&sim, two()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    sim.fault(Fault::slow_body(Duration::from_secs(10)).on(Operation::UpdateUser));
    let first = tokio::spawn({
        let api = api.clone();
        async move { api.update_user(id, &User::new().phone("555-0100")).await }
    });
    tokio::time::advance(Duration::from_secs(1)).await;
    api.update_user(id, &User::new().phone("555-0101")).await.unwrap();
    first.await.unwrap().unwrap();
    let user = api.get_user(id).await.unwrap();
    assert_eq!((user.phone.as_deref(), user.calls()), (Some("555-0101"), 1));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_changes_between_its_parts_is_not_remembered() {
    let sim = Sim::builder().users(20).page_size(10).build();
    let api = client(&sim, two()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    sim.fault(Fault::slow_headers(Duration::from_secs(10)).on(Operation::GetUsers).nth(2));
    let load = tokio::spawn({
        let api = api.clone();
        async move { api.get_users().await.map(drop) }
    });
    tokio::time::advance(Duration::from_secs(1)).await;
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    load.await.unwrap().unwrap();
    let users = api.get_users().await.unwrap();
    assert_eq!(users.get(id).unwrap().phone.as_deref(), Some("555-0100"));
    assert_eq!(users.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_again_and_again_half_way_costs_less_and_less() {
    let sim = Sim::builder().users(6).page_size(2).build();
    let mut config = Config::default();
    config.limiter.spare = 0;
    config.limiter.windows[0].burst = Some(1);
    config.limiter.max_wait = Some(Duration::from_millis(500));
    let api = client(&sim, config).user_api();
    for second in 0..120 {
        let error = api.get_users().await.unwrap_err();
        // It is tried after 0, 5, 15, 35 and 75 seconds.
        let is_tried = [0, 5, 15, 35, 75].contains(&second);
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::MaxWait, u32::from(is_tried)), "{second}");
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(sim.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_says_what_its_parts_have_cost() {
    let sim = Sim::builder().users(6).page_size(2).build();
    let mut config = Config::default();
    config.retry.max_attempts = 1;
    let api = client(&sim, config).user_api();
    sim.fault(Fault::status_500().on(Operation::GetUsers).nth(3));
    let error = api.get_users().await.unwrap_err();
    assert_eq!((error.attempts(), sim.calls()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_long_list_is_read_ahead_only_where_a_tenth_of_the_quota_is_left_after_it() {
    for (parts, is_read) in [(36, true), (37, false)] {
        let sim = Sim::builder().users(parts).page_size(1).build();
        let mut config = Config::default();
        config.limiter.spare = 0;
        config.limiter.windows[0].burst = Some(40);
        let client = client(&sim, config);
        let api = client.user_api();
        api.get_users().await.unwrap();
        tokio::time::advance(Duration::from_secs(270)).await;
        assert_eq!(api.get_users().await.unwrap().calls(), 0);
        for _ in 0..600 {
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        let stats = client.cache_snapshot().users;
        assert_eq!((stats.refreshes == 1, stats.refreshes_skipped == 0), (is_read, is_read), "{parts}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_was_rejected_serves_who_asks_after_a_change() {
    let account = Account::with(Sim::builder().users(5), Webhook::new(), two());
    let (api, sim) = (&account.api, &account.sim);
    sim.fault(Fault::too_many_requests().on(Operation::GetUsers));
    let read = tokio::spawn({
        let api = api.clone();
        async move { api.get_users().await.unwrap().calls() }
    });
    for _ in 0..100 {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    // It has been rejected, and waits to be sent again.
    assert_eq!((sim.calls(), read.is_finished()), (1, false));
    account.rename(account.id(1), "Ada L.");
    account.deliver();
    let users = api.get_users().await.unwrap();
    assert_eq!(users.get(account.id(1)).unwrap().full_name.as_deref(), Some("Ada L."));
    assert_eq!((read.await.unwrap(), users.calls(), sim.calls()), (2, 0, 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_not_written_back() {
    let sim = Sim::builder().users(5).groups(3).build();
    let api = client(&sim, Config::default()).user_api();
    let (id, oid) = (sim.users()[0].user_id.unwrap(), sim.groups()[0].group_oid.unwrap());
    api.get_user(id).await.unwrap();
    api.get_group(oid).await.unwrap();
    tokio::time::advance(Duration::from_mins(6)).await;
    sim.fault(Fault::status_500().on(Operation::GetUser).always());
    sim.fault(Fault::status_500().on(Operation::GetGroup).always());
    for policy in [CachePolicy::Default, CachePolicy::StaleAllowed] {
        let api = api.cache_policy(policy);
        let user = api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await;
        assert_eq!(user.unwrap_err().kind(), ErrorKind::Server);
        let group = api.update_group_with(oid, |group| group.name = Some("Night shift".into())).await;
        assert_eq!(group.unwrap_err().kind(), ErrorKind::Server);
    }
}

#[tokio::test(start_paused = true)]
async fn of_an_object_and_its_list_the_newer_one_counts() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let refresh = api.cache_policy(CachePolicy::Refresh);
    let [id, other_id] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
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
        // Also where another one has been read since.
        tokio::time::advance(Duration::from_secs(1)).await;
        refresh.get_user(other_id).await.unwrap();
        phone(&one).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_object_costs_one_call_and_is_not_read_ahead() {
    // A list in two parts would cost two.
    let sim = Sim::builder().users(20).page_size(10).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_users().await.unwrap();
    api.get_user(id).await.unwrap();
    tokio::time::advance(Duration::from_mins(6)).await;
    assert_eq!(api.get_user(id).await.unwrap().calls(), 1);
    assert_eq!(sim.calls(), 2 + 1 + 1);
    tokio::time::advance(Duration::from_secs(290)).await;
    assert_eq!(api.get_user(id).await.unwrap().calls(), 0);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(sim.calls(), 2 + 1 + 1);
    // Nor is a list for one that is good by itself.
    let sim = Sim::builder().users(20).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_users().await.unwrap();
    tokio::time::advance(Duration::from_mins(1)).await;
    api.cache_policy(CachePolicy::Refresh).get_user(id).await.unwrap();
    tokio::time::advance(Duration::from_secs(250)).await;
    assert_eq!(api.get_user(id).await.unwrap().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn clearing_leaves_no_personal_data_behind() {
    let sim = Sim::builder().users(5).groups(3).build();
    let client = client(&sim, Config::default());
    let api = client.user_api();
    let [id, other] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
    let oid = sim.groups()[0].group_oid.unwrap();
    api.update_user(other, &User::new().phone("555-0100")).await.unwrap();
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    let held = (
        api.get_users().await.unwrap().into_inner(),
        api.get_user(id).await.unwrap().into_inner(),
        api.get_user(other).await.unwrap().into_inner(),
        api.get_groups().await.unwrap().into_inner(),
        api.get_group(oid).await.unwrap().into_inner(),
        api.get_user_logins(id).await.unwrap().into_inner(),
    );
    let dropped = (
        std::sync::Arc::downgrade(&held.0),
        std::sync::Arc::downgrade(&held.1),
        std::sync::Arc::downgrade(&held.2),
        std::sync::Arc::downgrade(&held.3),
        std::sync::Arc::downgrade(&held.4),
        std::sync::Arc::downgrade(&held.5),
    );
    drop(held);
    client.clear_cache();
    // moka takes a moment to let go.
    let mut left = [1; 6];
    for _ in 0..100_000 {
        client.clear_cache();
        std::thread::yield_now();
        left = [
            dropped.0.strong_count(),
            dropped.1.strong_count(),
            dropped.2.strong_count(),
            dropped.3.strong_count(),
            dropped.4.strong_count(),
            dropped.5.strong_count(),
        ];
        if left == [0; 6] {
            break;
        }
    }
    assert_eq!(left, [0; 6], "users, groups and logins");
    let cached = api.cache_policy(CachePolicy::OnlyIfCached);
    assert!(cached.get_users().await.is_err() && cached.get_user(other).await.is_err());
    assert!(cached.get_groups().await.is_err() && cached.get_user_logins(id).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_ahead_while_the_server_says_wait() {
    let sim = Sim::builder().users(5).build();
    let client = client(&sim, Config::default());
    let api = client.user_api();
    let id = sim.users()[0].user_id.unwrap();
    api.get_users().await.unwrap();
    tokio::time::advance(Duration::from_mins(4)).await;
    // It names no window: what is left of each looks like enough.
    let refusal = Fault::too_many_requests().message("slow down").retry_after(RetryAfter::Seconds(20));
    sim.fault(refusal.on(Operation::GetUserLogins));
    let logins = tokio::spawn({
        let api = api.clone();
        async move { api.get_user_logins(id).await.map(drop) }
    });
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(client.cache_snapshot().users.refreshes_skipped, 1);
    logins.await.unwrap().unwrap();
    assert_eq!(api.get_users().await.unwrap().calls(), 0);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(client.cache_snapshot().users.refreshes, 1);
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
    tokio::time::advance(Duration::from_mins(6)).await;
    sim.script((0..50).map(|_| Fault::status_500()));
    assert!(api.get_user(id).await.is_ok(), "it is too old, and not invalid");
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
    api.update_user_with(id, |user| user.phone = None).await.unwrap();
    let mut without = sim.user(id).unwrap();
    without.phone = None;
    let answer = serde_json::json!({ "success": true, "user": without }).to_string();
    sim.fault(Fault::answer(http::Response::new(answer.into())).on(Operation::UpdateUser));
    api.update_user(id, &User::new().full_name("Ada L.")).await.unwrap();
    // Whether it was left out is seen when it is read again.
    for calls in [1, 0, 0] {
        api.update_user(other, &User::new().full_name("Ada M.")).await.unwrap();
        assert_eq!(api.get_user(other).await.unwrap().calls(), calls);
    }
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
        tokio::time::advance(Duration::from_secs(6)).await;
    }
    assert!(calls[1] <= 2 * calls[0], "{calls:?}");
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
async fn a_user_in_a_list_that_is_too_old_is_nothing_where_stale_is_not_wanted() {
    let sim = Sim::builder().users(5).histories_in_list(Histories::All).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|place| sim.users()[place].user_id.unwrap());
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(Duration::from_mins(6)).await;
    sim.fault(Fault::status_500().always());
    let error = api.cache_policy(CachePolicy::NeverStale).get_user(id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
}

#[tokio::test(start_paused = true)]
async fn who_was_not_there_a_moment_ago_is_once_made() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let next = sim.users().iter().filter_map(|user| user.user_id).max().unwrap().get() + 1;
    api.get_user(next.into()).await.unwrap_err();
    let new = api.insert_user(&User::new().login("new.user")).await.unwrap();
    assert_eq!(new.user_id, Some(next.into()));
    assert_eq!(api.get_user(next.into()).await.unwrap().login.as_deref(), Some("new.user"));
}
