//! Files that are written completely or not at all, and that only their owner can read.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Creates the folder and its parents, if they do not exist.
pub(super) fn create_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder
        .create(dir)
        .map_err(|error| with_context(&error, &format!("the folder {} cannot be created", dir.display())))
}

/// Checks that a file can be renamed to this path. Fails if something other than a file exists there, such as
/// a folder.
pub(super) fn check_target(target: &Path) -> io::Result<()> {
    match fs::metadata(target) {
        Ok(existing) if !existing.is_file() => {
            let error = io::Error::new(
                io::ErrorKind::AlreadyExists,
                "something other than a file has this name; move or delete it",
            );
            Err(cannot_be_written(&error, target))
        }
        _ => Ok(()),
    }
}

/// Removes the temporary files of killed runs, since they contain personal data. `names` are the final names.
///
/// The temporary file of a run that is still active is locked, and is not removed. A lock ends when the
/// process that holds it ends.
pub(super) fn remove_leftovers(dir: &Path, names: &[&str]) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file
            && is_temporary(&entry.file_name(), names)
            && let Ok(file) = OpenOptions::new().write(true).open(entry.path())
            && file.try_lock().is_ok()
        {
            _ = fs::remove_file(entry.path());
        }
    }
}

fn temporary_name(name: &str) -> String {
    format!(".{name}.{}.tmp", std::process::id())
}

/// Returns whether `file` is a name that [`temporary_name`] returns for one of `names`, in this process or in
/// any other.
fn is_temporary(file: &OsStr, names: &[&str]) -> bool {
    let parts = file.to_str().and_then(|file| file.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.'));
    parts.is_some_and(|(name, process)| {
        names.contains(&name) && !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A completely written file under a temporary name. The file is removed on drop, unless it was renamed.
#[derive(Debug)]
pub(super) struct TemporaryFile {
    temporary: PathBuf,
    target: PathBuf,
    /// Keeps the lock on the temporary file.
    file: File,
}

/// Writes a file into `dir` under a temporary name. [`TemporaryFile::persist`] gives it its final `name`.
pub(super) fn write(
    dir: &Path,
    name: &str,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<TemporaryFile> {
    let temporary = dir.join(temporary_name(name));
    let problem = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory => {
            with_context(&error, &format!("the folder {} cannot be written to", dir.display()))
        }
        _ => cannot_be_written(&error, &dir.join(name)),
    };
    // On a file system without locks, a killed run with the same process id may have left this file.
    _ = fs::remove_file(&temporary);
    let file = create(&temporary).map_err(problem)?;
    // On a file system without locks this fails. `remove_leftovers` then cannot lock the file either, and
    // keeps it.
    _ = file.try_lock();
    let written = TemporaryFile { temporary, target: dir.join(name), file };
    let mut out = BufWriter::new(&written.file);
    content(&mut out).map_err(problem)?;
    out.flush().map_err(problem)?;
    drop(out);
    written.file.sync_all().map_err(problem)?;
    Ok(written)
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

impl TemporaryFile {
    /// Renames the file to its final name, replacing an existing file, and returns the path.
    pub(super) fn persist(self) -> io::Result<PathBuf> {
        fs::rename(&self.temporary, &self.target).map_err(|error| cannot_be_written(&error, &self.target))?;
        Ok(self.target.clone())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // After `persist` the temporary file no longer exists, and this has no effect.
        _ = fs::remove_file(&self.temporary);
    }
}

fn cannot_be_written(error: &io::Error, path: &Path) -> io::Error {
    with_context(error, &format!("{} cannot be written", path.display()))
}

fn with_context(error: &io::Error, context: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{context}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remove_leftovers_keeps_file_being_written() {
        let dir = tempfile::tempdir().unwrap();
        let written = write(dir.path(), "a", |out| {
            remove_leftovers(dir.path(), &["a"]);
            out.write_all(b"new")
        })
        .unwrap();
        remove_leftovers(dir.path(), &["a"]);
        written.persist().unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("a")).unwrap(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn failed_write_keeps_old_file_only() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "a", |out| out.write_all(b"old")).unwrap().persist().unwrap();
        let error = write(dir.path(), "a", |out| {
            out.write_all(b"new")?;
            Err(io::Error::other("broken"))
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} cannot be written: broken", dir.path().join("a").display())
        );
        assert_eq!(fs::read_to_string(dir.path().join("a")).unwrap(), "old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
