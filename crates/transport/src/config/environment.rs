//! Settings from environment variables.
//!
//! `ULTRACART_LIMITER__MAX_CONCURRENCY` sets `limiter.max_concurrency`: two underscores stand for a dot. The
//! two most common settings have short names, `ULTRACART_SIMPLE_KEY` and `ULTRACART_BASE_URL`. Only the
//! command line program reads `ULTRACART_CONFIG`, the path of the configuration file.

use std::ffi::{OsStr, OsString};

use super::error::Problem;
use super::origin::Origin;
use super::suggest::nearest_key;

const PREFIX: &str = "ULTRACART_";
const SHORT: [(&str, &str); 2] = [("SIMPLE_KEY", "auth.simple_key"), ("BASE_URL", "api.base_url")];
const CONFIG: &str = "CONFIG";

/// A setting as text, before it is parsed to its type.
#[derive(Clone, Debug)]
pub(super) struct TextSetting {
    pub(super) key: String,
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Returns the settings in these environment variables, and adds a problem for each invalid variable. `known`
/// contains the keys of all settings.
pub(super) fn settings(
    variables: &[(OsString, OsString)],
    known: &[String],
    problems: &mut Vec<Problem>,
) -> Vec<TextSetting> {
    let mut settings: Vec<TextSetting> = Vec::new();
    for (name, value) in variables {
        let Some((name, rest)) = strip_prefix(name) else { continue };
        let origin = Origin::Environment(name.to_owned());
        let key = match SHORT.iter().find(|(short, _)| *short == rest) {
            Some((_, key)) => (*key).to_owned(),
            None if rest == CONFIG => continue,
            None if rest.contains("__") => rest.to_ascii_lowercase().replace("__", "."),
            None => {
                problems.extend(misspelled(name, rest, known));
                continue;
            }
        };
        let mut problem = |what: String, help: &str| {
            let (key, origin) = (String::new(), None);
            problems.push(Problem { key, what, origin, help: help.to_owned(), with: None });
        };
        if let Some(other) = settings.iter().find(|setting| setting.key == key) {
            problem(
                format!("{name} and {} set the same key", variable_name(&other.origin)),
                "unset one of them",
            );
            continue;
        }
        match value.to_str() {
            Some(text) => settings.push(TextSetting { key, text: text.to_owned(), origin }),
            None => problem(format!("the environment variable {name} is not UTF-8"), "set it to UTF-8 text"),
        }
    }
    settings
}

/// Returns the environment variable of a key.
pub(super) fn variable_of(key: &str) -> String {
    match SHORT.iter().find(|(_, long)| *long == key) {
        Some((short, _)) => format!("{PREFIX}{short}"),
        None => format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__")),
    }
}

/// Returns the whole name and the part after the prefix, if the variable has the prefix.
fn strip_prefix(name: &OsStr) -> Option<(&str, &str)> {
    let name = name.to_str()?;
    Some((name, name.strip_prefix(PREFIX)?))
}

fn variable_name(origin: &Origin) -> &str {
    match origin {
        Origin::Environment(name) | Origin::Flag(name) => name,
        Origin::Default | Origin::File(_) => "another",
    }
}

/// Returns a problem if the variable looks like a misspelled setting. Other variables belong to other
/// programs.
fn misspelled(name: &str, rest: &str, known: &[String]) -> Option<Problem> {
    let names_section = || {
        let first = rest.split('_').next().unwrap_or(rest).to_ascii_lowercase();
        known.iter().any(|key| key.split('.').next() == Some(first.as_str()))
    };
    let near_short = || super::suggest::nearest(rest, SHORT.map(|(short, _)| short));
    let near = nearest_key(rest, known)
        .map(variable_of)
        .or_else(|| near_short().map(|short| format!("{PREFIX}{short}")));
    let help = match near {
        Some(near) => format!("did you mean {near}?"),
        None if names_section() && rest.ends_with("_KEY") => "did you mean ULTRACART_SIMPLE_KEY?".to_owned(),
        None if names_section() => {
            format!("write two underscores between section and key, as in {PREFIX}LIMITER__SPARE")
        }
        None => return None,
    };
    let what = format!("the environment variable {name} is not a setting");
    Some(Problem { key: String::new(), what, origin: None, help, with: None })
}
