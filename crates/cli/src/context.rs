//! The environment of a command.

use ultracart_client::Client;

use crate::global::Global;
use crate::notes::Notes;
use crate::output::Output;

/// The flags, the outputs and the client of one run of the program.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) notes: Notes,
    pub(crate) output: Output,
    /// The client of the configured account, once the command has opened one.
    pub(crate) client: Option<Client>,
    /// Makes the definition of the whole command line, from which the completion scripts are made.
    pub(crate) command_line: fn() -> clap::Command,
}
