//! Promise 2: a miss makes one call, however many ask.

use std::time::Duration;

use ultracart_client::Config;
use ultracart_sim::{Fault, Operation, Sim, Webhook};

use crate::support::{Account, spawn};
use crate::{client, two};

#[tokio::test(start_paused = true)]
async fn thousand_callers_share_one_call() {
    let sim = Sim::builder().users(5).latency(Duration::from_secs(1)).build();
    let api = client(&sim, Config::default()).user_api();
    let callers: Vec<_> =
        (0..1_000).map(|_| spawn(&api, |api| async move { api.get_users().await.unwrap().len() })).collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 5);
    }
    assert_eq!(sim.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn rejected_load_serves_reader_after_change() {
    let account = Account::with(Sim::builder().users(5), Webhook::new(), two());
    let (api, sim) = (&account.api, &account.sim);
    sim.fault(Fault::too_many_requests().on(Operation::GetUsers));
    let read = spawn(api, |api| async move { api.get_users().await.unwrap().calls() });
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
