//! What others change is known when a webhook tells of it.

use std::time::Duration;

use http::header::AUTHORIZATION;
use ultracart_client::config::Cache;
use ultracart_client::model::{User, UserId};
use ultracart_client::webhook::Receiver;
use ultracart_client::{Client, Config, UserApi};
use ultracart_sim::{Builder, Fault, Operation, Sim, Webhook, WebhookFault};

use crate::{cache::a_day_of_reading, client, two};

/// An account that tells a client what happens.
pub(crate) struct Account {
    pub(crate) sim: Sim,
    client: Client,
    pub(crate) api: UserApi,
    receiver: Receiver,
}

impl Account {
    pub(crate) fn new(builder: Builder) -> Self {
        Self::with(builder, Webhook::new(), Config::default())
    }

    pub(crate) fn with(builder: Builder, webhook: Webhook, config: Config) -> Self {
        let sim = builder.webhook(webhook.basic_auth("ultracart", "only-a-test")).build();
        let client = client(&sim, config);
        let (api, receiver) = (client.user_api(), client.webhook().basic_auth("ultracart", "only-a-test"));
        Self { sim, client, api, receiver }
    }

    /// Takes what the account has to tell by now: so many events.
    pub(crate) fn deliver(&self) -> usize {
        let deliveries = self.sim.take_deliveries();
        let events = deliveries.iter().map(|delivery| {
            let credentials = delivery.headers()[AUTHORIZATION].as_bytes();
            self.receiver.receive(Some(credentials), delivery.body()).unwrap().events.len()
        });
        events.sum()
    }

    pub(crate) fn id(&self, place: usize) -> UserId {
        self.sim.users()[place].user_id.unwrap()
    }

    pub(crate) fn rename(&self, id: UserId, name: &str) {
        assert!(self.sim.edit_user(id, |user| user.full_name = Some(name.into())));
    }

    pub(crate) async fn name(&self, id: UserId) -> String {
        self.api.get_users().await.unwrap().get(id).unwrap().full_name.as_deref().unwrap().to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_changes_in_a_second_cost_one_reload() {
    let account = Account::new(Sim::builder().users(50));
    let id = account.id(7);
    account.api.get_users().await.unwrap();
    let reading = tokio::spawn({
        let api = account.api.clone();
        async move {
            // Whoever reads all the time meanwhile.
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
async fn five_hundred_logins_cost_no_list() {
    let account = Account::new(Sim::builder().users(50));
    let [id, other] = [7, 8].map(|place| account.id(place));
    account.api.get_users().await.unwrap();
    account.api.get_groups().await.unwrap();
    let before = account.api.get_user_logins(id).await.unwrap().len();
    account.api.get_user_logins(other).await.unwrap();
    for _ in 0..500 {
        assert!(account.sim.login(id, "192.0.2.7", "curl/8"));
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
async fn a_webhook_during_a_load_hides_what_the_load_brings() {
    let account = Account::with(Sim::builder().users(50).max_in_flight(2), Webhook::new(), two());
    let id = account.id(7);
    account.sim.fault(Fault::slow_body(Duration::from_secs(10)).on(Operation::GetUsers));
    let load = tokio::spawn({
        let api = account.api.clone();
        async move { api.get_users().await }
    });
    tokio::time::advance(Duration::from_secs(1)).await;
    account.rename(id, "Ada L.");
    account.deliver();
    assert_eq!(account.name(id).await, "Ada L.");
    assert_ne!(load.await.unwrap().unwrap().get(id).unwrap().full_name.as_deref(), Some("Ada L."));
    assert_eq!(account.name(id).await, "Ada L.");
    assert_eq!(account.sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_of_an_own_write_costs_nothing() {
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
    assert_eq!((api.get_users().await.unwrap().calls(), api.get_groups().await.unwrap().calls()), (0, 0));
    assert_eq!(api.get_user(new).await.unwrap().login.as_deref(), Some("new.user"));
    // What somebody else does to the same user does.
    account.rename(id, "Ada L.");
    account.deliver();
    assert_eq!(account.name(id).await, "Ada L.");
    assert_eq!(api.get_groups().await.unwrap().calls(), 1);
    assert_eq!(account.sim.calls() - calls, 2);
}

#[tokio::test(start_paused = true)]
async fn events_that_come_twice_late_and_out_of_order_end_in_what_is_so() {
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
            account.sim.shuffle_deliveries(seed as u64);
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
async fn an_event_that_is_lost_is_made_good_in_an_hour() {
    let account = Account::new(Sim::builder().users(20));
    let [id, other] = [7, 8].map(|place| account.id(place));
    account.sim.login(other, "192.0.2.7", "curl/8");
    account.deliver();
    tokio::time::advance(Duration::from_secs(1)).await;
    let before = account.name(id).await;
    account.sim.webhook_fault(WebhookFault::lost());
    account.rename(id, "Ada L.");
    for _ in 0..9 {
        tokio::time::advance(Duration::from_mins(5)).await;
        account.sim.login(other, "192.0.2.7", "curl/8");
        account.deliver();
        assert_eq!(account.name(id).await, before);
    }
    assert_eq!(account.sim.calls(), 1);
    tokio::time::advance(Duration::from_mins(15)).await;
    assert_eq!(account.name(id).await, "Ada L.");
    assert_eq!(account.sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_remembered_with_webhooks_where_nothing_is_to_be() {
    let mut config = Config::default();
    config.cache = Cache::off();
    let account = Account::with(Sim::builder().users(20), Webhook::new(), config);
    account.sim.login(account.id(0), "192.0.2.7", "curl/8");
    account.deliver();
    account.api.get_users().await.unwrap();
    account.api.get_users().await.unwrap();
    assert_eq!(account.sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn groups_are_good_no_longer_for_webhooks_that_never_tell_of_them() {
    let account = Account::new(Sim::builder().users(5).groups(3));
    account.sim.login(account.id(0), "192.0.2.7", "curl/8");
    account.deliver();
    tokio::time::advance(Duration::from_secs(1)).await;
    let oid = account.api.get_groups().await.unwrap()[0].group_oid.unwrap();
    account.sim.edit_group(oid, |group| group.name = Some("Night shift".into()));
    tokio::time::advance(Duration::from_mins(5)).await;
    let groups = account.api.get_groups().await.unwrap();
    assert_eq!(groups.get(oid).unwrap().name.as_deref(), Some("Night shift"));
}

#[tokio::test(start_paused = true)]
async fn a_day_of_reading_every_minute_with_webhooks() {
    let builder = Sim::builder().users(50).keep_requests(0).latency(Duration::from_millis(300));
    let account = Account::new(builder);
    // Somebody logs in every ten minutes, and every two hours somebody is renamed elsewhere.
    a_day_of_reading(&account.api, |minute| {
        if minute % 10 == 0 {
            account.sim.login(account.id(usize::try_from(minute).unwrap() % 50), "192.0.2.7", "curl/8");
        }
        if minute % 120 == 60 {
            account.rename(account.id(7), &format!("Name {minute}"));
        }
        account.deliver();
    })
    .await;
    let stats = account.client.cache_snapshot();
    println!(
        "1,440 × 2 reads in a day took {} calls with webhooks, {} of them for users",
        account.sim.calls(),
        stats.users.misses + stats.users.refreshes
    );
    assert_eq!(account.name(account.id(7)).await, "Name 1380");
    assert!(stats.users.misses + stats.users.refreshes <= 50, "{stats:?}");
    assert_eq!((account.sim.rejections(), account.sim.overlaps()), (0, 0));
}
