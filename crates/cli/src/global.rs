//! The flags that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

/// The flags that every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Configuration file; else `ultracart/config.toml` in your configuration folder, if it is there
    #[arg(long, global = true, value_name = "FILE", env = "ULTRACART_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,

    /// Where the API is, if not at UltraCart's; https, or http on this machine
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) base_url: Option<String>,

    /// How data is written: for people, with everything, for spreadsheets, or with everything on a line each
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,

    /// Remember nothing: every call goes to the server
    #[arg(long, global = true)]
    pub(crate) no_cache: bool,

    /// No progress, no notes, no warnings: errors alone
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Say what is done; -vv and -vvv say more, and so can `RUST_LOG`
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// How data is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // For people.
    #[default]
    Table,
    // Everything, indented.
    Json,
    // For spreadsheets, safe against formulas.
    Csv,
    // Everything, an object on a line.
    Ndjson,
}
