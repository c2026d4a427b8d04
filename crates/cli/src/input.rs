//! Users, groups and passwords from files and from stdin.

use std::io::{self, Read as _};
use std::path::Path;

use serde_json::Value;
use ultracart_model::{NewPassword, User};

use crate::failure::Failure;

/// An object that can be read from a JSON file.
pub(crate) trait Object: serde::de::DeserializeOwned {
    /// The name of the type in messages, such as `user`.
    const WHAT: &'static str;

    /// Copies the passwords from `json`, since deserializing skips them. Deserializing is meant for
    /// responses, and no response contains a password.
    fn set_passwords(&mut self, _json: &Value) {}
}

impl Object for User {
    const WHAT: &'static str = "user";

    fn set_passwords(&mut self, json: &Value) {
        let password = |name: &str| json.get(name).and_then(Value::as_str).map(NewPassword::from);
        self.change_password_to = password("change_password_to");
        self.change_ftp_password_to = password("change_ftp_password_to");
    }
}

impl Object for ultracart_model::Group {
    const WHAT: &'static str = "group";
}

/// Reads an object from a JSON file; `-` is stdin.
pub(crate) fn object<T: Object>(path: &Path) -> Result<T, Failure> {
    let text = read(path)?;
    // The parser's error names a position and quotes no content, which may hold a password.
    let invalid = |error: serde_json::Error| {
        Failure::usage(format!("{} holds no valid {} in JSON", name(path), T::WHAT))
            .why(error.to_string())
            .help(format!("`ultracart {}s get ID --format json` shows the format", T::WHAT))
    };
    let mut object: T = serde_json::from_str(&text).map_err(invalid)?;
    object.set_passwords(&serde_json::from_str(&text).map_err(invalid)?);
    Ok(object)
}

/// Reads a password from a file, without the line break at its end; `-` is stdin.
pub(crate) fn password(path: &Path) -> Result<NewPassword, Failure> {
    let text = read(path)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let problem = if line.is_empty() {
        "is empty"
    } else if line.chars().any(char::is_control) {
        "has a line break or a control character within the password"
    } else {
        return Ok(line.into());
    };
    Err(Failure::usage(format!("{} holds no valid password", name(path)))
        .why(format!("{} {problem}", name(path)))
        .help("write the password on one line and nothing else"))
}

fn read(path: &Path) -> Result<String, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| Failure::usage(format!("{} cannot be read", name(path))).why(error.to_string()))
}

fn name(path: &Path) -> String {
    if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_with_passwords_keeps_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("user.json");
        std::fs::write(
            &path,
            r#"{"login": "ada", "change_password_to": "a", "change_ftp_password_to": "b"}"#,
        )
        .unwrap();
        let user: User = object(&path).map_err(|failure| failure.what).unwrap();
        assert_eq!(user, User::new().login("ada").change_password_to("a").change_ftp_password_to("b"));
    }

    #[test]
    fn password_loses_one_line_break_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        for (content, expected) in
            [("pass wörd\n", Some("pass wörd")), ("p\r\n", Some("p")), ("\n", None), ("a\nb", None)]
        {
            std::fs::write(&path, content).unwrap();
            assert_eq!(password(&path).ok().as_ref().map(NewPassword::expose), expected, "{content:?}");
        }
    }
}
