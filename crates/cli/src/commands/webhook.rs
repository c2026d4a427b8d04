//! `ultracart webhook`.

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

use self::received::{Batch, EventRecord};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::global::Format;
use crate::input;
use crate::interrupt::interrupt;
use crate::notes::Notes;
use crate::output::Output;

const PASSWORD: &str = "ULTRACART_WEBHOOK_PASSWORD";
/// Deliveries that were taken and are not written yet, at the most.
const QUEUE: usize = 64;
/// How long the last of them may take to be written when it is told to stop.
const PATIENCE: Duration = Duration::from_secs(1);

/// Receive UltraCart's webhooks and print what happens to users
///
/// It listens for what UltraCart posts and writes each event as data: who was made, changed or deleted, and who logged
/// in. It needs no key and makes no call. It ends with Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  export ULTRACART_WEBHOOK_PASSWORD=…; ultracart webhook --user NAME
  ultracart webhook --user NAME --password-file FILE --format ndjson | jq -r .login
  ultracart webhook --no-auth --listen 127.0.0.1:0

NAME and the password are the webhook's `basic_username` and `basic_password` in UltraCart.

It speaks plain HTTP, and UltraCart tells of users only where there is TLS: put a proxy in front that has a \
certificate, and have it hand on to this address. The path is of no matter.

It prints one line on stdout as soon as it listens, or on stderr with another --format than `table`:
  webhooks at http://127.0.0.1:8080/
With --format json and ndjson each event has the whole user that came with it.")]
pub(crate) struct WebhookCommand {
    /// Address and port to listen at; with port 0, any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The name that a delivery has to bring, together with the password of `ULTRACART_WEBHOOK_PASSWORD`
    #[arg(long, value_name = "NAME", conflicts_with = "no_auth")]
    user: Option<String>,
    /// File with the password, on one line, instead; `-` is stdin
    #[arg(long, value_name = "FILE", requires = "user", conflicts_with = "no_auth")]
    password_file: Option<PathBuf>,
    /// Take deliveries from anybody on this machine
    #[arg(long)]
    no_auth: bool,
}

impl WebhookCommand {
    pub(super) async fn run(&self, context: &mut Context) -> Result<Exit, Failure> {
        let (format, notes) = (context.output.format(), context.notes);
        let receiver = self.receiver(notes)?;
        // Listened for from here on: a signal must not find nobody when the line is out.
        let stopped = interrupt();
        let cannot_listen = |error: std::io::Error| {
            Failure::new(Exit::Failed, format!("{} cannot be listened at", self.listen))
                .why(error.to_string())
                .help("--listen 127.0.0.1:0 takes any port that is free")
        };
        let listener = TcpListener::bind(self.listen).await.map_err(cannot_listen)?;
        let line = format!("webhooks at http://{}/", listener.local_addr().map_err(cannot_listen)?);
        let line = if format == Format::Table {
            Some(line)
        } else {
            notes.note(&line);
            None
        };
        let (taken, untold) = mpsc::channel(QUEUE);
        // On a thread of its own: where nobody reads what is written, UltraCart has to be answered all the same.
        let output = context.output.take();
        let mut writer = tokio::task::spawn_blocking(move || write(output, line, untold));
        let written = tokio::select! {
            written = &mut writer => written,
            never = server::serve(listener, receiver, taken, notes) => match never {},
            // The server is gone then, and what it has taken is still written.
            () = stopped => timeout(PATIENCE, &mut writer).await.map_err(|_| {
                Failure::new(Exit::Failed, "what was received last is not written")
                    .why("nobody reads the output")
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
                return Err(Failure::usage("it is not said who may deliver")
                    .why("whoever finds the address could send what never happened")
                    .help("give --user, and the password in ULTRACART_WEBHOOK_PASSWORD or --password-file")
                    .help("or --no-auth, to try it out on this machine"));
            }
            if !is_local {
                return Err(Failure::usage(format!(
                    "{} can be reached from other machines, and --no-auth would let them all deliver",
                    self.listen
                ))
                .help("give --user and a password, or listen on 127.0.0.1"));
            }
            return Ok(builder.no_auth());
        };
        if user.contains(':') {
            return Err(Failure::usage("the name given with --user has a colon in it")
                .why("HTTP's Basic authentication ends the name there"));
        }
        let password = password(self.password_file.as_deref(), notes)?;
        if !is_local {
            notes.warning(&format!(
                "{} can be reached from other machines, and what they send is not encrypted: \
                 put a proxy with TLS in front, and listen where it alone can reach it",
                self.listen
            ));
        }
        Ok(builder.basic_auth(user, password))
    }
}

/// The password of the file, or else of the environment.
fn password(file: Option<&Path>, notes: Notes) -> Result<Secret, Failure> {
    if let Some(file) = file {
        if let Some(warning) = secret_file_warning(file) {
            notes.warning(&warning);
        }
        return Ok(input::password(file)?.expose().into());
    }
    let Some(password) = std::env::var_os(PASSWORD) else {
        return Err(Failure::usage("there is no password to go with --user")
            .help(format!("set {PASSWORD} to it, or give --password-file")));
    };
    match password.into_string() {
        Ok(password) if !password.is_empty() => Ok(password.into()),
        _ => Err(Failure::usage(format!("{PASSWORD} holds no password")).why("it is empty, or not UTF-8")),
    }
}

/// Writes what is taken until nothing more can come.
fn write(mut output: Output, line: Option<String>, mut untold: mpsc::Receiver<Batch>) -> Result<(), Failure> {
    if let Some(line) = line {
        output.line(&line)?;
    }
    output.begin::<EventRecord<'_>>()?;
    while let Some(batch) = untold.blocking_recv() {
        output.go_on(&batch.events())?;
    }
    Ok(())
}
