//! What is read from files and from stdin.

use std::io::{self, Read as _};
use std::path::Path;

use serde_json::Value;
use ultracart_model::{NewPassword, User};

use crate::failure::Failure;

/// Objects that can come as JSON.
pub(crate) trait Object: serde::de::DeserializeOwned {
    const WHAT: &'static str;

    /// Takes in what is sent and never read from an answer.
    fn take_secrets(&mut self, _from: &Value) {}
}

impl Object for User {
    const WHAT: &'static str = "user";

    fn take_secrets(&mut self, from: &Value) {
        let secret = |name: &str| from.get(name).and_then(Value::as_str).map(NewPassword::from);
        self.change_password_to = secret("change_password_to");
        self.change_ftp_password_to = secret("change_ftp_password_to");
    }
}

impl Object for ultracart_model::Group {
    const WHAT: &'static str = "group";
}

/// The object in a file of JSON; `-` is stdin.
pub(crate) fn object<T: Object>(path: &Path) -> Result<T, Failure> {
    let text = read(path)?;
    // The parser's error shows a place and no content.
    let invalid = |error: serde_json::Error| {
        Failure::usage(format!("{} holds no {} in JSON", name(path), T::WHAT))
            .why(error.to_string())
            .help(format!("`ultracart {}s get ID --format json` shows what one looks like", T::WHAT))
    };
    let mut object: T = serde_json::from_str(&text).map_err(invalid)?;
    object.take_secrets(&serde_json::from_str(&text).map_err(invalid)?);
    Ok(object)
}

/// The password in a file, without the line end behind it; `-` is stdin.
pub(crate) fn password(path: &Path) -> Result<NewPassword, Failure> {
    let text = read(path)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let problem = if line.is_empty() {
        "is empty"
    } else if line.chars().any(char::is_control) {
        "has a line break or a control character in it"
    } else {
        return Ok(line.into());
    };
    Err(Failure::usage(format!("{} holds no password", name(path)))
        .why(format!("it {problem}"))
        .help("it has to be the password on one line and nothing else"))
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
    fn a_password_in_the_object_is_taken_though_no_answer_is_read_so() {
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
    fn one_line_end_is_no_part_of_a_password() {
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
