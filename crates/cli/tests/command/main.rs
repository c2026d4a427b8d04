//! Runs the built command against simulated accounts on 127.0.0.1.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod account;
mod audit;
mod bad_input;
mod config;
mod errors;
mod groups;
mod help;
mod input;
mod interrupt;
mod reload;
mod secrets;
mod sim;
mod support;
mod users;
mod webhook;
