//! What one change makes of what is known of another.

use std::time::Duration;

use ultracart_client::Config;
use ultracart_client::model::{Group, GroupOid, User, UserId};
use ultracart_sim::{Fault, GetGroupBody, Operation, Sim, Webhook};

use crate::client;
use crate::webhooks::Account;

const S: Duration = Duration::from_secs(1);

/// Two calls at a time.
fn two() -> Config {
    let mut config = Config::default();
    config.limiter.max_concurrency = 2;
    config
}

fn is_member(user: &User, oid: GroupOid) -> Option<bool> {
    user.groups.iter().flatten().find(|group| group.group_oid == Some(oid))?.member
}

fn name_in(group: &Group, id: UserId) -> Option<&str> {
    group.users.iter().flatten().find(|user| user.user_id == Some(id))?.full_name.as_deref()
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

#[tokio::test(start_paused = true)]
async fn a_group_that_the_server_returns_nothing_for_is_never_from_before_a_write() {
    let builder = Sim::builder().users(5).groups(3).get_group_body(GetGroupBody::Empty);
    let sim = builder.max_in_flight(2).build();
    let api = client(&sim, two()).user_api();
    let oid = sim.groups()[0].group_oid.unwrap();
    let id = sim.users()[2].user_id.unwrap();
    api.get_group(oid).await.unwrap();
    tokio::time::advance(Duration::from_mins(6)).await;
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
