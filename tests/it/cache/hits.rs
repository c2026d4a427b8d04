//! Promise 1: a hit makes no call.

use std::time::Duration;

use ultracart_client::Config;
use ultracart_sim::Sim;

use crate::client;

#[tokio::test(start_paused = true)]
async fn list_within_ttl_is_read_once() {
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
