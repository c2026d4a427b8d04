//! The `audit` command: the access review.

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

use self::progress::ProgressDisplay;
use self::summary::Summary;
use crate::connection::Connection;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::global::Global;
use crate::report;
use crate::text::shell;

/// File name of the checkpoint. The file keeps the login histories that were read so far, so that `--resume`
/// need not read them again. It is in the report's folder until the report is complete.
const CHECKPOINT: &str = ".audit.checkpoint";

/// Review who may do what in the account, and write a report
///
/// Reads all users, all groups and each user's login history, and looks for findings such as dormant users.
/// Writes `audit.html` to read, `users.csv` and `logins.csv` for spreadsheets, and `audit.json` for programs.
/// Only you can read the files, since they hold personal data.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ultracart audit --demo --out audit     Review a simulated account
  ultracart audit --out audit            Review your account
  ultracart audit --resume --out audit   Continue an interrupted review
Then open audit/audit.html in a browser.

Makes two calls, and one for each user whose login history is not in the list of users. After the first two calls it \
prints how many are left and how long they take. An interrupted review keeps the data that it has read: continue it \
with --resume. At SIGHUP the command reloads `[limiter]` of the configuration.

Exit code 3: the report is written, but incomplete. It lists the missing data.")]
pub(crate) struct Audit {
    /// Folder for the report; created if it does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Review a simulated account of 200 users on this machine, without a key or a call to UltraCart
    #[arg(long)]
    demo: bool,
    /// Continue the review in DIR that was interrupted or could not read everything
    #[arg(long, conflicts_with = "demo")]
    resume: bool,
    /// Becomes true when the checkpoint cannot be written during the review. Data read from then on is not
    /// kept.
    #[arg(skip)]
    checkpoint_failed: Arc<AtomicBool>,
}

