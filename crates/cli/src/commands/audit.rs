//! `ultracart audit`: the access review.

mod demo;
mod progress;
mod summary;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use ultracart_client::{CacheStats, Error, ErrorKind};

use self::progress::Teller;
use self::summary::Summary;
use crate::connection::Connection;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::global::Global;
use crate::report;
use crate::text::shell;

/// In the folder of the report, as long as it is not complete.
const CHECKPOINT: &str = ".audit.checkpoint";

/// Review who may do what in the account, and write a report
///
/// Reads every user, every group and every user's logins, looks for what an auditor would ask about, and writes
/// `audit.html` to look at, `users.csv` and `logins.csv` for spreadsheets, and `audit.json` for machines. The files can
/// be read by you alone: they hold personal data.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ultracart audit --demo --out audit           Review a simulated account, without a key
  ultracart audit --out audit                  Review your account; then open audit/audit.html
  ultracart audit --resume --out audit         Go on with one that was broken off

Costs two calls, and one for each user whose logins did not come with the list. Before the first of these it says how \
many there are and how long they take. Broken off, it keeps what was read. At SIGHUP it reads `[limiter]` of the \
configuration again and goes on by that.

Exit code 3: the report is written, and something is missing in it, which it says.")]
pub(crate) struct Audit {
    /// Folder to write the report to; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Review a simulated account of 200 users on this machine: no key is needed and no real call is made
    #[arg(long)]
    demo: bool,
    /// Go on with the review in DIR that was broken off, or that could not read everything
    #[arg(long, conflicts_with = "demo")]
    resume: bool,
    /// Whether what was read is not kept any more; found out on the way.
    #[arg(skip)]
    lost: Arc<AtomicBool>,
}

impl Audit {
    pub(super) async fn run(&self, context: &mut Context) -> Result<Exit, Failure> {
        report::check_dir(&self.out).map_err(|error| {
            Failure::usage("the report cannot be written")
                .why(error.to_string())
                .help("give another folder with --out")
        })?;
        let checkpoint = self.out.join(CHECKPOINT);
        let connection = if self.demo {
            demo::check(&self.out)?;
            Connection::demo(context).await?
        } else {
            let connection = Connection::open(context)?;
            // Only now that it is known to be one the address can be repeated in what is advised.
            self.check_checkpoint(&checkpoint, &context.global)?;
            connection
        };
        if self.demo {
            context
                .notes
                .note("reviewing a simulated account of 200 users and 12 groups, over HTTP on this machine");
        }

        let mut audit = connection.client.user_api().audit();
        if self.resume {
            audit = audit.resume(&checkpoint);
        } else if !self.demo {
            audit = audit.checkpoint(&checkpoint);
        }
        let teller = Teller::new(context.notes, context.global.verbose, Arc::clone(&self.lost));
        let result = audit.observer(teller.clone()).run().await;
        teller.end();
        if context.global.verbose > 0 {
            context.notes.note(&cache(&connection.client.cache_snapshot().total()));
        }
        let review = match result {
            Ok(review) => review,
            Err(error) if is_of_checkpoint(&error) => return Err(Failure::usage(error.to_string())),
            Err(error) => {
                let failure = connection.explain(&error);
                return Err(if self.demo || self.resume {
                    failure
                } else {
                    self.forget(&checkpoint, failure, &context.global)
                });
            }
        };

        let files = report::write(&review, &self.out).map_err(|error| {
            let failure = Failure::new(Exit::Failed, "the report cannot be written").why(error.to_string());
            if self.demo { failure } else { failure.help(self.how_to_resume(&context.global)) }
        })?;
        if review.is_complete() && !self.demo {
            // All of it is in the report now. If it cannot be removed the next review says so.
            _ = fs::remove_file(&checkpoint);
        }
        Summary::new(&review, &files, connection.client.calls_spent()).write(&mut context.output)?;
        if review.is_complete() {
            return Ok(Exit::Done);
        }
        let mut failure = summary::missing(&review);
        match review.stopped_by {
            // To ask for the rest, as things are, would end the same way.
            Some(kind @ (ErrorKind::Unauthorized | ErrorKind::ApplicationDisabled)) => {
                failure.help.extend(connection.help(kind));
            }
            _ if self.demo => {}
            _ => failure = failure.help(self.how_to_resume(&context.global)),
        }
        Err(failure)
    }

