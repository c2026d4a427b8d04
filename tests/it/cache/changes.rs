//! Promise 9: a change (`update_*_with`) is based on the newest value known.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ultracart_client::config::Oauth;
use ultracart_client::model::User;
use ultracart_client::{CachePolicy, Client, Config, ErrorKind};
use ultracart_sim::{Fault, Operation, Sim, Webhook};

use crate::support::{
    Account, MINUTE, SECOND, group_oid, hold_permit, run_until_idle, spawn, user_id, wait_until_rejected,
};
use crate::{client, two_at_a_time};

#[tokio::test(start_paused = true)]
async fn expired_value_is_not_the_base_of_a_change() {
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
async fn queued_change_after_event_is_reread() {
    let mut config = two_at_a_time();
    config.limiter.windows[0].burst = Some(6);
    let account = Account::with(Sim::builder().users(5).max_in_flight(2), Webhook::new(), config);
    let (id, other) = (account.id(2), account.id(3));
    account.api.get_users().await.unwrap();
    account.api.get_user(other).await.unwrap();
    account.api.get_groups().await.unwrap();
    // The change waits for its permit when another program renames the user.
    let change = spawn(&account.api, |api| async move {
        api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await
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
async fn rejected_change_after_event_is_reread() {
    let account = Account::new(Sim::builder().users(5));
    let id = account.id(2);
    account.api.get_users().await.unwrap();
    account.api.get_user(account.id(3)).await.unwrap();
    // The rejected attempt wrote nothing, and all calls wait for a while.
    account.sim.fault(Fault::too_many_requests().on(Operation::UpdateUser));
    let change = spawn(&account.api, |api| async move {
        api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await
    });
    wait_until_rejected(&account.sim).await;
    assert!(!change.is_finished());
    account.rename(id, "Ada L.");
    assert_eq!(account.deliver(), 1);
    change.await.unwrap().unwrap();
    let user = account.sim.user(id).unwrap();
    assert_eq!((user.phone.as_deref(), user.full_name.as_deref()), (Some("555-0100"), Some("Ada L.")));
}

#[tokio::test(start_paused = true)]
async fn change_awaiting_token_after_event_is_reread() {
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
    // The user is renamed while the new token is stored.
    let [id, other] = [2, 3].map(|index| sim.users()[index].user_id.unwrap());
    let (sim_at_store, stores) = (sim.clone(), Arc::new(Mutex::new(0)));
    let receiver = Arc::new(Mutex::new(None::<ultracart_client::webhook::Receiver>));
    let receiver_at_store = Arc::clone(&receiver);
    let client = Client::builder()
        .config(config)
        .service(sim.service())
        .store_refresh_token(move |_| {
            let mut stores = stores.lock().unwrap();
            *stores += 1;
            if *stores == 2 {
                sim_at_store.edit_user(id, |user| user.full_name = Some("Ada L.".into()));
                for delivery in sim_at_store.take_deliveries() {
                    let credentials = delivery.headers()[http::header::AUTHORIZATION].as_bytes();
                    let receiver = receiver_at_store.lock().unwrap();
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
    tokio::time::advance(4 * MINUTE).await;
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    let user = sim.user(id).unwrap();
    assert_eq!((user.phone.as_deref(), user.full_name.as_deref()), (Some("555-0100"), Some("Ada L.")));
}

#[tokio::test(start_paused = true)]
async fn change_overtaken_repeatedly_is_sent() {
    let account = Account::new(Sim::builder().users(5).latency(Duration::from_millis(300)));
    let (id, sim) = (account.id(2), account.sim.clone());
    let change = spawn(&account.api, |api| async move {
        api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await
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
    // The user is read again three times, and then the latest version is written.
    let sent: Vec<_> = sim.requests().iter().filter_map(|request| request.operation).collect();
    assert_eq!(sent, [&[Operation::GetUser; 4][..], &[Operation::UpdateUser]].concat());
    change.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn change_of_unknown_outcome_is_not_reapplied() {
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
async fn queued_group_change_after_user_write_is_reread() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let (id, oid) = (user_id(&sim, 1), group_oid(&sim, 1));
    let member = || {
        let group = sim.group(oid).unwrap();
        group.users.iter().flatten().find(|user| user.user_id == Some(id)).unwrap().member
    };
    let before = member().unwrap();
    let mut user = User::clone(&api.get_user(id).await.unwrap());
    for group in user.groups.iter_mut().flatten().filter(|group| group.group_oid == Some(oid)) {
        group.member = Some(!before);
    }
    api.get_group(oid).await.unwrap();
    tokio::time::advance(SECOND).await;
    hold_permit(&sim, &api, 10 * SECOND).await;
    // The user's write is queued first, and the change of the group is based on an older group.
    let write = spawn(&api, move |api| async move { api.update_user(id, &user).await });
    run_until_idle().await;
    api.update_group_with(oid, |group| group.name = Some("Night shift".into())).await.unwrap();
    write.await.unwrap().unwrap();
    assert_eq!(member(), Some(!before));
    assert_eq!(sim.group(oid).unwrap().name.as_deref(), Some("Night shift"));
}

#[tokio::test(start_paused = true)]
async fn dropped_change_blocks_the_next_until_it_ends() {
    let sim = Sim::builder().users(5).max_in_flight(2).build();
    let api = client(&sim, two_at_a_time()).user_api();
    let id = user_id(&sim, 1);
    api.get_user(id).await.unwrap();
    tokio::time::advance(SECOND).await;
    sim.fault(Fault::slow_headers(10 * SECOND).on(Operation::UpdateUser));
    let change = spawn(&api, move |api| async move {
        api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await
    });
    run_until_idle().await;
    change.abort();
    assert!(change.await.is_err());
    api.update_user_with(id, |user| user.full_name = Some("Ada L.".into())).await.unwrap();
    let user = sim.user(id).unwrap();
    assert_eq!((user.phone.as_deref(), user.full_name.as_deref()), (Some("555-0100"), Some("Ada L.")));
    let sent = sim.requests();
    let writes: Vec<_> =
        sent.iter().filter(|request| request.operation == Some(Operation::UpdateUser)).collect();
    assert!(writes[1].at >= writes[0].at + 10 * SECOND && writes[1].in_flight == 0);
}

#[tokio::test(start_paused = true)]
async fn changes_of_two_users_overlap() {
    let sim = Sim::builder().users(5).groups(2).max_in_flight(2).build();
    let mut config = two_at_a_time();
    config.http.request_timeout = Duration::from_hours(3);
    let api = client(&sim, config).user_api();
    let [id, other, third] = [0, 1, 2].map(|index| user_id(&sim, index));
    let oid = group_oid(&sim, 0);
    api.get_users().await.unwrap();
    api.get_groups().await.unwrap();
    api.get_user(third).await.unwrap();
    tokio::time::advance(SECOND).await;
    // The server takes two hours for the first change. The others do not wait for it.
    let start = sim.elapsed();
    sim.fault(Fault::slow_headers(Duration::from_hours(2)).on(Operation::UpdateUser));
    let slow = spawn(&api, move |api| async move {
        api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await
    });
    run_until_idle().await;
    api.update_user_with(other, |user| user.phone = Some("555-0101".into())).await.unwrap();
    api.update_group_with(oid, |group| group.name = Some("Night shift".into())).await.unwrap();
    assert!(!slow.is_finished() && sim.elapsed() < start + 10 * SECOND);
    assert!(sim.requests().last().unwrap().in_flight == 1);
    slow.await.unwrap().unwrap();
    assert_eq!(sim.user(id).unwrap().phone.as_deref(), Some("555-0100"));
}
