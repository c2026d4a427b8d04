//! The file of a checkpoint: locked while it is open, and readable by its owner only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// An open file with a lock, so that no other review writes to it until this value is dropped.
#[derive(Debug)]
pub(super) struct LockedFile(File);

impl LockedFile {
    /// Opens the file, or creates it if it is missing, and locks it. Returns `None` if another review holds
    /// the lock.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            // Some file systems support no locks. There the caller has to make sure that only one review
            // runs.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                Ok(Some(Self(file)))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Returns the content of the file. Call this first after [`open`](Self::open): it reads from the current
    /// position, and other methods move that away from the start of the file.
    pub(super) fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.0.read_to_end(&mut content)?;
        Ok(content)
    }

    /// Truncates the file to `length` bytes and continues writing there.
    pub(super) fn truncate(&mut self, length: usize) -> io::Result<()> {
        let length = u64::try_from(length).map_err(io::Error::other)?;
        self.0.set_len(length)?;
        self.0.seek(SeekFrom::Start(length)).map(drop)
    }

    /// Writes the bytes at the current position: the end of the file after [`read`](Self::read) or
    /// [`truncate`](Self::truncate).
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Makes the file readable by its owner only (on Unix). [`open`](Self::open) restricts only the files
    /// that it creates, so a file that existed before needs this.
    pub(super) fn make_private(&self) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            self.0.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
        Ok(())
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Closing the file does not release the lock while a child process that is being started has it open,
        // too.
        _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_unlocks_file_that_child_process_has_open() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = LockedFile::open(&path).unwrap().unwrap();
        // A child process that is being started has a clone of the file.
        let inherited = file.0.try_clone().unwrap();
        assert!(LockedFile::open(&path).unwrap().is_none());
        drop(file);
        assert!(LockedFile::open(&path).unwrap().is_some());
        drop(inherited);
    }
}
