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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const URL: &str = "https://example.com/rest/v2";

    fn now() -> Timestamp {
        "2025-06-30T12:00:00Z".parse().unwrap()
    }

    fn user(id: i32, login: &str) -> User {
        User::new().user_id(id).login(login)
    }

    fn logins(ip: &str) -> Arc<[UserLogin]> {
        vec![UserLogin::new().ip_address(ip)].into()
    }

    /// A folder with a checkpoint of two histories.
    fn two() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        let mut checkpoint = Checkpoint::begin(&path, URL, now()).unwrap();
        checkpoint.keep(&user(1, "ada"), &logins("192.0.2.1"), now()).unwrap();
        checkpoint.keep(&user(2, "ben"), &logins("192.0.2.2"), now()).unwrap();
        (dir, path)
    }

    fn refused(path: &Path, url: &str) -> String {
        let error = Checkpoint::resume(path, url, now()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        error.to_string()
    }

    #[test]
    fn what_is_kept_is_there_again_for_the_same_user_only() {
        let (_dir, path) = two();
        let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
        let history = checkpoint.take(&user(1, "ada")).unwrap();
        let expected =
            History::Read { source: Source::Checkpoint, read_at: now(), logins: logins("192.0.2.1") };
        assert_eq!(history, expected);
        assert_eq!(checkpoint.take(&user(2, "another ben")), None);
        assert_eq!(checkpoint.take(&user(3, "eve")), None);
        assert_eq!(checkpoint.take(&User::new().login("ada")), None);
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_next_one_is_whole() {
        let (_dir, path) = two();
        let content = fs::read(&path).unwrap();
        fs::write(&path, &content[..content.len() - 9]).unwrap();
        let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
        assert!(checkpoint.take(&user(1, "ada")).is_some());
        assert_eq!(checkpoint.take(&user(2, "ben")), None);
        // Shorter than what was torn, which must not show behind it.
        checkpoint.keep(&user(3, "eve"), &Vec::new().into(), now()).unwrap();
        drop(checkpoint);
        assert!(fs::read(&path).unwrap().ends_with(b"\n"));
        let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
        assert!(checkpoint.take(&user(1, "ada")).is_some() && checkpoint.take(&user(3, "eve")).is_some());
    }

    #[test]
    fn a_line_that_cannot_be_read_is_left_out_and_the_others_are_good() {
        let (_dir, path) = two();
        let whole = fs::read(&path).unwrap();
        assert_eq!(Checkpoint::resume(&path, URL, now()).unwrap().note(), None);
        let place = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        for (bad, note) in [(&b"{\"user_id\":\n"[..], "A line"), (b"\0\xff\n\n[1]\n", "3 lines")] {
            fs::write(&path, [&whole[..place], bad, &whole[place..]].concat()).unwrap();
            let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
            assert!(checkpoint.take(&user(1, "ada")).is_some() && checkpoint.take(&user(2, "ben")).is_some());
            assert_eq!(
                checkpoint.note().unwrap(),
                format!("{note} of the checkpoint could not be read: what stood there was asked for again.")
            );
        }
    }

    #[test]
    fn a_history_of_long_ago_is_read_again() {
        let (_dir, path) = two();
        let later = "2025-07-08T12:00:00Z".parse().unwrap();
        assert_eq!(Checkpoint::resume(&path, URL, later).unwrap().take(&user(1, "ada")), None);
    }

    #[test]
    fn a_file_that_is_not_ours_is_refused_and_left_as_it_is() {
        let (_dir, path) = two();
        let shown = path.display();
        assert_eq!(
            refused(&path, "https://other.example/rest/v2"),
            format!(
                "the checkpoint {shown} cannot be used: it is of \"{URL}\", and this review is of \
                 \"https://other.example/rest/v2\": resume that one there, or delete the file to begin anew"
            )
        );
        let foreign = "it is no checkpoint of a review: move it away, or delete it, to begin anew";
        let content = fs::read_to_string(&path).unwrap();
        for (content, problem) in [
            ("somebody's diary\n".to_owned(), foreign),
            ("a torn diary".to_owned(), foreign),
            ("{\"a\":1}\n".to_owned(), foreign),
            (
                content.replace("checkpoint\":1", "checkpoint\":2"),
                "another version of this program wrote it: delete the file to begin anew",
            ),
        ] {
            fs::write(&path, &content).unwrap();
            assert_eq!(refused(&path, URL), format!("the checkpoint {shown} cannot be used: {problem}"));
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_new_one_does_not_overwrite_and_an_absent_or_empty_one_is_begun() {
        let (dir, path) = two();
        let before = fs::read(&path).unwrap();
        let error = Checkpoint::begin(&path, URL, now()).unwrap_err().to_string();
        assert!(error.ends_with("resume that one, or delete the file"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
        for path in [dir.path().join("absent"), dir.path().join("empty")] {
            if path.ends_with("empty") {
                fs::write(&path, "").unwrap();
            }
            Checkpoint::resume(&path, URL, now()).unwrap();
            assert!(fs::read_to_string(&path).unwrap().starts_with("{\"ultracart_audit_checkpoint\":1"));
        }
    }

    #[test]
    fn one_that_a_crash_left_without_a_history_is_begun_anew() {
        let (_dir, path) = two();
        let content = fs::read(&path).unwrap();
        let header = content.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        for torn in 0..header + 9 {
            for place in [Place::New(path.clone()), Place::Resume(path.clone())] {
                fs::write(&path, &content[..torn]).unwrap();
                let mut checkpoint = place.open(URL, now()).unwrap().unwrap();
                checkpoint.keep(&user(3, "eve"), &Vec::new().into(), now()).unwrap();
                drop(checkpoint);
                let mut checkpoint = Checkpoint::resume(&path, URL, now()).unwrap();
                assert!(checkpoint.take(&user(3, "eve")).is_some(), "{place:?}, {torn} bytes");
            }
        }
    }

    #[test]
    fn two_reviews_never_write_to_one_file() {
        let (dir, path) = two();
        let new = dir.path().join("new");
        let begun = Checkpoint::begin(&new, URL, now()).unwrap();
        let resumed = Checkpoint::resume(&path, URL, now()).unwrap();
        for (mut first, path) in [(begun, new), (resumed, path)] {
            let before = fs::read(&path).unwrap();
            for place in [Place::New(path.clone()), Place::Resume(path.clone())] {
                let error = place.open(URL, now()).unwrap_err().to_string();
                let expected = format!(
                    "the checkpoint {} cannot be used: another review is writing to it: wait until that one has ended",
                    path.display()
                );
                assert_eq!(error, expected);
                assert_eq!(fs::read(&path).unwrap(), before);
            }
            first.keep(&user(3, "eve"), &logins("192.0.2.3"), now()).unwrap();
            drop(first);
            assert!(Checkpoint::resume(&path, URL, now()).unwrap().take(&user(3, "eve")).is_some());
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_and_what_to_do_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("no/such/folder");
        let error = Place::New(path.clone()).open(URL, now()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("the checkpoint {} cannot be used: ", path.display())), "{error}");
        assert!(error.ends_with(": see to it that this file can be read and written"), "{error}");
        let error = unusable(&path, io::ErrorKind::StorageFull.into()).to_string();
        assert!(error.ends_with(": make room on the disk"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let (dir, path) = two();
        let empty = dir.path().join("empty");
        fs::write(&empty, "").unwrap();
        fs::set_permissions(&empty, fs::Permissions::from_mode(0o644)).unwrap();
        Checkpoint::resume(&empty, URL, now()).unwrap();
        for path in [path, empty] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
