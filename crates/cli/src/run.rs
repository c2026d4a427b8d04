//! From the command line to the exit code.

use std::pin::pin;
use std::time::Duration;

use clap::CommandFactory as _;
use tokio::time::timeout;

use crate::args::Cli;
use crate::commands::Command;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::interrupt::interrupt;
use crate::logging;
use crate::notes::{self, Notes};
use crate::output::Output;

/// Whoever waits longer wants to know what for.
const NOTICED: Duration = Duration::from_millis(500);

/// Runs a command to its end and says what went wrong.
pub(crate) fn run(cli: Cli) -> Exit {
    let Cli { global, command } = cli;
    let notes = Notes::new(global.quiet);
    logging::start(global.verbose, notes);
    let output = Output::stdout(global.format);
    let mut context = Context { global, notes, output, client: None, command_line: Cli::command };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            notes::failure(&Failure::new(Exit::Failed, "no runtime can be started").why(error.to_string()));
            return Exit::Failed;
        }
    };
    let result = runtime.block_on(async {
        let result = until_interrupted(&command, &mut context).await;
        finish_refresh(&context).await;
        result
    });
    // What still runs, such as a name look-up, must not hold up the end.
    runtime.shutdown_background();
    // What was written stands before what is said of it, also where both end on one terminal.
    let written = context.output.flush().map_err(|error| Failure::of_output(&error));
    let result = match (result, written) {
        (Ok(exit), written) => written.map(|()| exit),
        (Err(failure), written) => {
            // A command that failed over its output has said so itself.
            if let Some(output) = written.err().filter(|output| output.what != failure.what) {
                notes::failure(&output);
            }
            Err(failure)
        }
    };
    result.unwrap_or_else(|failure| {
        notes::failure(&failure);
        failure.exit
    })
}

async fn until_interrupted(command: &Command, context: &mut Context) -> Result<Exit, Failure> {
    if command.ends_when_interrupted() {
        return command.run(context).await;
    }
    tokio::select! {
        // First the command: while it reads its input, before any call, a signal ends the process at once.
        biased;
        result = command.run(context) => result,
        () = async { interrupt().await } => Err(command.interrupted(&context.global)),
    }
}

/// What an interrupted command was getting must not be lost with it: the new refresh token is the only one.
async fn finish_refresh(context: &Context) {
    let Some(client) = &context.client else { return };
    let mut finished = pin!(client.finish_refresh());
    if timeout(NOTICED, &mut finished).await.is_ok() {
        return;
    }
    // Before anything is said: who reads it may interrupt at once.
    let again = interrupt();
    context.notes.note(
        "waiting for the new OAuth refresh token, without which the application has to be authorized again; \
         interrupt again to end without it",
    );
    tokio::select! {
        () = finished => {}
        () = again => {}
    }
}
