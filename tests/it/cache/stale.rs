//! Promise 5: expired values may be served in an outage, invalidated ones only where the caller says so.

use std::time::Duration;

use ultracart_client::model::User;
use ultracart_client::{CachePolicy, Config, ErrorKind, Served, Stale};
use ultracart_sim::{Fault, Histories, Sim};

use crate::client;

#[tokio::test(start_paused = true)]
async fn stale_allowed_serves_user_from_stale_list() {
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
async fn outage_serves_user_from_expired_list() {
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
async fn never_stale_user_in_an_outage_is_an_error() {
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
