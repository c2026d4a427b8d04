//! The file that holds the current refresh token.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::config::Secret;
use crate::error::{Error, ErrorKind};

/// Padding that reserves disk space for a token. Writing the token truncates the file to the token's length.
const PADDING: [u8; 4096] = [b'\n'; 4096];

/// The token file. Where possible, a write atomically replaces the file with one that only the owner can
/// read.
#[derive(Clone, Debug)]
pub(super) struct TokenFile(PathBuf);

/// The token file, locked against other processes. The kernel releases the lock of a process that ends.
#[derive(Debug)]
pub(super) struct LockedTokenFile {
    path: PathBuf,
    /// The prepared file that the next write renames to `path`.
    replacement: Option<File>,
    _lock: File,
}

impl TokenFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Locks the file against other processes. Blocks the thread until they release it.
    pub(super) fn lock(self) -> Result<LockedTokenFile, Error> {
        // The lock is on a separate file, since a write replaces the token file.
        let path = sibling(&self.0, "lock");
        let lock = owner_only(OpenOptions::new().create(true).truncate(false)).write(true).open(&path);
        let lock = lock.and_then(|lock| lock.lock().map(|()| lock));
        let lock = lock.map_err(|error| unusable_error(&path, "locked", error))?;
        Ok(LockedTokenFile { path: self.0, replacement: None, _lock: lock })
    }
}

impl LockedTokenFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the file exists. Also returns `true` if that cannot be determined, so that reading the
    /// file reports the error.
    pub(super) fn exists(&self) -> bool {
        fs::exists(&self.path).unwrap_or(true)
    }

    pub(super) fn read(&self) -> Result<Secret, Error> {
        crate::config::read_secret_file(&self.path, "auth.oauth.refresh_token_file")
    }

    /// Creates the replacement and reserves its disk space. Called before a token refresh uses up the current
    /// refresh token. So most failures, such as a full disk, occur while that token still works.
    pub(super) fn prepare(&mut self) -> Result<(), Error> {
        // A file on a read-only mount can be neither replaced nor written.
        if let Err(error) = OpenOptions::new().write(true).open(&self.path)
            && error.kind() == io::ErrorKind::ReadOnlyFilesystem
        {
            return Err(unusable_error(&self.path, "written", error));
        }
        let new = self.create_new().and_then(|new| {
            let new = self.replacement.insert(new);
            new.write_all(&PADDING)?;
            new.sync_all()
        });
        new.map_err(|error| unusable_error(&sibling(&self.path, "new"), "written", error))
    }

    /// Replaces the file with one that contains `token`.
    pub(super) fn write(&mut self, token: &Secret) -> io::Result<()> {
        let new = match self.replacement.take() {
            Some(new) => new,
            None => self.create_new()?,
        };
        write_token(new, token)?;
        let new = sibling(&self.path, "new");
        if fs::rename(&new, &self.path).is_err() {
            // A file that is a mount point, as in a container, cannot be replaced, so it is overwritten.
            let file =
                owner_only(OpenOptions::new().create(true).truncate(false)).write(true).open(&self.path)?;
            write_token(file, token)?;
            _ = fs::remove_file(&new);
        }
        // Makes the rename durable. If that fails, the token has been written nevertheless.
        #[cfg(unix)]
        {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }

    fn create_new(&self) -> io::Result<File> {
        let new = sibling(&self.path, "new");
        // A file that an earlier process left behind may be readable by other users.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => owner_only(OpenOptions::new().create_new(true)).write(true).open(&new),
        }
    }
}

impl Drop for LockedTokenFile {
    /// Removes a replacement that was not used.
    fn drop(&mut self) {
        if self.replacement.take().is_some() {
            _ = fs::remove_file(sibling(&self.path, "new"));
        }
    }
}

fn write_token(mut file: File, token: &Secret) -> io::Result<()> {
    let line = format!("{}\n", token.expose());
    file.rewind()?;
    file.write_all(line.as_bytes())?;
    file.set_len(line.len() as u64)?;
    file.sync_all()
}

fn unusable_error(path: &Path, what: &str, error: io::Error) -> Error {
    let message = format!(
        "{} cannot be {what}, so the next refresh token would be lost, and nothing was sent: let this program write \
         there, or set `auth.oauth.refresh_token_file` to another file",
        path.display()
    );
    Error::new(ErrorKind::InvalidConfig, message).with_source(error)
}

/// Returns the path with a dot and `ending` appended to the file name.
fn sibling(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn lock(path: &Path) -> Result<LockedTokenFile, Error> {
        TokenFile::new(path.to_owned()).lock()
    }

    #[test]
    fn written_token_replaces_file_for_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let new = folder.path().join("token.new");
        fs::write(&path, "one\n").unwrap();
        fs::write(&new, "left behind").unwrap();
        let mut locked = lock(&path).unwrap();
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
    fn unused_replacement_is_removed_on_drop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "one\n").unwrap();
        let mut locked = lock(&path).unwrap();
        locked.prepare().unwrap();
        assert!(folder.path().join("token.new").exists());
        drop(locked);
        assert!(!folder.path().join("token.new").exists());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
    }

    #[test]
    fn token_is_written_in_place_if_rename_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "longer than the new token\n").unwrap();
        let mut locked = lock(&path).unwrap();
        locked.prepare().unwrap();
        // Makes the rename fail.
        fs::remove_file(folder.path().join("token.new")).unwrap();
        locked.write(&"two".into()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    }

    #[test]
    fn lock_is_exclusive_until_drop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let first = lock(&path).unwrap();
        // A lock through another open file fails, as it would in another process.
        let other = File::open(folder.path().join("token.lock")).unwrap();
        assert!(matches!(other.try_lock(), Err(fs::TryLockError::WouldBlock)));
        drop(first);
        lock(&path).unwrap();
    }
}
