//! Promise 1: a hit makes no call.

use std::time::Duration;

use ultracart_client::{CachePolicy, Config, ErrorKind, Served};
use ultracart_sim::{Fault, Operation, Sim};

use crate::client;
use crate::support::{MINUTE, SECOND, hold_permit};

#[tokio::test(start_paused = true)]
async fn list_within_ttl_is_read_once() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let first = api.get_users().await.unwrap();
    assert_eq!((first.served(), first.calls()), (Served::Fresh, 1));
    tokio::time::advance(MINUTE).await;
    let hit = api.get_users().await.unwrap();
    assert_eq!((hit.served(), hit.age(), hit.calls()), (Served::Fresh, MINUTE, 0));
    tokio::time::advance(Duration::from_secs(239)).await;
    assert!(std::sync::Arc::ptr_eq(first.as_ref(), api.get_users().await.unwrap().as_ref()));
    assert_eq!(sim.calls(), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    api.get_users().await.unwrap();
    assert_eq!(sim.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn age_of_list_counts_from_its_sending() {
    let sim = Sim::builder().users(5).build();
    let api = client(&sim, Config::default()).user_api();
    let holder = hold_permit(&sim, &api, 10 * SECOND).await;
    sim.fault(Fault::slow_body(3 * SECOND).on(Operation::GetUsers));
    // The call waits for its permit for ten seconds, and takes three.
    assert_eq!(api.get_users().await.unwrap().age(), 3 * SECOND);
    holder.await.unwrap();
    let cached = api.cache_policy(CachePolicy::OnlyIfCached);
    tokio::time::advance(296 * SECOND).await;
    assert!(cached.get_users().await.is_ok());
    tokio::time::advance(SECOND).await;
    assert_eq!(cached.get_users().await.unwrap_err().kind(), ErrorKind::NotCached);
}
