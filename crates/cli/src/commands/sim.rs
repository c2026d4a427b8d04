//! `ultracart sim`.

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
// As a flag it would stand in the list of processes.
const WEBHOOK_PASSWORD: &str = "ULTRACART_WEBHOOK_PASSWORD";

/// Serve a simulated account on this machine
///
/// It has UltraCart's eleven operations, its limits and its errors, so that any client can be tried without spending a
/// real call. It ends with Ctrl-C and forgets everything.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ultracart sim --port 8080
  export ULTRACART_SIMPLE_KEY=test; ultracart sim --port 8080 --unlimited
  ultracart --base-url http://127.0.0.1:8080/rest/v2 users list
  ultracart sim --webhook http://127.0.0.1:9000/ultracart

It prints one line on stdout as soon as it listens:
  simulated account at http://127.0.0.1:8080/rest/v2, simple key KEY
The key is that of ULTRACART_SIMPLE_KEY, where it is set, and else a fresh one.

A webhook is told of users that are inserted, updated and deleted. What it does not answer with
a 2xx within 30 seconds comes again, up to ten times. The password to --webhook-user is that of
ULTRACART_WEBHOOK_PASSWORD.")]
pub(crate) struct SimCommand {
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How many users it has
    #[arg(long, default_value_t = 200)]
    users: u32,
    /// How many groups it has
    #[arg(long, default_value_t = 12)]
    groups: u32,
    /// Another seed gives other people
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// No limits at all, and calls side by side
    #[arg(long)]
    unlimited: bool,
    /// How long it works on each call, such as 250ms
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    latency: Option<Duration>,
    /// Lists come in pages of this many objects
    #[arg(long, value_name = "OBJECTS", value_parser = clap::value_parser!(u32).range(1..))]
    page_size: Option<u32>,
    /// The list of users brings everybody's logins
    #[arg(long)]
    histories_in_list: bool,
    /// A single group is answered without a body, as UltraCart's documents have it
    #[arg(long)]
    no_group_body: bool,
    #[command(flatten)]
    webhook: WebhookArgs,
}

#[derive(Debug, Args)]
struct WebhookArgs {
    /// Post what happens to users to this http:// URL, as UltraCart's webhooks do
    #[arg(long = "webhook", value_name = "URL")]
    url: Option<String>,
    /// User name to post with; the password comes from the environment
    #[arg(long = "webhook-user", value_name = "NAME", requires = "url")]
    user: Option<String>,
    /// The events are compressed: base64 of gzip of their JSON
    #[arg(long = "webhook-compressed", requires = "url")]
    is_compressed: bool,
}

impl SimCommand {
    pub(super) async fn run(&self, context: &mut Context) -> Result<Exit, Failure> {
        let key = key()?;
        let account = self.account(&key, self.webhook.webhook()?);
        // Listened for from here on: a signal must not find nobody when the line is out.
        let stopped = interrupt();
        let mut server = account.bind(("127.0.0.1", self.port)).await.map_err(|error| {
            Failure::new(Exit::Failed, format!("port {} on 127.0.0.1 cannot be listened at", self.port))
                .why(error.to_string())
                .help("--port 0 takes any free one")
        })?;
        if let Some(url) = &self.webhook.url {
            server.deliver_to(url).map_err(|error| {
                Failure::usage("the URL of --webhook cannot be delivered to").why(error.to_string())
            })?;
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
            // Nobody can ask for them, and it may be served for days.
            .keep_requests(0);
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

/// The key of the environment, checked as any other, or a fresh one.
fn key() -> Result<Secret, Failure> {
    let Some(key) = std::env::var_os(KEY) else { return fresh_key() };
    let failed = || Failure::usage(format!("{KEY} holds no key"));
    let loaded = Layers::new().env([(KEY, key)]).load::<Config>().map_err(|error| {
        error.problems().iter().fold(failed(), |failure, problem| failure.why(problem.to_string()))
    })?;
    loaded.config.auth.simple_key.ok_or_else(failed)
}

/// The password of the environment.
fn webhook_password() -> Result<Token, Failure> {
    let password = std::env::var(WEBHOOK_PASSWORD).ok().filter(|password| !password.is_empty());
    password.map(Token::from).ok_or_else(|| {
        Failure::usage(format!("{WEBHOOK_PASSWORD} holds no password")).help("--webhook-user needs one")
    })
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};
    use ultracart_client::Client;

    use super::*;

    #[tokio::test]
    async fn it_keeps_no_request() {
        let arguments = SimCommand::augment_args(clap::Command::new("sim")).get_matches_from(["sim"]);
        let sim = SimCommand::from_arg_matches(&arguments).unwrap().account(&"key".into(), None);
        let client = Client::builder().simple_key("key").service(sim.service()).build().unwrap();
        client.user_api().get_users().await.unwrap();
        assert_eq!((sim.calls(), sim.requests().len()), (1, 0));
    }
}
