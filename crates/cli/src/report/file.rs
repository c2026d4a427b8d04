//! Files that are there wholly or not at all, and that only their owner can read.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Makes the folder, and those above it, if it is not there.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder
        .create(dir)
        .map_err(|error| named(&error, &format!("the folder {} cannot be made", dir.display())))
}

/// Sees whether a file can be put there: over another one it can, and over nothing else.
pub(super) fn check_place(place: &Path) -> io::Result<()> {
    match fs::metadata(place) {
        Ok(there) if !there.is_file() => {
            let error = io::Error::new(io::ErrorKind::AlreadyExists, "it is there and no file");
            Err(cannot_be_written(&error, place))
        }
        _ => Ok(()),
    }
}

/// Removes what killed runs left beside the places of these files: it holds personal data, and nobody would look for it.
///
/// A run that is still at it has its file locked, and a lock ends with its process.
pub(super) fn remove_left(dir: &Path, names: &[&str]) {
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

/// Whether it is a [`temporary_name`] that any run gave to one of these files.
fn is_temporary(file: &OsStr, names: &[&str]) -> bool {
    let parts = file.to_str().and_then(|file| file.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.'));
    parts.is_some_and(|(name, process)| {
        names.contains(&name) && !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A file that waits beside its place. Dropped there, it is removed.
#[derive(Debug)]
pub(super) struct Written {
    temporary: PathBuf,
    place: PathBuf,
    /// Locked as long as it is open.
    file: File,
}

/// Writes a file beside its place in `dir`.
pub(super) fn write(
    dir: &Path,
    name: &str,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<Written> {
    let temporary = dir.join(temporary_name(name));
    let problem = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory => {
            named(&error, &format!("the folder {} cannot be written to", dir.display()))
        }
        _ => cannot_be_written(&error, &dir.join(name)),
    };
    // Of a run with the same process id that was killed, where files cannot be locked.
    _ = fs::remove_file(&temporary);
    let file = create(&temporary).map_err(problem)?;
    // Where that cannot be, nobody can lock it later either, and it is left alone.
    _ = file.try_lock();
    let written = Written { temporary, place: dir.join(name), file };
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

impl Written {
    /// Puts the file into its place, over what is there, and says where that is.
    pub(super) fn put(self) -> io::Result<PathBuf> {
        fs::rename(&self.temporary, &self.place).map_err(|error| cannot_be_written(&error, &self.place))?;
        Ok(self.place.clone())
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // It is gone already if it was put into its place.
        _ = fs::remove_file(&self.temporary);
    }
}

fn cannot_be_written(error: &io::Error, path: &Path) -> io::Error {
    named(error, &format!("{} cannot be written", path.display()))
}

fn named(error: &io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_written_is_not_left() {
        let dir = tempfile::tempdir().unwrap();
        let written = write(dir.path(), "a", |out| {
            remove_left(dir.path(), &["a"]);
            out.write_all(b"new")
        })
        .unwrap();
        remove_left(dir.path(), &["a"]);
        written.put().unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("a")).unwrap(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_fails_half_way_leaves_the_old_one_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "a", |out| out.write_all(b"old")).unwrap().put().unwrap();
        let error = write(dir.path(), "a", |out| {
            out.write_all(b"new")?;
            Err(io::Error::other("no more"))
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} cannot be written: no more", dir.path().join("a").display())
        );
        assert_eq!(fs::read_to_string(dir.path().join("a")).unwrap(), "old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
