//! Runs a command, from the command line to the exit code.

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

/// Time after which a note says that the command is waiting for a token refresh.
const NOTE_AFTER: Duration = Duration::from_millis(500);

/// Runs a command to its end, writes its failure to stderr and returns the exit code.
pub(crate) fn run(cli: Cli) -> Exit {
    let Cli { global, command } = cli;
    let notes = Notes::new(global.quiet);
    logging::start(global.verbose, notes);
    let output = Output::stdout(global.format);
    let mut context = Context { global, notes, output, client: None, command_line: Cli::command };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            notes::failure(
                &Failure::new(Exit::Failed, "the async runtime cannot be started").why(error.to_string()),
            );
            return Exit::Failed;
        }
    };
    let result = runtime.block_on(async {
        let result = run_until_interrupted(&command, &mut context).await;
        finish_token_refresh(&context).await;
        result
    });
    // Does not wait for blocking tasks, such as a DNS lookup.
    runtime.shutdown_background();
    // Flushes stdout before a message about it goes to stderr, since both may be the same terminal.
    let written = context.output.flush().map_err(|error| Failure::of_output(&error));
    let result = match (result, written) {
        (Ok(exit), written) => written.map(|()| exit),
        (Err(failure), written) => {
            // Reports an output error once, even if the command failed because of it.
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

async fn run_until_interrupted(command: &Command, context: &mut Context) -> Result<Exit, Failure> {
    if command.ends_when_interrupted() {
        return command.run(context).await;
    }
    tokio::select! {
        // Polls the command first: it reads its input before the signal handlers are installed, so a signal
        // ends the process at once during that time.
        biased;
        result = command.run(context) => result,
        () = async { interrupt().await } => Err(command.interrupted(&context.global)),
    }
}

/// If a token refresh is under way, waits until the new refresh token is stored. The old refresh token is no
/// longer valid, so without the new one the application has to be authorized again. Another interruption ends
/// the wait.
async fn finish_token_refresh(context: &Context) {
    let Some(client) = &context.client else { return };
    let mut finished = pin!(client.finish_token_refresh());
    if timeout(NOTE_AFTER, &mut finished).await.is_ok() {
        return;
    }
    // Installs the handlers before the note, which may be followed by a second interruption at once.
    let again = interrupt();
    context.notes.note(
        "waiting for the new OAuth refresh token: without it the application has to be authorized again; \
         interrupt again to end now",
    );
    tokio::select! {
        () = finished => {}
        () = again => {}
    }
}
