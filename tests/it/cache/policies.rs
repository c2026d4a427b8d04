//! Promise 11: cache policies per call.

use ultracart_client::Config;
use ultracart_client::config::Cache;
use ultracart_sim::Sim;

use crate::client;

#[tokio::test(start_paused = true)]
async fn zero_ttl_caches_nothing() {
    let sim = Sim::builder().users(5).build();
    let mut config = Config::default();
    config.cache = Cache::off();
    let api = client(&sim, config).user_api();
    api.get_users().await.unwrap();
    api.get_users().await.unwrap();
    assert_eq!(sim.calls(), 2);
}
