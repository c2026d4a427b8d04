//! From the command line to the exit code.

use crate::args::{Cli, Global};
use crate::commands::Command;
use crate::failure::{Exit, Failure};
use crate::interrupt::interrupt;
use crate::logging;
use crate::notes::{self, Notes};
use crate::output::Output;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) notes: Notes,
    pub(crate) output: Output,
}

/// Runs a command to its end and says what went wrong.
pub(crate) fn run(cli: Cli) -> Exit {
    let Cli { global, command } = cli;
    let notes = Notes::new(global.quiet);
    logging::start(global.verbose, notes);
    let mut context = Context { output: Output::stdout(global.format), global, notes };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            notes::failure(&Failure::new(Exit::Failed, "no runtime can be started").why(error.to_string()));
            return Exit::Failed;
        }
    };
    let result = runtime.block_on(until_interrupted(&command, &mut context));
    // What still runs, such as a name look-up, must not hold up the end.
    runtime.shutdown_background();
    let result = result.and_then(|exit| match context.output.flush() {
        Ok(()) => Ok(exit),
        Err(error) => Err(Failure::of_output(&error)),
    });
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
        () = async { interrupt().await } => Err(command.interrupted()),
    }
}
