//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, ValueEnum};

use crate::commands::Command;

const ABOUT: &str = "Users, groups and access reviews of an UltraCart account";

const LONG_ABOUT: &str = "\
Users, groups and access reviews of an UltraCart account.

It keeps to UltraCart's quota (1,000 calls an hour, 10,000 a day, one at a time): a call waits for its turn, and is sent \
again where that is right. Data goes to stdout, everything else to stderr.";

const AFTER: &str = "\
Examples:
  ultracart audit --demo --out audit           Review a simulated account, without a key
  export ULTRACART_SIMPLE_KEY=…                The key of your account; or see `config show`
  ultracart users list                         Who is there
  ultracart users list --format csv > users.csv
  ultracart audit --out audit                  Review the account; then open audit/audit.html

Exit codes:
  0    done
  1    failed
  2    bad usage or configuration
  3    finished, with some items failed
  130  interrupted; `audit` goes on with --resume";

/// The command line as a whole.
#[derive(Debug, Parser)]
#[command(name = "ultracart", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER)]
#[command(propagate_version = false, disable_help_subcommand = true, max_term_width = 120)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

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
