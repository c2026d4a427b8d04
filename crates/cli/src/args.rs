//! The command line.

use clap::Parser;

use crate::commands::Command;
use crate::global::Global;

const ABOUT: &str = "Users, groups and access reviews of an UltraCart account";

const LONG_ABOUT: &str = "\
Users, groups and access reviews of an UltraCart account.

Each command keeps to UltraCart's quota (1,000 calls an hour, 10,000 a day, one at a time): a call waits until the quota \
allows it, and is retried where that is safe. Data goes to stdout, everything else to stderr.";

const AFTER: &str = "\
Examples:
  ultracart audit --demo --out audit   Review a simulated account, without a key
  export ULTRACART_SIMPLE_KEY=…        Set the simple key of your account
  ultracart users list                 List the account's users
  ultracart users list --format csv > users.csv
  ultracart audit --out audit          Review the account; see audit/audit.html

Exit codes:
  0    done
  1    failed
  2    bad usage or configuration
  3    finished, but some items failed
  130  interrupted; `audit --resume` continues an audit";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "ultracart", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER)]
#[command(propagate_version = false, disable_help_subcommand = true, max_term_width = 120)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}
