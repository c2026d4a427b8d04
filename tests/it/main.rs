//! End-to-end tests of the client against the simulated account, in process and in virtual time.

#![expect(clippy::unwrap_used, reason = "tests")]

mod cache;
mod cache_property;
mod cache_storage;
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

/// Builds a client of a simulated account, with its simple key.
fn client(sim: &Sim, mut config: Config) -> Client {
    config.auth.simple_key = Some(sim.simple_key().expose().into());
    Client::builder().config(config).service(sim.service()).build().unwrap()
}

/// A configuration with two calls at a time.
fn two_at_a_time() -> Config {
    let mut config = Config::default();
    config.limiter.max_concurrency = 2;
    config
}