impl Audit {
    pub(super) async fn run(&self, context: &mut Context) -> Result<Exit, Failure> {
        report::check_dir(&self.out).map_err(|error| {
            Failure::usage("the report cannot be written")
                .why(error.to_string())
                .help("choose another folder with --out")
        })?;
        let checkpoint = self.out.join(CHECKPOINT);
        let connection = if self.demo {
            demo::check(&self.out)?;
            Connection::demo(context).await?
        } else {
            let connection = Connection::open(context)?;
            // After `open` has validated the base URL, which the advice repeats.
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
        let display =
            ProgressDisplay::new(context.notes, context.global.verbose, Arc::clone(&self.checkpoint_failed));
        let result = audit.observer(display.clone()).run().await;
        display.end();
        if context.global.verbose > 0 {
            context.notes.note(&cache_line(&connection.client.cache_snapshot().total()));
        }
        let review = match result {
            Ok(review) => review,
            Err(error) if is_checkpoint_error(&error) => return Err(Failure::usage(error.to_string())),
            Err(error) => {
                let failure = connection.explain(&error);
                return Err(if self.demo || self.resume {
                    failure
                } else {
                    self.keep_or_remove_checkpoint(&checkpoint, failure, &context.global)
                });
            }
        };

        let files = report::write(&review, &self.out).map_err(|error| {
            let failure = Failure::new(Exit::Failed, "the report cannot be written").why(error.to_string());
            if self.demo { failure } else { failure.help(self.how_to_resume(&context.global)) }
        })?;
        if review.is_complete() && !self.demo {
            // The report has all the data. If the removal fails, the next review reports the checkpoint.
            _ = fs::remove_file(&checkpoint);
        }
        Summary::new(&review, &files, connection.client.calls_spent()).write(&mut context.output)?;
        if review.is_complete() {
            return Ok(Exit::Done);
        }
        let mut failure = summary::missing(&review);
        match review.stopped_by {
            // A resumed review would fail in the same way.
            Some(kind @ (ErrorKind::Unauthorized | ErrorKind::ApplicationDisabled)) => {
                failure.help.extend(connection.help(kind));
            }
            _ if self.demo => {}
            _ => failure = failure.help(self.how_to_resume(&context.global)),
        }
        Err(failure)
    }

    /// Returns the failure with the command that resumes the interrupted review. With `--demo` no review can
    /// be resumed, and the failure stays as it is.
    pub(super) fn interrupted(&self, failure: Failure, global: &Global) -> Failure {
        if self.demo { failure } else { failure.help(self.how_to_resume(global)) }
    }

    fn how_to_resume(&self, global: &Global) -> String {
        let kept = if self.checkpoint_failed.load(Ordering::Relaxed) {
            ""
        } else {
            "the data read so far is kept: "
        };
        format!("{kept}{}", self.resume_command(global))
    }

    fn resume_command(&self, global: &Global) -> String {
        let mut command = "ultracart audit --resume".to_owned();
        let mut flag = |name: &str, value: &str| {
            // A value that starts with `-` is joined with `=`, so that it is not parsed as a flag.
            let separator = if value.starts_with('-') { '=' } else { ' ' };
            _ = write!(command, " --{name}{separator}{}", shell(value));
        };
        flag("out", &self.out.to_string_lossy());
        // These flags select the account.
        if let Some(file) = &global.config {
            flag("config", &file.to_string_lossy());
        }
        if let Some(url) = &global.base_url {
            flag("base-url", url);
        }
        format!("continue with `{command}`")
    }

    /// Without `--resume`, fails if the folder holds the checkpoint of an unfinished review.
    fn check_checkpoint(&self, checkpoint: &Path, global: &Global) -> Result<(), Failure> {
        if self.resume {
            return Ok(());
        }
        match is_empty(checkpoint) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::usage(format!("{} holds an unfinished review", self.out.display()))
                .help(self.resume_command(global))
                .help(format!("or delete {} and start again", checkpoint.display()))),
            Err(error) => Err(Failure::usage(format!("{} cannot be read", checkpoint.display()))
                .why(error.to_string())
                .help("the file may hold the data of an unfinished review: repair or delete it, or choose another folder")),
        }
    }

    /// Removes the checkpoint if it holds no login history, and returns the failure unchanged. Otherwise
    /// keeps the checkpoint, and returns the failure with the command that resumes the review.
    fn keep_or_remove_checkpoint(&self, checkpoint: &Path, failure: Failure, global: &Global) -> Failure {
        if remove_empty(checkpoint) { failure } else { failure.help(self.how_to_resume(global)) }
    }
}

/// Returns a line with the statistics of the cache.
fn cache_line(stats: &CacheStats) -> String {
    format!(
        "cache: {} hits, {} joined loads, {} misses, {} stale, {} refreshes ({} skipped to save quota), {} discarded, \
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

/// Whether the error is about the checkpoint. Such an error has the kind `InvalidConfig`, but the usual
/// advice for that kind, to check the settings, would be wrong. Its message already says what to do.
///
/// The settings are valid, since the client is already built. So an `InvalidConfig` error that names no
/// operation can only be about the checkpoint.
fn is_checkpoint_error(error: &Error) -> bool {
    error.kind() == ErrorKind::InvalidConfig && error.operation().is_none()
}

/// Removes the checkpoint if it holds no login history, and returns whether it was removed.
///
/// A checkpoint that another process has locked, or that cannot be read, is kept.
fn remove_empty(checkpoint: &Path) -> bool {
    File::open(checkpoint)
        .is_ok_and(|file| file.try_lock().is_ok() && holds_no_history(&file).unwrap_or(false))
        && fs::remove_file(checkpoint).is_ok()
}

/// Whether the checkpoint holds no login history or does not exist.
fn is_empty(checkpoint: &Path) -> io::Result<bool> {
    match File::open(checkpoint) {
        Ok(file) => holds_no_history(&file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether the checkpoint has no line after its header.
fn holds_no_history(checkpoint: &File) -> io::Result<bool> {
    let lines = BufReader::new(checkpoint).lines().take(2).collect::<io::Result<Vec<_>>>()?;
    Ok(lines.len() < 2)
}
