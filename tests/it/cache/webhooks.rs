//! Promise 10: webhook events invalidate cached values, but never supply values.

use std::time::Duration;

use ultracart_client::Config;
use ultracart_client::model::User;
use ultracart_sim::{Fault, Operation, Sim, Webhook, WebhookFault};

use crate::support::{Account, SECOND, name_in, run_until_idle, spawn};
use crate::two_at_a_time;

#[tokio::test(start_paused = true)]
async fn event_seen_by_users_invalidates_groups() {
    let account = Account::new(Sim::builder().users(5).groups(3));
    let id = account.id(2);
    account.api.get_groups().await.unwrap();
    account.rename(id, "Ada L.");
    tokio::time::advance(SECOND).await;
    account.api.get_users().await.unwrap();
    assert_eq!(account.deliver(), 1);
    assert_eq!(name_in(&account.api.get_groups().await.unwrap()[0], id), Some("Ada L."));
}

#[tokio::test(start_paused = true)]
async fn event_seen_by_one_user_discards_older_list() {
    let account = Account::with(Sim::builder().users(5).max_in_flight(2), Webhook::new(), two_at_a_time());
    let id = account.id(2);
    account.sim.fault(Fault::slow_body(10 * SECOND).on(Operation::GetUsers));
    let load = spawn(&account.api, |api| async move { api.get_users().await });
    tokio::time::advance(SECOND).await;
    account.rename(id, "Ada L.");
    account.api.get_user(id).await.unwrap();
    assert_eq!(account.deliver(), 1);
    load.await.unwrap().unwrap();
    assert_eq!(account.name(id).await, "Ada L.");
}

#[tokio::test(start_paused = true)]
async fn event_like_an_old_write_invalidates() {
    let account = Account::new(Sim::builder().users(5));
    let (id, sim) = (account.id(2), &account.sim);
    account.api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    account.deliver();
    tokio::time::advance(10 * SECOND).await;
    sim.webhook_fault(WebhookFault::lost());
    sim.edit_user(id, |user| user.phone = Some("555-0199".into()));
    account.deliver();
    let users = account.api.get_users().await.unwrap();
    assert_eq!(users.get(id).unwrap().phone.as_deref(), Some("555-0199"));
    sim.edit_user(id, |user| user.phone = Some("555-0100".into()));
    assert_eq!(account.deliver(), 1);
    tokio::time::advance(SECOND).await;
    let users = account.api.get_users().await.unwrap();
    assert_eq!(users.get(id).unwrap().phone.as_deref(), Some("555-0100"));
}

