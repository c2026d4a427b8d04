//! The `sim` command: serves a simulated account.

use std::time::Duration;

use clap::Args;
use ultracart_client::Config;
use ultracart_client::config::{Layers, Secret};
use ultracart_model::Token;
use ultracart_sim::{GetGroupBody, Histories, Sim, Webhook};

use crate::connection::fresh_key;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::interrupt::interrupt;

const KEY: &str = "ULTRACART_SIMPLE_KEY";
// Not a flag, since flags are visible in the list of processes.
const WEBHOOK_PASSWORD: &str = "ULTRACART_WEBHOOK_PASSWORD";

/// Serve a simulated account on this machine
///
/// The simulated account has the eleven operations, the limits and the errors of UltraCart's User API. Test
/// any client with it, without a call to UltraCart. It runs until Ctrl-C and stores nothing on disk.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ultracart sim --port 8080
  export ULTRACART_SIMPLE_KEY=test; ultracart sim --port 8080 --unlimited
  ultracart --base-url http://127.0.0.1:8080/rest/v2 users list
  ultracart sim --webhook http://127.0.0.1:9000/ultracart

When it is ready it prints one line on stdout:
  simulated account at http://127.0.0.1:8080/rest/v2, simple key KEY
KEY is the value of ULTRACART_SIMPLE_KEY if that is set, else a random key.

With --webhook the account posts an event for each user that is inserted, updated or deleted. A delivery without a 2xx \
response within 30 seconds is repeated, up to ten times. ULTRACART_WEBHOOK_PASSWORD sets the password for \
--webhook-user.")]
pub(crate) struct SimCommand {
    /// Port on 127.0.0.1; 0 selects a free port
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Number of users
    #[arg(long, default_value_t = 200)]
    users: u32,
    /// Number of groups
    #[arg(long, default_value_t = 12)]
    groups: u32,
    /// Seed of the random data; another seed generates other users
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// No rate limits and any number of concurrent calls
    #[arg(long)]
    unlimited: bool,
    /// Time that each call takes, such as 250ms
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    latency: Option<Duration>,
    /// Number of objects in each page of a list
    #[arg(long, value_name = "OBJECTS", value_parser = clap::value_parser!(u32).range(1..))]
    page_size: Option<u32>,
    /// Include each user's login history in the list of users
    #[arg(long)]
    histories_in_list: bool,
    /// Return an empty body for a single group, as UltraCart's documentation describes
    #[arg(long)]
    no_group_body: bool,
    #[command(flatten)]
    webhook: WebhookArgs,
}

#[derive(Debug, Args)]
struct WebhookArgs {
    /// Post events about users to this http:// URL, as UltraCart's webhooks do
    #[arg(long = "webhook", value_name = "URL")]
    url: Option<String>,
    /// Name for the Basic authentication of deliveries; `ULTRACART_WEBHOOK_PASSWORD` sets the password
    #[arg(long = "webhook-user", value_name = "NAME", requires = "url")]
    user: Option<String>,
    /// Compress the events: base64 of their gzipped JSON
    #[arg(long = "webhook-compressed", requires = "url")]
    is_compressed: bool,
}

impl SimCommand {
    pub(super) async fn run(&self, context: &mut Context) -> Result<Exit, Failure> {
        let key = key()?;
        let account = self.account(&key, self.webhook.webhook()?);
        // Installs the signal handlers before the line is printed: a signal may follow it at once.
        let stopped = interrupt();
        let mut server = account.bind(("127.0.0.1", self.port)).await.map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!("the simulated account cannot listen on 127.0.0.1:{}", self.port),
            )
            .why(error.to_string())
            .help("--port 0 selects a free port")
        })?;
        if let Some(url) = &self.webhook.url {
            server
                .deliver_to(url)
                .map_err(|error| Failure::usage("the URL of --webhook is invalid").why(error.to_string()))?;
        }
        context.output.line(&format!(
            "simulated account at {}, simple key {}",
            server.base_url(),
            key.expose()
        ))?;
        context.output.flush().map_err(|error| Failure::of_output(&error))?;
        stopped.await;
        Ok(Exit::Done)
    }

    fn account(&self, key: &Secret, webhook: Option<Webhook>) -> Sim {
        let mut account = Sim::builder()
            .users(self.users)
            .groups(self.groups)
            .seed(self.seed)
            .simple_key(key.expose())
            .latency(self.latency.unwrap_or_default())
            .page_size(self.page_size.and_then(|size| usize::try_from(size).ok()))
            // The command has no way to read recorded requests, and it may run for days.
            .record_requests(0);
        if self.histories_in_list {
            account = account.histories_in_list(Histories::All);
        }
        if self.no_group_body {
            account = account.get_group_body(GetGroupBody::Empty);
        }
        if self.unlimited {
            account = account.unlimited();
        }
        if let Some(webhook) = webhook {
            account = account.webhook(webhook);
        }
        account.build()
    }
}

impl WebhookArgs {
    fn webhook(&self) -> Result<Option<Webhook>, Failure> {
        if self.url.is_none() {
            return Ok(None);
        }
        let mut webhook = Webhook::new();
        if let Some(user) = &self.user {
            webhook = webhook.basic_auth(user, webhook_password()?);
        }
        if self.is_compressed {
            webhook = webhook.compressed();
        }
        Ok(Some(webhook))
    }
}

/// Returns the key in `ULTRACART_SIMPLE_KEY`, validated as in the configuration, or a random key if the
/// variable is not set.
fn key() -> Result<Secret, Failure> {
    let Some(key) = std::env::var_os(KEY) else { return fresh_key() };
    let failed = || Failure::usage(format!("{KEY} holds no valid simple key"));
    let loaded = Layers::new().env([(KEY, key)]).load::<Config>().map_err(|error| {
        error.problems().iter().fold(failed(), |failure, problem| failure.why(problem.to_string()))
    })?;
    loaded.config.auth.simple_key.ok_or_else(failed)
}

/// Returns the password in `ULTRACART_WEBHOOK_PASSWORD`. Fails if the variable is empty or not set.
fn webhook_password() -> Result<Token, Failure> {
    let password = std::env::var(WEBHOOK_PASSWORD).ok().filter(|password| !password.is_empty());
    password.map(Token::from).ok_or_else(|| {
        Failure::usage("--webhook-user needs a password")
            .help(format!("set {WEBHOOK_PASSWORD} to the password of the webhook"))
    })
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};
    use ultracart_client::Client;

    use super::*;

    #[tokio::test]
    async fn sim_records_no_requests() {
        let arguments = SimCommand::augment_args(clap::Command::new("sim")).get_matches_from(["sim"]);
        let sim = SimCommand::from_arg_matches(&arguments).unwrap().account(&"key".into(), None);
        let client = Client::builder().simple_key("key").service(sim.service()).build().unwrap();
        client.user_api().get_users().await.unwrap();
        assert_eq!((sim.calls(), sim.requests().len()), (1, 0));
    }
}
