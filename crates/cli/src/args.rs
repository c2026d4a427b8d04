//! The command line.

use clap::Parser;

use crate::commands::Command;
use crate::global::Global;

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
