//! The global flags.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

/// The flags that every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Configuration file; by default `ultracart/config.toml` in your configuration folder, if it exists
    #[arg(long, global = true, value_name = "FILE", env = "ULTRACART_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,

    /// URL of the API, if not UltraCart's; http:// is accepted for this machine only
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) base_url: Option<String>,

    /// Output format: a table for people, JSON with every field, CSV for spreadsheets, or one JSON object a
    /// line
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,

    /// Disable the cache: each read makes a call
    #[arg(long, global = true)]
    pub(crate) no_cache: bool,

    /// Print errors only: no progress, notes or warnings
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Log to stderr; -vv and -vvv log more. `RUST_LOG` sets levels, too
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The format of data on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // A selection of columns, for people.
    #[default]
    Table,
    // Every field, indented.
    Json,
    // For spreadsheets, with formulas made harmless.
    Csv,
    // Every field, one object a line.
    Ndjson,
}
