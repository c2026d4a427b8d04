//! The file that holds the current refresh token.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::config::Secret;
use crate::error::{Error, ErrorKind};

/// A file that only its owner can read, replaced as a whole.
#[derive(Clone, Debug)]
pub(super) struct TokenFile(PathBuf);

/// The file, while no other process may change it. The kernel frees the lock of a process that dies.
#[derive(Debug)]
pub(super) struct Locked {
    path: PathBuf,
    _lock: File,
}

impl TokenFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Waits until no other process is at it.
    pub(super) async fn lock(self) -> Result<Locked, Error> {
        // The lock is a file of its own, since the token's is replaced.
        let lock = tokio::task::spawn_blocking(move || {
            let path = beside(&self.0, "lock");
            let lock = private(OpenOptions::new().create(true).truncate(false)).write(true).open(&path);
            let lock = lock.map_err(|error| failed("locked", &path, error))?;
            lock.lock().map_err(|error| failed("locked", &path, error))?;
            Ok(Locked { path: self.0, _lock: lock })
        });
        lock.await.map_err(|panic| Error::new(ErrorKind::Internal, "locking panicked").with_source(panic))?
    }
}

impl Locked {
    pub(super) fn read(&self) -> Result<Secret, Error> {
        crate::config::read_secret_file(&self.path, "auth.oauth.refresh_token_file")
    }

    pub(super) fn write(&self, token: &Secret) -> Result<(), Error> {
        let new = beside(&self.path, "new");
        let write = || {
            // What an earlier process left half written may be readable for others.
            match std::fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = private(OpenOptions::new().create_new(true)).write(true).open(&new)?;
            file.write_all(token.expose().as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            std::fs::rename(&new, &self.path)?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(|error| failed("written", &self.path, error))
    }
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Oauth, format!("{} cannot be {what}", path.display())).with_source(error)
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

    #[tokio::test]
    async fn a_token_is_replaced_as_a_whole_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "one\n").unwrap();
        std::fs::write(folder.path().join("token.new"), "left behind").unwrap();
        let locked = TokenFile::new(path.clone()).lock().await.unwrap();
        assert_eq!(locked.read().unwrap().expose(), "one");
        locked.write(&"two".into()).unwrap();
        assert_eq!(locked.read().unwrap().expose(), "two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!folder.path().join("token.new").exists());
    }

    #[tokio::test]
    async fn one_process_at_a_time_is_at_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::new(folder.path().join("token"));
        let first = file.clone().lock().await.unwrap();
        let second = tokio::spawn(file.lock());
        // Another open file is refused, as another process would be.
        let other = File::open(folder.path().join("token.lock")).unwrap();
        assert!(matches!(other.try_lock(), Err(std::fs::TryLockError::WouldBlock)));
        drop(first);
        second.await.unwrap().unwrap();
    }
}
