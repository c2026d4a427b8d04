//! The library against the simulated account: in process, in virtual time.

#![expect(clippy::unwrap_used, reason = "tests")]

mod cache;
mod cache_property;
mod cache_threads;
mod faults;
mod oauth;
mod operations;
mod quota;
mod retries;
mod support;
mod telemetry;

use ultracart_client::{Client, Config};
use ultracart_sim::Sim;

/// A client of the account, with these settings and its key.
fn client(sim: &Sim, mut config: Config) -> Client {
    config.auth.simple_key = Some(sim.simple_key().expose().into());
    Client::builder().config(config).service(sim.service()).build().unwrap()
}

/// Two calls at a time.
fn two() -> Config {
    let mut config = Config::default();
    config.limiter.max_concurrency = 2;
    config
}
