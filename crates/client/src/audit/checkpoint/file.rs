//! The file under a checkpoint: locked, and its owner's alone.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// A file that no other review writes to as long as this is there.
#[derive(Debug)]
pub(super) struct LockedFile(File);

impl LockedFile {
    /// Opens the file, which is made if it is not there; `None` if another review is writing to it.
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
            // Some file systems know no locks. There it is for the user not to run two.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                Ok(Some(Self(file)))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// All that is in it.
    pub(super) fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.0.read_to_end(&mut content)?;
        Ok(content)
    }

    /// Keeps the first `length` bytes. What is written next stands behind them.
    pub(super) fn cut(&mut self, length: usize) -> io::Result<()> {
        let length = u64::try_from(length).map_err(io::Error::other)?;
        self.0.set_len(length)?;
        self.0.seek(SeekFrom::Start(length)).map(drop)
    }

    /// Writes at the end.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Lets nobody but its owner read it. One that was there already, empty, may be anybody's to read.
    pub(super) fn keep_private(&self) -> io::Result<()> {
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
        // Closing it would not do while a process that this program is just starting has it open, too.
        _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_let_go_of_though_another_process_has_it_open_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = LockedFile::open(&path).unwrap().unwrap();
        // As one that is being started has it.
        let inherited = file.0.try_clone().unwrap();
        assert!(LockedFile::open(&path).unwrap().is_none());
        drop(file);
        assert!(LockedFile::open(&path).unwrap().is_some());
        drop(inherited);
    }
}
