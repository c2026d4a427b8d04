//! The commands, a file each.

mod audit;
mod completions;
mod config;
mod groups;
mod sim;
mod toggle;
mod users;
mod webhook;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::global::Global;

/// What to do. The help of each is on its struct.
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

    /// Whether being told to stop is how it ends.
    pub(crate) fn ends_when_interrupted(&self) -> bool {
        matches!(self, Self::Sim(_) | Self::Webhook(_))
    }

    /// What to say when it was told to stop.
    pub(crate) fn interrupted(&self, global: &Global) -> Failure {
        let failure = Failure::new(Exit::Interrupted, "interrupted");
        match self {
            Self::Audit(audit) => audit.interrupted(failure, global),
            Self::Users(users) if users.changes() => unknown(failure),
            Self::Groups(groups) if groups.changes() => unknown(failure),
            _ => failure,
        }
    }
}

fn unknown(failure: Failure) -> Failure {
    failure.help("if the change was under way it may have been made: look before you repeat it")
}
