//! The file that holds the current refresh token.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::config::Secret;
use crate::error::{Error, ErrorKind};

/// More than a token takes. What is left of it is cut off.
const ROOM: [u8; 4096] = [b'\n'; 4096];

/// A file that only its owner can read, replaced as a whole.
#[derive(Clone, Debug)]
pub(super) struct TokenFile(PathBuf);

/// The file, while no other process may change it. The kernel frees the lock of a process that dies.
#[derive(Debug)]
pub(super) struct Locked {
    path: PathBuf,
    /// What will take its place.
    new: Option<File>,
    _lock: File,
}

impl TokenFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Waits until no other process is at it.
    pub(super) fn lock(self) -> Result<Locked, Error> {
        // The lock is a file of its own, since the token's is replaced.
        let path = beside(&self.0, "lock");
        let lock = private(OpenOptions::new().create(true).truncate(false)).write(true).open(&path);
        let lock = lock.and_then(|lock| lock.lock().map(|()| lock));
        let lock = lock.map_err(|error| unusable(&path, "locked", error))?;
        Ok(Locked { path: self.0, new: None, _lock: lock })
    }
}

impl Locked {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a file. One that cannot be looked at is there: reading it says why.
    pub(super) fn is_there(&self) -> bool {
        fs::exists(&self.path).unwrap_or(true)
    }

    pub(super) fn read(&self) -> Result<Secret, Error> {
        crate::config::read_secret_file(&self.path, "auth.oauth.refresh_token_file")
    }

    /// Makes the file that will take the place of this one, with room in it: what stands in the way of that is to be
    /// found out before the token is spent.
    pub(super) fn prepare(&mut self) -> Result<(), Error> {
        // A read-only mount of its own can be neither replaced nor written.
        if let Err(error) = OpenOptions::new().write(true).open(&self.path)
            && error.kind() == io::ErrorKind::ReadOnlyFilesystem
        {
            return Err(unusable(&self.path, "written", error));
        }
        let new = self.create_new().and_then(|new| {
            let new = self.new.insert(new);
            new.write_all(&ROOM)?;
            new.sync_all()
        });
        new.map_err(|error| unusable(&beside(&self.path, "new"), "written", error))
    }

    pub(super) fn write(&mut self, token: &Secret) -> io::Result<()> {
        let new = match self.new.take() {
            Some(new) => new,
            None => self.create_new()?,
        };
        put(new, token)?;
        let new = beside(&self.path, "new");
        if fs::rename(&new, &self.path).is_err() {
            // A file that is a mount of its own, as in a container, cannot be replaced.
            let file =
                private(OpenOptions::new().create(true).truncate(false)).write(true).open(&self.path)?;
            put(file, token)?;
            // It is of no use any more, and harms nobody.
            _ = fs::remove_file(&new);
        }
        // Elsewhere a folder cannot be opened. Where it cannot be synced the token is in its place all the same.
        #[cfg(unix)]
        {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }

    fn create_new(&self) -> io::Result<File> {
        let new = beside(&self.path, "new");
        // What an earlier process left half written may be readable for others.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => private(OpenOptions::new().create_new(true)).write(true).open(&new),
        }
    }
}

impl Drop for Locked {
    /// Takes away what was prepared and not needed.
    fn drop(&mut self) {
        if self.new.take().is_some() {
            _ = fs::remove_file(beside(&self.path, "new"));
        }
    }
}

fn put(mut file: File, token: &Secret) -> io::Result<()> {
    let line = format!("{}\n", token.expose());
    file.rewind()?;
    file.write_all(line.as_bytes())?;
    file.set_len(line.len() as u64)?;
    file.sync_all()
}

fn unusable(path: &Path, what: &str, error: io::Error) -> Error {
    let why = format!(
        "{} cannot be {what}, and the next refresh token would be lost, so nothing was sent: see that this program can \
         write there, or set `auth.oauth.refresh_token_file` to a file elsewhere",
        path.display()
    );
    Error::new(ErrorKind::InvalidConfig, why).with_source(error)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn locked(path: &Path) -> Result<Locked, Error> {
        TokenFile::new(path.to_owned()).lock()
    }

    #[test]
    fn a_token_is_replaced_as_a_whole_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let new = folder.path().join("token.new");
        fs::write(&path, "one\n").unwrap();
        fs::write(&new, "left behind").unwrap();
        let mut locked = locked(&path).unwrap();
        assert_eq!(locked.read().unwrap().expose(), "one");
        locked.prepare().unwrap();
        assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
        locked.write(&"two".into()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        locked.write(&"three".into()).unwrap();
        assert_eq!(locked.read().unwrap().expose(), "three");
        assert!(!new.exists());
    }

    #[test]
    fn what_was_prepared_and_not_needed_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "one\n").unwrap();
        let mut locked = locked(&path).unwrap();
        locked.prepare().unwrap();
        assert!(folder.path().join("token.new").exists());
        drop(locked);
        assert!(!folder.path().join("token.new").exists());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
    }

    #[test]
    fn a_file_that_cannot_be_replaced_is_written_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "a longer one than the next\n").unwrap();
        let mut locked = locked(&path).unwrap();
        locked.prepare().unwrap();
        // No rename can succeed.
        fs::remove_file(folder.path().join("token.new")).unwrap();
        locked.write(&"two".into()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    }

    #[test]
    fn one_process_at_a_time_is_at_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let first = locked(&path).unwrap();
        // Another open file is refused, as another process would be.
        let other = File::open(folder.path().join("token.lock")).unwrap();
        assert!(matches!(other.try_lock(), Err(fs::TryLockError::WouldBlock)));
        drop(first);
        locked(&path).unwrap();
    }
}