    /// What to say when it was told to stop.
    pub(super) fn interrupted(&self, failure: Failure, global: &Global) -> Failure {
        if self.demo { failure } else { failure.help(self.how_to_resume(global)) }
    }

    fn how_to_resume(&self, global: &Global) -> String {
        let kept = if self.lost.load(Ordering::Relaxed) { "" } else { "what was read is kept: " };
        format!("{kept}{}", self.the_rest(global))
    }

    fn the_rest(&self, global: &Global) -> String {
        let mut command = "ultracart audit --resume".to_owned();
        let mut flag = |name: &str, value: &str| {
            // A value that begins like a flag has to be joined to its own.
            let joint = if value.starts_with('-') { '=' } else { ' ' };
            _ = write!(command, " --{name}{joint}{}", shell(value));
        };
        flag("out", &self.out.to_string_lossy());
        // Those that say which account it is.
        if let Some(file) = &global.config {
            flag("config", &file.to_string_lossy());
        }
        if let Some(url) = &global.base_url {
            flag("base-url", url);
        }
        format!("`{command}` asks for the rest")
    }

    /// Work that was done is not thrown away unasked.
    fn check_checkpoint(&self, checkpoint: &Path, global: &Global) -> Result<(), Failure> {
        if self.resume {
            return Ok(());
        }
        match is_empty(checkpoint) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::usage(format!("a review in {} was not finished", self.out.display()))
                .help(format!("go on with it: {}", self.the_rest(global)))
                .help(format!("or begin anew: delete {}", checkpoint.display()))),
            Err(error) => Err(Failure::usage(format!("{} cannot be read", checkpoint.display()))
                .why(error.to_string())
                .help("an earlier review may have kept in it what it read: mend or delete it, or give another folder")),
        }
    }

    /// A review that failed before it read any history leaves nothing to go on with.
    fn forget(&self, checkpoint: &Path, failure: Failure, global: &Global) -> Failure {
        if remove_empty(checkpoint) { failure } else { failure.help(self.how_to_resume(global)) }
    }
}

/// What the cache was good for. A review reads past it, so that is no more than reads that came at the same time.
fn cache(stats: &CacheStats) -> String {
    format!(
        "cache: {} hits, {} joined, {} misses, {} stale, {} refreshed ahead and {} not for want of quota, {} discarded, \
         {} calls saved",
        stats.hits,
        stats.joins,
        stats.misses,
        stats.stale,
        stats.refreshes,
        stats.refreshes_skipped,
        stats.discarded,
        stats.calls_saved
    )
}

/// Whether the checkpoint cannot be used. The error says itself what to do then, and no setting has to do with it. Of
/// what the client refuses once it is built only this is about no operation.
fn is_of_checkpoint(error: &Error) -> bool {
    error.kind() == ErrorKind::InvalidConfig && error.operation().is_none()
}

/// Removes a checkpoint that no history is in yet, and says whether it did. One that another review is writing to is
/// that review's, and one that cannot be read stays: nobody knows what is in it.
fn remove_empty(checkpoint: &Path) -> bool {
    File::open(checkpoint).is_ok_and(|file| file.try_lock().is_ok() && holds_nothing(&file).unwrap_or(false))
        && fs::remove_file(checkpoint).is_ok()
}

/// Whether no history is in the checkpoint, or it is not there.
fn is_empty(checkpoint: &Path) -> io::Result<bool> {
    match File::open(checkpoint) {
        Ok(file) => holds_nothing(&file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn holds_nothing(checkpoint: &File) -> io::Result<bool> {
    let lines = BufReader::new(checkpoint).lines().take(2).collect::<io::Result<Vec<_>>>()?;
    Ok(lines.len() < 2)
}
