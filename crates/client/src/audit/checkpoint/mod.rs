//! Histories kept in a file, so that a review that is broken off need not ask for them again.
//!
//! A line of JSON each: first what the file is and whose, then the histories in the order they were read. Lines are
//! only ever appended, so all that a crash can leave behind is a torn last line, which is cut off. The file is locked
//! as long as a review writes to it, since what looks torn can be a line that another review is just writing. A line
//! that cannot be read all the same costs the one call that it would have saved. The file holds personal data, so only
//! its owner can read it; it holds no credential.
//!
//! Accounts of one host can't be told apart by their address, so a history is taken only for a user with the
//! same identifier and the same login.

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

const VERSION: u32 = 1;

/// A history that is older than this is read again.
const GOOD_FOR: Duration = Duration::from_hours(7 * 24);

/// How the first line begins, whoever's review it is of. A crash can leave less of it.
const HEADER: &[u8] = br#"{"ultracart_audit_checkpoint":"#;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    ultracart_audit_checkpoint: u32,
    base_url: String,
    started_at: String,
}

/// Every other line.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    user_id: UserId,
    login: Option<Text>,
    read_at: String,
    logins: Vec<UserLogin>,
}

/// A file that histories are kept in.
#[derive(Debug)]
pub(super) struct Checkpoint {
    file: LockedFile,
    kept: HashMap<UserId, Line>,
    /// Lines that are there and could not be read.
    unreadable: usize,
}

impl Checkpoint {
    /// Begins a file. One that holds a history is not touched: work is in it.
    pub(super) fn begin(path: &Path, base_url: &str, now: Timestamp) -> Result<Self, Error> {
        let (file, content) = open(path)?;
        let (_, mut lines) = parts(path, &content)?;
        if lines.next().is_some() {
            return Err(refusal(
                path,
                "it is left over from a review that was broken off: resume that one, or delete the file",
            ));
        }
        Self::start(path, file, base_url, now)
    }

    /// Goes on with a file, or begins it if it is not there or nothing is in it yet.
    pub(super) fn resume(path: &Path, base_url: &str, now: Timestamp) -> Result<Self, Error> {
        let (mut file, content) = open(path)?;
        let (Some(header), lines) = parts(path, &content)? else {
            return Self::start(path, file, base_url, now);
        };
        check(path, &header, base_url)?;
        let (mut kept, mut unreadable) = (HashMap::new(), 0);
        for line in lines {
            let Ok(line) = serde_json::from_slice::<Line>(line) else {
                unreadable += 1;
                continue;
            };
            let is_good =
                line.read_at.parse::<Timestamp>().is_ok_and(|read_at| read_at >= days::before(now, GOOD_FOR));
            if is_good {
                kept.insert(line.user_id, line);
            }
        }
        // What stands behind the last line break was torn off in writing.
        let whole = content.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        file.cut(whole).map_err(|error| unusable(path, error))?;
        Ok(Self { file, kept, unreadable })
    }

    fn start(path: &Path, mut file: LockedFile, base_url: &str, now: Timestamp) -> Result<Self, Error> {
        file.cut(0).and_then(|()| file.keep_private()).map_err(|error| unusable(path, error))?;
        let mut checkpoint = Self { file, kept: HashMap::new(), unreadable: 0 };
        let header = Header {
            ultracart_audit_checkpoint: VERSION,
            base_url: base_url.to_owned(),
            started_at: now.to_string(),
        };
        checkpoint.append(&header).map_err(|error| unusable(path, error))?;
        Ok(checkpoint)
    }

    /// The history that an earlier run read of this user.
    pub(super) fn take(&mut self, user: &User) -> Option<History> {
        let line = self.kept.remove(&user.user_id?)?;
        if line.login != user.login {
            return None;
        }
        let read_at = line.read_at.parse().ok()?;
        Some(History::Read { source: Source::Checkpoint, read_at, logins: line.logins.into() })
    }

    /// What a reader of the review should know of the file.
    pub(super) fn note(&self) -> Option<String> {
        let lines = match self.unreadable {
            0 => return None,
            1 => "A line".to_owned(),
            several => format!("{several} lines"),
        };
        Some(format!("{lines} of the checkpoint could not be read: what stood there was asked for again."))
    }

    /// Keeps a history.
    pub(super) fn keep(&mut self, user: &User, logins: &Arc<[UserLogin]>, now: Timestamp) -> io::Result<()> {
        let Some(user_id) = user.user_id else { return Ok(()) };
        let line =
            Line { user_id, login: user.login.clone(), read_at: now.to_string(), logins: logins.to_vec() };
        self.append(&line)
    }

    fn append(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(line)?;
        line.push(b'\n');
        // One write: a line is there or it is torn, and never mixed up with another.
        self.file.write(&line)
    }
}

/// Opens the file, which is made if it is not there, keeps all others off it, and reads what is in it.
fn open(path: &Path) -> Result<(LockedFile, Vec<u8>), Error> {
    let mut file = LockedFile::open(path)
        .map_err(|error| unusable(path, error))?
        .ok_or_else(|| refusal(path, "another review is writing to it: wait until that one has ended"))?;
    let content = file.read().map_err(|error| unusable(path, error))?;
    Ok((file, content))
}

/// The header, if it was written wholly, and the whole lines behind it.
fn parts<'a>(
    path: &Path,
    content: &'a [u8],
) -> Result<(Option<Header>, impl Iterator<Item = &'a [u8]>), Error> {
    let foreign =
        || refusal(path, "it is no checkpoint of a review: move it away, or delete it, to begin anew");
    let mut lines = content.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let header = match lines.next() {
        Some(line) => Some(serde_json::from_slice(line).map_err(|error| foreign().with_source(error))?),
        None if content.starts_with(HEADER) || HEADER.starts_with(content) => None,
        None => return Err(foreign()),
    };
    Ok((header, lines))
}

/// Whether the file is of this version and of the same server.
fn check(path: &Path, header: &Header, base_url: &str) -> Result<(), Error> {
    if header.ultracart_audit_checkpoint != VERSION {
        return Err(refusal(path, "another version of this program wrote it: delete the file to begin anew"));
    }
    if header.base_url != base_url {
        // Debug: the file could be anyone's.
        let problem = format!(
            "it is of {:?}, and this review is of {base_url:?}: resume that one there, or delete the file to begin \
             anew",
            header.base_url
        );
        return Err(refusal(path, &problem));
    }
    Ok(())
}

/// `problem` says what to do about it, too: there is no setting that would help.
fn refusal(path: &Path, problem: &str) -> Error {
    Error::new(
        ErrorKind::InvalidConfig,
        format!("the checkpoint {} cannot be used: {problem}", path.display()),
    )
}

fn unusable(path: &Path, error: io::Error) -> Error {
    let what_to_do = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk",
        _ => "see to it that this file can be read and written",
    };
    refusal(path, &format!("{error}: {what_to_do}")).with_source(error)
}

/// Which file, and what is to be done with one that is there.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// None: a library's user may go without.
    Nowhere,
    /// No history may be in it yet.
    New(PathBuf),
    /// If it is there, go on with it.
    Resume(PathBuf),
}

impl Place {
    /// Opens the file, before anything is asked.
    pub(super) fn open(&self, base_url: &str, now: Timestamp) -> Result<Option<Checkpoint>, Error> {
        match self {
            Self::Nowhere => Ok(None),
            Self::New(path) => Checkpoint::begin(path, base_url, now).map(Some),
            Self::Resume(path) => Checkpoint::resume(path, base_url, now).map(Some),
        }
    }
}
