//! What one change makes of what is known of another.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ultracart_client::config::Oauth;
use ultracart_client::model::{Group, GroupOid, User, UserId};
use ultracart_client::{CachePolicy, Client, Config, ErrorKind};
use ultracart_sim::{Fault, GetGroupBody, Histories, Operation, Sim, Webhook, WebhookFault};

use crate::webhooks::Account;
use crate::{client, two};

const M: Duration = Duration::from_mins(1);
const S: Duration = Duration::from_secs(1);

fn is_member(user: &User, oid: GroupOid) -> Option<bool> {
    user.groups.iter().flatten().find(|group| group.group_oid == Some(oid))?.member
}

fn name_in(group: &Group, id: UserId) -> Option<&str> {
    group.users.iter().flatten().find(|user| user.user_id == Some(id))?.full_name.as_deref()
}

/// Until a call has been answered with a 429.
async fn until_rejected(sim: &Sim) {
    let rejected = || sim.requests().iter().any(|request| request.status.is_some_and(|status| status == 429));
    while !rejected() {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_written_of_a_user_does_not_hide_what_is_written_of_a_group_later() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[1].user_id.unwrap();
    let oid = sim.groups()[1].group_oid.unwrap();
    api.get_users().await.unwrap();
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    let before = is_member(&sim.user(id).unwrap(), oid).unwrap();
    api.update_group_with(oid, |group| {
        for user in group.users.iter_mut().flatten().filter(|user| user.user_id == Some(id)) {
            user.member = Some(!before);
        }
    })
    .await
    .unwrap();
    let users = api.get_users().await.unwrap();
    assert_eq!(is_member(users.get(id).unwrap(), oid), Some(!before));
    api.update_user_with(id, |user| user.phone = Some("555-0101".into())).await.unwrap();
    assert_eq!(is_member(&sim.user(id).unwrap(), oid), Some(!before));
}

#[tokio::test(start_paused = true)]
async fn what_was_written_of_a_group_does_not_hide_what_is_written_of_a_user_later() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[1].user_id.unwrap();
    let oid = sim.groups()[1].group_oid.unwrap();
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    api.update_user(id, &User::new().full_name("Ada L.")).await.unwrap();
    let groups = api.get_groups().await.unwrap();
    assert_eq!(name_in(groups.get(oid).unwrap(), id), Some("Ada L."));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_users_know_may_be_news_to_the_groups() {
    let account = Account::new(Sim::builder().users(5).groups(3));
    let id = account.id(2);
    account.api.get_groups().await.unwrap();
    account.rename(id, "Ada L.");
    tokio::time::advance(S).await;
    account.api.get_users().await.unwrap();
    assert_eq!(account.deliver(), 1);
    assert_eq!(name_in(&account.api.get_groups().await.unwrap()[0], id), Some("Ada L."));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_one_read_knows_may_be_news_to_a_list_on_its_way() {
    let account = Account::with(Sim::builder().users(5).max_in_flight(2), Webhook::new(), two());
    let id = account.id(2);
    account.sim.fault(Fault::slow_body(10 * S).on(Operation::GetUsers));
    let load = tokio::spawn({
        let api = account.api.clone();
        async move { api.get_users().await }
    });
    tokio::time::advance(S).await;
    account.rename(id, "Ada L.");
    account.api.get_user(id).await.unwrap();
    assert_eq!(account.deliver(), 1);
    load.await.unwrap().unwrap();
    assert_eq!(account.name(id).await, "Ada L.");
}

/// A group that the server returns nothing for is read before a write and after it, while the list is on its way.
async fn reads_a_group_after_a_write(forget_the_list: impl AsyncFnOnce(&Client)) {
    let builder = Sim::builder().users(5).groups(3).get_group_body(GetGroupBody::Empty);
    let sim = builder.max_in_flight(2).build();
    let client = client(&sim, two());
    let api = client.user_api();
    let oid = sim.groups()[0].group_oid.unwrap();
    let id = sim.users()[2].user_id.unwrap();
    api.get_group(oid).await.unwrap();
    forget_the_list(&client).await;
    sim.fault(Fault::slow_body(10 * S).on(Operation::GetGroups));
    let before = tokio::spawn({
        let api = api.clone();
        async move { api.get_group(oid).await }
    });
    tokio::time::advance(S).await;
    api.update_user(id, &User::new().full_name("Ada L.")).await.unwrap();
    assert_eq!(name_in(&api.get_group(oid).await.unwrap(), id), Some("Ada L."));
    before.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_group_that_the_server_returns_nothing_for_is_never_from_before_a_write() {
    reads_a_group_after_a_write(async |_| tokio::time::advance(6 * M).await).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_by_itself_out_of_a_list_from_before_a_write_is_given_to_nobody_after_it() {
    reads_a_group_after_a_write(async |client| client.clear_cache()).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_is_made_to_what_an_event_says_is_new() {
    let mut config = two();
    config.limiter.windows[0].burst = Some(6);
    let account = Account::with(Sim::builder().users(5).max_in_flight(2), Webhook::new(), config);
    let (id, other) = (account.id(2), account.id(3));
    account.api.get_users().await.unwrap();
    account.api.get_user(other).await.unwrap();
    account.api.get_groups().await.unwrap();
    // It waits for its turn when somebody else renames the user.
    let change = tokio::spawn({
        let api = account.api.clone();
        async move { api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await }
    });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let is_waiting = !change.is_finished();
    account.rename(id, "Ada L.");
    account.deliver();
    change.await.unwrap().unwrap();
    let user = account.sim.user(id).unwrap();
    assert!(is_waiting);
    assert_eq!((user.phone.as_deref(), user.full_name.as_deref()), (Some("555-0100"), Some("Ada L.")));
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
        tokio::time::advance(Duration::from_millis(300)).await;
        if change.is_finished() {
            break;
        }
    }
    assert!(sim.calls() < 30, "{} calls in ten minutes for one change", sim.calls());
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
async fn a_change_that_may_have_been_made_is_not_made_twice() {
    let account = Account::new(Sim::builder().users(5));
    let (id, sim) = (account.id(2), &account.sim);
    sim.edit_user(id, |user| user.phone = Some("1".into()));
    account.deliver();
    sim.fault(Fault::cut_body().on(Operation::UpdateUser));
    let change = tokio::spawn({
        let api = account.api.clone();
        async move {
            api.update_user_with(id, |user| {
                user.phone = Some(format!("{}2", user.phone.as_deref().unwrap()).into());
            })
            .await
        }
    });
    while sim.user(id).unwrap().phone.as_deref() != Some("12") {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    account.rename(id, "Ada L.");
    account.deliver();
    change.await.unwrap().unwrap();
    assert_eq!(sim.user(id).unwrap().phone.as_deref(), Some("12"));
}

#[tokio::test(start_paused = true)]
async fn what_is_changed_elsewhere_before_an_insert_is_answered_is_read() {
    let account = Account::new(Sim::builder().users(5));
    let (other, sim) = (account.id(1), &account.sim);
    // The answer to a write leaves nothing out.
    account.api.get_user(other).await.unwrap();
    account.api.update_user(other, &User::new().phone("555-0100")).await.unwrap();
    account.deliver();
    sim.fault(Fault::slow_body(10 * S).on(Operation::InsertUser));
    let insert = tokio::spawn({
        let api = account.api.clone();
        async move { api.insert_user(&User::new().login("new.user")).await.unwrap() }
    });
    while sim.users().len() == 5 {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    let id = sim.users().last().unwrap().user_id.unwrap();
    account.rename(id, "Ada L.");
    account.deliver();
    assert_eq!(insert.await.unwrap().user_id, Some(id));
    assert_eq!(account.api.get_user(id).await.unwrap().full_name.as_deref(), Some("Ada L."));
}
