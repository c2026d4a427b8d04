//! The checkpoint: a file with the login histories read so far, from which an interrupted review is resumed.
//!
//! Each line is a JSON object: first a header with the version and the base URL, then one line for each
//! history, in the order in which they were read.
//!
//! - Lines are only appended. So a crash can leave at most an incomplete last line, which is cut off on
//!   resume.
//! - The file is locked while a review writes to it. Without the lock, a line that another review is just
//!   writing would look incomplete.
//! - A line that cannot be parsed is skipped. Its history is requested again, which costs one call.
//! - The file contains personal data, so only its owner can read it. It contains no credential.
//! - The base URL does not distinguish accounts on the same host. So a history is reused only for a user with
//!   the same identifier and the same login name.

mod file;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ultracart_model::{Text, User, UserId, UserLogin};

use self::file::LockedFile;
use super::days;
use super::review::{History, Source};
use crate::{Error, ErrorKind};

/// Version of the file format.
const VERSION: u32 = 1;

/// Maximum age of a history that is reused.
const MAX_AGE: Duration = Duration::from_hours(7 * 24);

/// The first bytes of every checkpoint. A crash can leave a file with only the beginning of these bytes. Such
/// a file counts as a checkpoint, too, and so does an empty file.
const HEADER_START: &[u8] = br#"{"ultracart_audit_checkpoint":"#;

/// First line of a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    ultracart_audit_checkpoint: u32,
    base_url: String,
    started_at: String,
}

/// Line of a checkpoint with the login history of one user.
#[derive(Debug, Serialize, Deserialize)]
struct HistoryLine {
    user_id: UserId,
    login: Option<Text>,
    read_at: String,
    logins: Vec<UserLogin>,
}

/// An open checkpoint file, and the histories that it contained when it was opened.
#[derive(Debug)]
pub(super) struct Checkpoint {
    file: LockedFile,
    histories: HashMap<UserId, HistoryLine>,
    /// Number of lines that could not be parsed.
    unreadable: usize,
}

impl Checkpoint {
    /// Creates a checkpoint. Fails if the file already contains a history.
    pub(super) fn create(path: &Path, base_url: &str, now: Timestamp) -> Result<Self, Error> {
        let (file, content) = open(path)?;
        let (_, mut lines) = parse(path, &content)?;
        if lines.next().is_some() {
            return Err(unusable(
                path,
                "it contains the login histories of an interrupted review; resume that review, or delete \
                 the file",
            ));
        }
        Self::write_header(path, file, base_url, now)
    }

    /// Opens a checkpoint and reads the histories that are at most 7 days old. If the file is new, or its
    /// header is incomplete, writes a new header.
    pub(super) fn resume(path: &Path, base_url: &str, now: Timestamp) -> Result<Self, Error> {
        let (mut file, content) = open(path)?;
        let (Some(header), lines) = parse(path, &content)? else {
            return Self::write_header(path, file, base_url, now);
        };
        check_header(path, &header, base_url)?;
        let (mut histories, mut unreadable) = (HashMap::new(), 0);
        for line in lines {
            let Ok(line) = serde_json::from_slice::<HistoryLine>(line) else {
                unreadable += 1;
                continue;
            };
            let is_recent =
                line.read_at.parse::<Timestamp>().is_ok_and(|read_at| read_at >= days::before(now, MAX_AGE));
            if is_recent {
                histories.insert(line.user_id, line);
            }
        }
        // An incomplete last line has no line break.
        let complete = content.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        file.truncate(complete).map_err(|error| io_failed(path, error))?;
        Ok(Self { file, histories, unreadable })
    }

    /// Empties the file and writes the header.
    fn write_header(
        path: &Path,
        mut file: LockedFile,
        base_url: &str,
        now: Timestamp,
    ) -> Result<Self, Error> {
        file.truncate(0).and_then(|()| file.make_private()).map_err(|error| io_failed(path, error))?;
        let mut checkpoint = Self { file, histories: HashMap::new(), unreadable: 0 };
        let header = Header {
            ultracart_audit_checkpoint: VERSION,
            base_url: base_url.to_owned(),
            started_at: now.to_string(),
        };
        checkpoint.append_line(&header).map_err(|error| io_failed(path, error))?;
        Ok(checkpoint)
    }

    /// Removes and returns the history that an earlier run read for this user. Returns `None` if the file had
    /// no such history, if the history was more than 7 days old, or if the user's login name has changed.
    pub(super) fn take(&mut self, user: &User) -> Option<History> {
        let line = self.histories.remove(&user.user_id?)?;
        if line.login != user.login {
            return None;
        }
        let read_at = line.read_at.parse().ok()?;
        Some(History::Read { source: Source::Checkpoint, read_at, logins: line.logins.into() })
    }

