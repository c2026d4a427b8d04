//! Files that hold one credential.

use std::path::Path;

use super::secret::Secret;
use crate::error::{Error, ErrorKind};

/// The secret that a file holds, without the one line end behind it. `key` is where the file was configured.
///
/// # Errors
/// If the file cannot be read, or holds anything but one line of visible ASCII characters. The message never shows
/// what the file holds.
pub fn read_secret_file(path: &Path, key: &str) -> Result<Secret, Error> {
    let place = format!("the file {} (`{key}`)", path.display());
    let invalid = |what: &str| Error::new(ErrorKind::InvalidConfig, format!("{place} {what}"));
    let bytes = std::fs::read(path).map_err(|error| {
        let tilde = if path.iter().any(|part| part == "~") {
            "; `~` is not replaced here: write the whole path"
        } else {
            ""
        };
        invalid(&format!("cannot be read: {error}{tilde}")).with_source(error)
    })?;
    let text = String::from_utf8(bytes).map_err(|_| invalid("has a character outside ASCII in it"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let secret = Secret::from(line.strip_suffix('\r').unwrap_or(line));
    match secret.problem() {
        Some(what) => Err(invalid(&format!("{what}: it has to be the key on one line and nothing else"))),
        None => Ok(secret),
    }
}

/// What to say if others on this machine can get at a file that holds a credential, as far as this system tells.
pub fn secret_file_warning(path: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.permissions().mode();
        (mode & 0o077 != 0).then(|| {
            let path = path.display();
            format!(
                "{path} holds a credential and has mode {:03o}: others can get at it (chmod 600 {path})",
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
    fn one_line_end_is_no_part_of_the_secret() {
        for content in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            assert_eq!(read(content.as_bytes()).as_deref(), Ok("s3cret"));
        }
    }

    #[test]
    fn what_is_no_secret_is_described_and_not_shown() {
        let contents: [&[u8]; 7] =
            [b"", b"\n", b"s3cret\n\n", b"s3\ncret", b"s3cret \n", "s3cr\u{e9}t".as_bytes(), b"s3\xffcret"];
        let messages: Vec<String> = contents.map(|content| read(content).unwrap_err()).into();
        insta::assert_snapshot!(messages.join("\n"), @r"
        the file KEY (`auth.simple_key_file`) is empty: it has to be the key on one line and nothing else
        the file KEY (`auth.simple_key_file`) is empty: it has to be the key on one line and nothing else
        the file KEY (`auth.simple_key_file`) has a line break in it: it has to be the key on one line and nothing else
        the file KEY (`auth.simple_key_file`) has a line break in it: it has to be the key on one line and nothing else
        the file KEY (`auth.simple_key_file`) has a space or a control character in it: it has to be the key on one line and nothing else
        the file KEY (`auth.simple_key_file`) has a character outside ASCII in it: it has to be the key on one line and nothing else
        the file KEY (`auth.simple_key_file`) has a character outside ASCII in it
        ");
        assert!(!messages.concat().contains("s3"));
    }

    #[test]
    fn a_file_that_cannot_be_read_says_why() {
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
        the file FOLDER/~/key (`auth.simple_key_file`) cannot be read: No such file or directory (os error 2); `~` is not replaced here: write the whole path
        ");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_warned_of() {
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
