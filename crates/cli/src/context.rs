//! The context that a command runs in.

use ultracart_client::Client;

use crate::global::Global;
use crate::notes::Notes;
use crate::output::Output;

/// The global flags, the outputs and the client of one run of the program.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) notes: Notes,
    pub(crate) output: Output,
    /// The client of the configured account. `None` until the command has opened it. With the flag `--demo`
    /// it stays `None`.
    pub(crate) client: Option<Client>,
    /// Returns the definition of the command line, from which completion scripts are generated.
    pub(crate) command_line: fn() -> clap::Command,
}
