//! The files of an access review.

mod csv;
mod file;
mod html;
mod json;
mod stats;
mod text;

#[cfg(test)]
#[path = "../../examples/report/sample.rs"]
mod sample;

use std::io;
use std::path::{Path, PathBuf};

use ultracart_client::audit::Review;

/// Writes `audit.html`, `users.csv`, `logins.csv` and `audit.json` into the folder, which is made if it is not
/// there, and says where they are.
///
/// Only the owner can read them. No file is there in part: each is written beside its place and then put there,
/// once all of them are written.
///
/// # Errors
/// If the folder or a file cannot be written. The message names it.
pub(crate) fn write(review: &Review, dir: &Path) -> io::Result<[PathBuf; 4]> {
    file::make_dir(dir)?;
    let stats = stats::of(review);
    let files = [
        file::write(dir, "users.csv", |out| csv::users(review, &stats, out))?,
        file::write(dir, "logins.csv", |out| csv::logins(review, out))?,
        file::write(dir, "audit.json", |out| json::write(review, out))?,
        file::write(dir, "audit.html", |out| html::write(review, &stats, out))?,
    ];
    let [users, logins, json, html] = files.map(file::Written::put);
    Ok([html?, users?, logins?, json?])
}

/// Makes the folder if it is not there and sees whether it can be written to, before a call is spent.
///
/// # Errors
/// If it cannot be. The message names it.
pub(crate) fn check_dir(dir: &Path) -> io::Result<()> {
    file::make_dir(dir)?;
    file::write(dir, "check", |_| Ok(())).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn four_files_are_written_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("a/b");
        check_dir(&out).unwrap();
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
        let written = write(&sample::review(3, sample::Style::Usual), &out).unwrap();
        let names = written.clone().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        assert_eq!(names, ["audit.html", "users.csv", "logins.csv", "audit.json"]);
        assert_eq!(fs::read_dir(&out).unwrap().count(), 4);
        // A second time, over what is there.
        write(&sample::review(2, sample::Style::Usual), &out).unwrap();
        assert_eq!(fs::read_dir(&out).unwrap().count(), 4);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(written.map(|path| mode(&path)), [0o600; 4]);
            assert_eq!(mode(&out), 0o700);
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("taken");
        fs::write(&taken, "").unwrap();
        for bad in [taken.clone(), taken.join("below")] {
            let error = check_dir(&bad).unwrap_err();
            let expected = format!("the folder {} cannot be", bad.display());
            assert!(error.to_string().starts_with(&expected), "{error}");
            assert!(write(&sample::review(1, sample::Style::Usual), &bad).is_err());
        }
    }
}