    /// Returns a note for the reader of the review, if lines of the checkpoint could not be parsed.
    pub(super) fn note(&self) -> Option<String> {
        let lines = match self.unreadable {
            0 => return None,
            1 => "1 line".to_owned(),
            several => format!("{several} lines"),
        };
        Some(format!(
            "{lines} of the checkpoint could not be read. The login histories were requested again."
        ))
    }

    /// Appends the login history of a user, read at `now`.
    pub(super) fn append(
        &mut self,
        user: &User,
        logins: &Arc<[UserLogin]>,
        now: Timestamp,
    ) -> io::Result<()> {
        let Some(user_id) = user.user_id else { return Ok(()) };
        self.append_line(&HistoryLine {
            user_id,
            login: user.login.clone(),
            read_at: now.to_string(),
            logins: logins.to_vec(),
        })
    }

    fn append_line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(line)?;
        line.push(b'\n');
        // With a single write, a crash leaves at most one incomplete line.
        self.file.write(&line)
    }
}

/// Opens and locks the file, or creates it, and reads its content.
fn open(path: &Path) -> Result<(LockedFile, Vec<u8>), Error> {
    let mut file = LockedFile::open(path)
        .map_err(|error| io_failed(path, error))?
        .ok_or_else(|| unusable(path, "another review is writing to it; wait until that review has ended"))?;
    let content = file.read().map_err(|error| io_failed(path, error))?;
    Ok((file, content))
}

/// Returns the header and the complete lines after it. The header is `None` if its line is incomplete. Fails
/// if the file is not a checkpoint.
fn parse<'a>(
    path: &Path,
    content: &'a [u8],
) -> Result<(Option<Header>, impl Iterator<Item = &'a [u8]>), Error> {
    let foreign =
        || unusable(path, "it is not the checkpoint of an access review; move the file, or delete it");
    let mut lines = content.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let header = match lines.next() {
        Some(line) => Some(serde_json::from_slice(line).map_err(|error| foreign().with_source(error))?),
        None if content.starts_with(HEADER_START) || HEADER_START.starts_with(content) => None,
        None => return Err(foreign()),
    };
    Ok((header, lines))
}

/// Returns an error unless the checkpoint has this version and this base URL.
fn check_header(path: &Path, header: &Header, base_url: &str) -> Result<(), Error> {
    if header.ultracart_audit_checkpoint != VERSION {
        return Err(unusable(
            path,
            "a different version of this program wrote it; delete the file to start a new review",
        ));
    }
    if header.base_url != base_url {
        // Debug escapes control characters, which a file from elsewhere may contain.
        let problem = format!(
            "it belongs to a review of {:?}, but this review is of {base_url:?}; resume it with that base \
             URL, or delete the file to start a new review",
            header.base_url
        );
        return Err(unusable(path, &problem));
    }
    Ok(())
}

/// Returns the error for a checkpoint that cannot be used. `problem` says why and what to do.
fn unusable(path: &Path, problem: &str) -> Error {
    Error::new(
        ErrorKind::InvalidConfig,
        format!("the checkpoint {} cannot be used: {problem}", path.display()),
    )
}

/// Returns the error for a checkpoint that cannot be read or written.
fn io_failed(path: &Path, error: io::Error) -> Error {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some disk space",
        _ => "make sure that this program can read and write the file",
    };
    unusable(path, &format!("{error}; {advice}")).with_source(error)
}

/// Whether a review writes a checkpoint, and whether the file may already contain histories.
#[derive(Clone, Debug)]
pub(super) enum CheckpointMode {
    /// The review writes no checkpoint.
    Off,
    /// The review writes a checkpoint to this file, which must not contain a history yet.
    New(PathBuf),
    /// The review reuses the histories in this file, and appends new histories to it. The file is created if
    /// it does not exist.
    Resume(PathBuf),
}

impl CheckpointMode {
    /// Opens the checkpoint, or returns `None` if the review writes none.
    pub(super) fn open(&self, base_url: &str, now: Timestamp) -> Result<Option<Checkpoint>, Error> {
        match self {
            Self::Off => Ok(None),
            Self::New(path) => Checkpoint::create(path, base_url, now).map(Some),
            Self::Resume(path) => Checkpoint::resume(path, base_url, now).map(Some),
        }
    }
}
