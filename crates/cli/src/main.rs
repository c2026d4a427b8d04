//! The `ultracart` command: users, groups and access reviews of an UltraCart account.

mod args;
mod commands;
mod connection;
mod context;
mod explain;
mod failure;
mod global;
mod input;
mod interrupt;
mod logging;
mod notes;
mod output;
mod records;
mod reload;
mod report;
mod run;
mod settings;
mod text;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    run::run(args::Cli::parse()).into()
}
