//! The subcommands, one file each.

mod audit;
mod completions;
mod config;
mod entries;
mod groups;
mod sim;
mod users;
mod webhook;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::global::Global;

/// A subcommand. Each variant contains a struct, whose doc comment is the help text.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Users(users::Users),
    Groups(groups::Groups),
    Audit(audit::Audit),
    Config(config::ConfigCommand),
    Sim(sim::SimCommand),
    Webhook(webhook::WebhookCommand),
    Completions(completions::Completions),
}

impl Command {
    pub(crate) async fn run(&self, context: &mut Context) -> Result<Exit, Failure> {
        match self {
            Self::Users(users) => users.run(context).await,
            Self::Groups(groups) => groups.run(context).await,
            Self::Audit(audit) => audit.run(context).await,
            Self::Config(config) => config.run(context),
            Self::Sim(sim) => sim.run(context).await,
            Self::Webhook(webhook) => webhook.run(context).await,
            Self::Completions(completions) => completions.run(context),
        }
    }

    /// Whether the command runs until it is interrupted.
    pub(crate) fn ends_when_interrupted(&self) -> bool {
        matches!(self, Self::Sim(_) | Self::Webhook(_))
    }

    /// Returns the failure to report if the command is interrupted.
    pub(crate) fn interrupted(&self, global: &Global) -> Failure {
        let failure = Failure::new(Exit::Interrupted, "interrupted");
        match self {
            Self::Audit(audit) => audit.interrupted(failure, global),
            Self::Users(users) if users.is_write() => unknown_outcome(failure),
            Self::Groups(groups) if groups.is_write() => unknown_outcome(failure),
            _ => failure,
        }
    }
}

fn unknown_outcome(failure: Failure) -> Failure {
    failure.help("UltraCart may have made the change: check before you repeat the command")
}
