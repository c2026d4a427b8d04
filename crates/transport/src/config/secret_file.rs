//! Files with one credential.

use std::path::Path;

use super::secret::Secret;
use crate::error::{Error, ErrorKind};

/// Reads a credential from a file and removes the line ending. `key` is the setting that contains the path;
/// error messages name it.
///
/// # Errors
/// If the file cannot be read, or is not one line of visible ASCII characters. The message never shows the
/// content.
pub fn read_secret_file(path: &Path, key: &str) -> Result<Secret, Error> {
    let file = format!("the file {} (`{key}`)", path.display());
    let invalid = |what: &str| Error::new(ErrorKind::InvalidConfig, format!("{file} {what}"));
    let bytes = std::fs::read(path).map_err(|error| {
        let tilde = if path.iter().any(|part| part == "~") {
            "; `~` is not expanded: write the full path"
        } else {
            ""
        };
        invalid(&format!("cannot be read: {error}{tilde}")).with_source(error)
    })?;
    let text = String::from_utf8(bytes).map_err(|_| invalid("contains a non-ASCII character"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let secret = Secret::from(line.strip_suffix('\r').unwrap_or(line));
    match secret.problem() {
        Some(what) => Err(invalid(&format!("{what}; write the credential on one line and nothing else"))),
        None => Ok(secret),
    }
}

/// Returns a warning if other users of this machine can access a file with a credential. On systems other
/// than Unix it returns `None`.
pub fn secret_file_warning(path: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.permissions().mode();
        (mode & 0o077 != 0).then(|| {
            let path = path.display();
            format!(
                "{path} contains a credential and other users can access it (mode {:03o}); run `chmod 600 {path}`",
                mode & 0o777
            )
        })
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, content).unwrap();
        match read_secret_file(&path, "auth.simple_key_file") {
            Ok(secret) => Ok(secret.expose().to_owned()),
            Err(error) => Err(error.to_string().replace(&path.display().to_string(), "KEY")),
        }
    }

    #[test]
    fn secret_file_line_ending_is_removed() {
        for content in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            assert_eq!(read(content.as_bytes()).as_deref(), Ok("s3cret"));
        }
    }

    #[test]
    fn invalid_secret_file_is_not_shown() {
        let contents: [&[u8]; 7] =
            [b"", b"\n", b"s3cret\n\n", b"s3\ncret", b"s3cret \n", "s3cr\u{e9}t".as_bytes(), b"s3\xffcret"];
        let messages: Vec<String> = contents.map(|content| read(content).unwrap_err()).into();
        insta::assert_snapshot!(messages.join("\n"), @r"
        the file KEY (`auth.simple_key_file`) is empty; write the credential on one line and nothing else
        the file KEY (`auth.simple_key_file`) is empty; write the credential on one line and nothing else
        the file KEY (`auth.simple_key_file`) contains a line break; write the credential on one line and nothing else
        the file KEY (`auth.simple_key_file`) contains a line break; write the credential on one line and nothing else
        the file KEY (`auth.simple_key_file`) contains a space or control character; write the credential on one line and nothing else
        the file KEY (`auth.simple_key_file`) contains a non-ASCII character; write the credential on one line and nothing else
        the file KEY (`auth.simple_key_file`) contains a non-ASCII character
        ");
        assert!(!messages.concat().contains("s3"));
    }

    #[test]
    fn unreadable_secret_file_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let message = |path: &Path| {
            let error = read_secret_file(path, "auth.simple_key_file").unwrap_err();
            assert!(std::error::Error::source(&error).is_some());
            error.to_string().replace(&folder.path().display().to_string(), "FOLDER")
        };
        let messages = [
            message(folder.path()),
            message(&folder.path().join("none")),
            message(&folder.path().join("~/key")),
        ];
        insta::assert_snapshot!(messages.join("\n"), @r"
        the file FOLDER (`auth.simple_key_file`) cannot be read: Is a directory (os error 21)
        the file FOLDER/none (`auth.simple_key_file`) cannot be read: No such file or directory (os error 2)
        the file FOLDER/~/key (`auth.simple_key_file`) cannot be read: No such file or directory (os error 2); `~` is not expanded: write the full path
        ");
    }

    #[cfg(unix)]
    #[test]
    fn accessible_secret_file_has_a_warning() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "s3cret").unwrap();
        for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o620, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let warning = secret_file_warning(&path);
            assert_eq!(warning.is_some(), warned, "{mode:o}");
            assert!(!warning.unwrap_or_default().contains("s3cret"));
        }
    }
}