#[tokio::test(start_paused = true)]
async fn echoes_of_two_writes_cost_one_reload_at_most() {
    let account = Account::new(Sim::builder().users(3));
    let id = account.id(1);
    account.api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    account.api.update_user(id, &User::new().phone("555-0101")).await.unwrap();
    account.api.get_users().await.unwrap();
    assert_eq!(account.deliver(), 2);
    assert!(account.api.get_users().await.unwrap().calls() <= 1);
    assert_eq!(account.api.get_users().await.unwrap().calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn event_during_insert_overrides_its_response() {
    let account = Account::new(Sim::builder().users(5));
    let (other, sim) = (account.id(1), &account.sim);
    // These calls show that the response of a write is complete.
    account.api.get_user(other).await.unwrap();
    account.api.update_user(other, &User::new().phone("555-0100")).await.unwrap();
    account.deliver();
    sim.fault(Fault::slow_body(10 * SECOND).on(Operation::InsertUser));
    let insert =
        spawn(
            &account.api,
            |api| async move { api.insert_user(&User::new().login("new.user")).await.unwrap() },
        );
    while sim.users().len() == 5 {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    let id = sim.users().last().unwrap().user_id.unwrap();
    account.rename(id, "Ada L.");
    account.deliver();
    assert_eq!(insert.await.unwrap().user_id, Some(id));
    assert_eq!(account.api.get_user(id).await.unwrap().full_name.as_deref(), Some("Ada L."));
}

#[tokio::test(start_paused = true)]
async fn thousand_events_in_a_second_cost_one_reload() {
    let account = Account::new(Sim::builder().users(50));
    let id = account.id(7);
    account.api.get_users().await.unwrap();
    let reading = tokio::spawn({
        let api = account.api.clone();
        async move {
            // One caller reads continuously.
            for _ in 0..1_000 {
                api.get_users().await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    for change in 1..=1_000 {
        account.rename(id, &format!("Name {change}"));
        assert_eq!(account.deliver(), 1);
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    assert_eq!(account.name(id).await, "Name 1000");
    reading.await.unwrap();
    assert_eq!(account.sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn login_events_invalidate_only_their_logins() {
    let account = Account::new(Sim::builder().users(50));
    let [id, other] = [7, 8].map(|index| account.id(index));
    account.api.get_users().await.unwrap();
    account.api.get_groups().await.unwrap();
    let before = account.api.get_user_logins(id).await.unwrap().len();
    account.api.get_user_logins(other).await.unwrap();
    for _ in 0..500 {
        assert!(account.sim.add_login(id, "192.0.2.7", "curl/8"));
    }
    assert_eq!(account.deliver(), 500);
    let calls = account.sim.calls();
    assert_eq!(account.api.get_users().await.unwrap().calls(), 0);
    assert_eq!(account.api.get_groups().await.unwrap().calls(), 0);
    assert_eq!(account.api.get_user_logins(other).await.unwrap().calls(), 0);
    assert_eq!(account.sim.calls(), calls);
    assert_eq!(account.api.get_user_logins(id).await.unwrap().len(), before + 500);
}

#[tokio::test(start_paused = true)]
async fn event_during_load_discards_its_value() {
    let account = Account::with(Sim::builder().users(50).max_in_flight(2), Webhook::new(), two_at_a_time());
    let id = account.id(7);
    account.sim.fault(Fault::slow_body(Duration::from_secs(10)).on(Operation::GetUsers));
    let load = spawn(&account.api, |api| async move { api.get_users().await });
    tokio::time::advance(Duration::from_secs(1)).await;
    account.rename(id, "Ada L.");
    account.deliver();
    assert_eq!(account.name(id).await, "Ada L.");
    assert_ne!(load.await.unwrap().unwrap().get(id).unwrap().full_name.as_deref(), Some("Ada L."));
    assert_eq!(account.name(id).await, "Ada L.");
    assert_eq!(account.sim.calls(), 2);
    assert_eq!(account.client.cache_snapshot().users.discarded, 1);
}

#[tokio::test(start_paused = true)]
async fn echoes_of_writes_cost_one_reload_at_most() {
    let account = Account::new(Sim::builder().users(50));
    let (api, id) = (&account.api, account.id(7));
    api.get_users().await.unwrap();
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    let new = api.insert_user(&User::new().login("new.user")).await.unwrap().user_id.unwrap();
    api.delete_user(account.id(8)).await.unwrap();
    api.get_users().await.unwrap();
    api.get_groups().await.unwrap();
    api.get_user(new).await.unwrap();
    let calls = account.sim.calls();
    assert_eq!(account.deliver(), 3);
    assert!(api.get_users().await.unwrap().calls() <= 1);
    assert!(api.get_groups().await.unwrap().calls() <= 1);
    assert_eq!((api.get_users().await.unwrap().calls(), api.get_groups().await.unwrap().calls()), (0, 0));
    let user = api.get_user(new).await.unwrap();
    assert!(user.calls() <= 1 && user.login.as_deref() == Some("new.user"));
    // A change by another program costs a reload of each list.
    account.rename(id, "Ada L.");
    account.deliver();
    assert_eq!(account.name(id).await, "Ada L.");
    assert_eq!(api.get_groups().await.unwrap().calls(), 1);
    let cost = account.sim.calls() - calls;
    assert!(cost <= 3 + 2, "{cost} calls");
}

#[tokio::test(start_paused = true)]
async fn late_and_repeated_events_end_in_current_users() {
    for (seed, webhook) in [Webhook::new(), Webhook::new().bundle(7), Webhook::new().compressed().bundle(50)]
        .into_iter()
        .enumerate()
    {
        let account = Account::with(Sim::builder().users(20), webhook, Config::default());
        account.sim.webhook_fault(WebhookFault::repeated(2).times(10));
        account.sim.webhook_fault(WebhookFault::late(Duration::from_secs(20)).times(10));
        for change in 0..60_usize {
            let id = account.id(change % 20);
            account.api.get_users().await.unwrap();
            match change % 10 {
                3 => _ = account.sim.put_user(User::new().login(format!("new.user.{seed}.{change}"))),
                7 => assert!(account.sim.remove_user(id)),
                _ => account.rename(id, &format!("Name {change}")),
            }
            account.sim.shuffle_events(seed as u64);
            if change % 3 == 0 {
                account.deliver();
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        tokio::time::advance(Duration::from_secs(20)).await;
        assert!(account.deliver() > 0);
        let expected: Vec<_> =
            account.sim.users().iter().map(|user| (user.user_id, user.full_name.clone())).collect();
        let users = account.api.get_users().await.unwrap();
        let seen: Vec<_> = users.iter().map(|user| (user.user_id, user.full_name.clone())).collect();
        assert_eq!(seen, expected);
        assert_eq!(account.sim.take_deliveries().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn endless_events_delay_a_reload_by_two_seconds() {
    let account = Account::new(Sim::builder().users(5));
    let id = account.id(1);
    account.api.get_users().await.unwrap();
    account.rename(id, "Name 0");
    account.deliver();
    let read = spawn(&account.api, |api| async move { api.get_users().await.map(drop) });
    run_until_idle().await;
    for step in 1..=20 {
        assert!(!read.is_finished(), "after {step} steps");
        tokio::time::advance(Duration::from_millis(100)).await;
        account.rename(id, &format!("Name {step}"));
        account.deliver();
        run_until_idle().await;
    }
    assert!(read.is_finished());
    read.await.unwrap().unwrap();
    assert_eq!(account.sim.calls(), 2);
}
