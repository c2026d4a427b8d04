//! The `completions` command: prints shell completion scripts.

use clap::Args;
use clap_complete::Shell;

use crate::context::Context;
use crate::failure::{Exit, Failure};

/// Print a completion script for your shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(ultracart completions bash)
  ultracart completions zsh > ~/.zfunc/_ultracart
  ultracart completions fish > ~/.config/fish/completions/ultracart.fish")]
pub(crate) struct Completions {
    /// Shell that will run the script
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, context: &mut Context) -> Result<Exit, Failure> {
        // Generates the script in memory, since the generator panics if it cannot write.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut (context.command_line)(), "ultracart", &mut script);
        context.output.line(String::from_utf8_lossy(&script).trim_end())?;
        Ok(Exit::Done)
    }
}
