//! The client that a command makes its calls with.

use ultracart_client::config::Secret;
use ultracart_client::{Client, Config, Error, ErrorKind};
use ultracart_sim::{Server, Sim};

use crate::context::Context;
use crate::explain::{explain, help};
use crate::failure::{Exit, Failure};
use crate::{reload, settings};

/// A client of one account, with the base URL for its error messages.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    base_url: String,
    /// The simulated account of `audit --demo`. Dropping it stops the server.
    _server: Option<Server>,
}

impl Connection {
    /// Opens a client of the configured account.
    pub(crate) fn open(context: &mut Context) -> Result<Self, Failure> {
        let config = settings::load(&context.global, context.notes)?.config;
        if !config.auth.is_configured() {
            let file = context.global.config.clone().or_else(settings::default_file);
            let file = file.map_or_else(String::new, |file| format!(" ({})", file.display()));
            return Err(Failure::usage("no credential is configured")
                .why("every call to UltraCart needs one")
                .help("set ULTRACART_SIMPLE_KEY to a simple key of your account")
                .help(format!("or set `simple_key_file` under `[auth]` in the configuration file{file}"))
                .help("or try `ultracart audit --demo --out audit`: it reviews a simulated account, without a credential"));
        }
        if config.auth.oauth.as_ref().is_some_and(|oauth| oauth.refresh_token_file.is_none()) {
            return Err(Failure::usage("`auth.oauth.refresh_token_file` is not set")
                .why("each token refresh replaces the refresh token, and the new one would be lost when the command ends")
                .help("set it to the path of a file; if the file does not exist, the first token refresh creates it"));
        }
        let connection = Self::with(config, None)?;
        context.client = Some(connection.client.clone());
        reload::on_hangup(connection.client.limiter().clone(), &context.global, context.notes);
        Ok(connection)
    }

    /// Starts a simulated account on this machine and opens a client of it, over real HTTP.
    pub(crate) async fn demo(context: &Context) -> Result<Self, Failure> {
        let key = fresh_key()?;
        let server = demo_account(&key).bind("127.0.0.1:0").await.map_err(|error| {
            Failure::new(Exit::Failed, "the simulated account cannot listen on 127.0.0.1")
                .why(error.to_string())
        })?;
        let mut config = settings::load_for_demo(&context.global)?.config;
        config.api.base_url = server.base_url();
        config.auth.oauth = None;
        config.auth.simple_key_file = None;
        config.auth.simple_key = Some(key);
        Self::with(config, Some(server))
    }

    fn with(config: Config, server: Option<Server>) -> Result<Self, Failure> {
        let base_url = config.api.base_url.clone();
        let client = Client::builder().config(config).build().map_err(|error| explain(&error, &base_url))?;
        Ok(Self { client, base_url, _server: server })
    }

    /// Turns an error of a call into a message: what failed, why, and what to do.
    pub(crate) fn explain(&self, error: &Error) -> Failure {
        explain(error, &self.base_url)
    }

    /// Returns what to do about an error of this kind.
    pub(crate) fn help(&self, kind: ErrorKind) -> Vec<String> {
        help(kind, &self.base_url)
    }
}

/// Returns the simulated account of `audit --demo`. It records no requests, since nothing reads them.
fn demo_account(key: &Secret) -> Sim {
    Sim::builder().users(200).groups(12).simple_key(key.expose()).record_requests(0).build()
}

/// Returns a random simple key of 128 bits.
pub(crate) fn fresh_key() -> Result<Secret, Failure> {
    use ring::rand::{SecureRandom as _, SystemRandom};
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Failure::new(Exit::Failed, "the operating system's random number generator failed"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn demo_account_records_no_requests() {
        let sim = demo_account(&"key".into());
        let client = Client::builder().simple_key("key").service(sim.service()).build().unwrap();
        client.user_api().get_users().await.unwrap();
        assert_eq!((sim.calls(), sim.requests().len()), (1, 0));
    }
}
