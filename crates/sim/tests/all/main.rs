//! Tests of the simulated account through its public interface, in process and over TCP.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

mod faults;
mod limits;
mod oauth;
mod operations;
#[cfg(feature = "tcp")]
mod posts;
mod robust;
mod support;
#[cfg(feature = "tcp")]
mod tcp;
mod webhooks;
