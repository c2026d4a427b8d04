//! The `config` command: shows the configuration.

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::settings;

/// Show the configuration
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "\
Examples:
  ultracart config show"
)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show every setting, its value and its origin; credentials are hidden
    #[command(after_help = "\
Examples:
  ultracart config show
  ULTRACART_LIMITER__SPARE=10 ultracart config show
  ultracart config show --config other.toml --format json

Makes no call.")]
    Show,
}

impl ConfigCommand {
    pub(super) fn run(&self, context: &mut Context) -> Result<Exit, Failure> {
        let Action::Show = self.action;
        let loaded = settings::load(&context.global, context.notes)?;
        if context.global.config.is_none()
            && let Some(file) = settings::default_file().filter(|file| !file.exists())
        {
            context.notes.note(&format!("no configuration file: {} does not exist", file.display()));
        }
        context.output.list(&loaded.settings)?;
        Ok(Exit::Done)
    }
}
