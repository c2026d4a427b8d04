//! The `webhook` command: receives UltraCart's webhooks and prints their events.

mod received;
mod server;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use ultracart_client::config::Secret;
use ultracart_client::webhook::Receiver;
use ultracart_transport::config::secret_file_warning;

use self::received::{EventRecord, ReceivedDelivery};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::global::Format;
use crate::input;
use crate::interrupt::interrupt;
use crate::notes::Notes;
use crate::output::Output;

const PASSWORD: &str = "ULTRACART_WEBHOOK_PASSWORD";
/// Maximum number of accepted deliveries that wait to be written to stdout.
const QUEUE_CAPACITY: usize = 64;
/// Time allowed for writing the queued deliveries after an interruption.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Receive UltraCart's webhooks and print events about users
///
/// Listens for UltraCart's webhook deliveries and prints each event: which user was inserted, updated or
/// deleted, or logged in. Needs no key, makes no call and runs until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  export ULTRACART_WEBHOOK_PASSWORD=…; ultracart webhook --user NAME
  ultracart webhook --user NAME --password-file FILE
  ultracart webhook --user NAME --format ndjson | jq -r .login
  ultracart webhook --no-auth --listen 127.0.0.1:0

NAME and the password are the webhook's `basic_username` and `basic_password` in UltraCart.

The command serves plain HTTP, and UltraCart sends events about users to https:// URLs only. So run a TLS proxy that \
forwards to this address. Any path is accepted.

When it is ready it prints one line, on stdout with --format table, else on stderr:
  webhooks at http://127.0.0.1:8080/
With --format json and ndjson each event includes every field of the user.")]
pub(crate) struct WebhookCommand {
    /// Address and port to listen on; port 0 selects a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Name for the Basic authentication of deliveries; `ULTRACART_WEBHOOK_PASSWORD` sets the password
    #[arg(long, value_name = "NAME", conflicts_with = "no_auth")]
    user: Option<String>,
    /// File with the password on one line, instead of the environment variable; `-` is stdin
    #[arg(long, value_name = "FILE", requires = "user", conflicts_with = "no_auth")]
    password_file: Option<PathBuf>,
    /// Accept deliveries without authentication, from this machine only
    #[arg(long)]
    no_auth: bool,
}

impl WebhookCommand {
    pub(super) async fn run(&self, context: &mut Context) -> Result<Exit, Failure> {
        let (format, notes) = (context.output.format(), context.notes);
        let receiver = self.receiver(notes)?;
        // Installs the signal handlers before the line is printed: a signal may follow it at once.
        let stopped = interrupt();
        let cannot_listen = |error: std::io::Error| {
            Failure::new(Exit::Failed, format!("the command cannot listen on {}", self.listen))
                .why(error.to_string())
                .help("--listen 127.0.0.1:0 selects a free port")
        };
        let listener = TcpListener::bind(self.listen).await.map_err(cannot_listen)?;
        let line = format!("webhooks at http://{}/", listener.local_addr().map_err(cannot_listen)?);
        let line = if format == Format::Table {
            Some(line)
        } else {
            notes.note(&line);
            None
        };
        let (queue, queued) = mpsc::channel(QUEUE_CAPACITY);
        // Writes on a thread of its own: the server has to respond even while stdout is blocked.
        let output = context.output.take();
        let mut writer = tokio::task::spawn_blocking(move || write(output, line, queued));
        let written = tokio::select! {
            written = &mut writer => written,
            never = server::serve(listener, receiver, queue, notes) => match never {},
            // `select!` has dropped the server and with it the sender, so the writer ends after the queued
            // deliveries.
            () = stopped => timeout(SHUTDOWN_TIMEOUT, &mut writer).await.map_err(|_| {
                Failure::new(Exit::Failed, "the last events were not written")
                    .why("stdout is blocked: the program that reads it does not read")
            })?,
        };
        let written = written.unwrap_or_else(|error| {
            Err(Failure::new(Exit::Failed, "the output cannot be written").why(error.to_string()))
        });
        written.map(|()| Exit::Done)
    }

    fn receiver(&self, notes: Notes) -> Result<Receiver, Failure> {
        let is_local = self.listen.ip().to_canonical().is_loopback();
        let builder = Receiver::builder();
        let Some(user) = &self.user else {
            if !self.no_auth {
                return Err(Failure::usage("no authentication is configured for deliveries")
                    .why("anyone who finds the address could send false events")
                    .help("give --user, and the password in ULTRACART_WEBHOOK_PASSWORD or --password-file")
                    .help("or give --no-auth, to try the command on this machine"));
            }
            if !is_local {
                return Err(Failure::usage(format!(
                    "{} is reachable from other machines, and --no-auth would accept deliveries from all of them",
                    self.listen
                ))
                .help("give --user and a password, or listen on 127.0.0.1"));
            }
            return Ok(builder.no_auth());
        };
        if user.contains(':') {
            return Err(Failure::usage("the name of --user contains a colon")
                .why("in HTTP Basic authentication a colon ends the name"));
        }
        let password = password(self.password_file.as_deref(), notes)?;
        if !is_local {
            notes.warning(&format!(
                "{} is reachable from other machines, and deliveries are not encrypted: \
                 run a TLS proxy, and listen on an address that only the proxy can reach",
                self.listen
            ));
        }
        Ok(builder.basic_auth(user, password))
    }
}

/// Returns the password in the file, or in `ULTRACART_WEBHOOK_PASSWORD` if no file is given.
fn password(file: Option<&Path>, notes: Notes) -> Result<Secret, Failure> {
    if let Some(file) = file {
        if let Some(warning) = secret_file_warning(file) {
            notes.warning(&warning);
        }
        return Ok(input::password(file)?.expose().into());
    }
    let Some(password) = std::env::var_os(PASSWORD) else {
        return Err(Failure::usage("--user needs a password")
            .help(format!("set {PASSWORD}, or give --password-file")));
    };
    match password.into_string() {
        Ok(password) if !password.is_empty() => Ok(password.into()),
        _ => Err(Failure::usage(format!("{PASSWORD} holds no valid password"))
            .why("the value is empty or not UTF-8")),
    }
}

/// Writes the line with the server's address, unless `line` is `None`. Then writes the events of queued
/// deliveries until the queue is closed and empty.
fn write(
    mut output: Output,
    line: Option<String>,
    mut queued: mpsc::Receiver<ReceivedDelivery>,
) -> Result<(), Failure> {
    if let Some(line) = line {
        output.line(&line)?;
    }
    output.start_list::<EventRecord<'_>>()?;
    while let Some(received) = queued.blocking_recv() {
        output.append(&received.events())?;
    }
    Ok(())
}
