//! Extracts typed settings from the merged layers, and collects all problems at once.

use figment::error::Kind;
use figment::value::{Dict, Tag, Value};

use super::auth::is_secret;
use super::check::{Settings, expected};
use super::environment::variable_of;
use super::error::Problem;
use super::origin::Origin;
use super::suggest::{list, nearest, nearest_key};

/// Returns the defaults of every section. A setting without a default is an empty value.
pub(super) fn defaults<C: Settings>() -> Dict {
    Value::serialize(C::default()).ok().and_then(Value::into_dict).unwrap_or_default()
}

/// Returns every key of the defaults.
pub(super) fn keys(defaults: &Dict) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, value) in defaults {
        match value {
            Value::Dict(_, inner) => keys.extend(self::keys(inner).iter().map(|key| format!("{name}.{key}"))),
            _ => keys.push(name.clone()),
        }
    }
    keys
}

/// Returns the value of a key. For a key in a list it returns the whole list.
pub(super) fn find<'a>(dict: &'a Dict, key: &str) -> Option<&'a Value> {
    let key = key.split('[').next().unwrap_or(key);
    match key.split_once('.') {
        None => dict.get(key),
        Some((section, key)) => match dict.get(section)? {
            Value::Dict(_, inner) => find(inner, key),
            _ => None,
        },
    }
}

pub(super) fn find_mut<'a>(dict: &'a mut Dict, key: &str) -> Option<&'a mut Value> {
    match key.split_once('.') {
        None => dict.get_mut(key),
        Some((section, key)) => match dict.get_mut(section)? {
            Value::Dict(_, inner) => find_mut(inner, key),
            _ => None,
        },
    }
}

/// Returns the value itself or, if it is a table, the first value inside. Tables are merged from several
/// layers, so only the values inside have an origin.
pub(super) fn leaf(value: &Value) -> &Value {
    match value {
        Value::Dict(_, dict) => dict.values().next().map_or(value, leaf),
        _ => value,
    }
}

/// Returns the settings and the problems. Each invalid value is replaced by the default.
pub(super) fn extract<C: Settings>(dict: &Dict, defaults: &Dict, known: &[String]) -> (C, Vec<Problem>) {
    let mut value = Value::Dict(Tag::Default, dict.clone());
    let mut problems = Vec::new();
    loop {
        let error = match value.deserialize::<C>() {
            Ok(config) => return (config, problems),
            Err(error) => error,
        };
        problems.push(describe::<C>(&error, dict, defaults, known));
        if !remove(&mut value, &error.path) {
            return (C::default(), problems);
        }
    }
}

/// Removes the value at a path. If the path leads into a list, removes the whole list. Returns whether a
/// value was removed.
fn remove(value: &mut Value, path: &[String]) -> bool {
    let (Value::Dict(_, dict), [first, rest @ ..]) = (value, path) else { return false };
    match dict.get_mut(first) {
        Some(inner @ Value::Dict(..)) if !rest.is_empty() => remove(inner, rest),
        _ => dict.remove(first).is_some(),
    }
}

fn describe<C: Settings>(error: &figment::Error, dict: &Dict, defaults: &Dict, known: &[String]) -> Problem {
    let key = key(&error.path);
    let problem =
        |key: String, what: String, help: String| Problem { key, what, origin: None, help, with: None };
    match &error.kind {
        Kind::UnknownField(_, names) => {
            let what = if error.path.len() == 1 { "is not a section" } else { "is not a setting" };
            let help = suggestion(&error.path, names, known);
            problem(key, what.to_owned(), help)
        }
        Kind::MissingField(name) => {
            let key = format!("{key}.{name}");
            let help = expected(C::allowed, &key);
            problem(key, "is missing".to_owned(), help)
        }
        kind => {
            let value = find_path(dict, &error.path);
            let what = match value {
                Some(value) if is_secret(&key) => format!("is {}", type_of(value)),
                Some(value) => format!("is {}", display(value)),
                None => "cannot be read".to_owned(),
            };
            let help = match (expected(C::allowed, &key), find(defaults, &key)) {
                (help, _) if !help.is_empty() => help,
                (_, Some(Value::Dict(..))) => {
                    format!("expected a table: `[{key}]` and then `key = value`")
                }
                _ if is_secret(&key) => String::new(),
                _ => kind.to_string(),
            };
            problem(key, what, help)
        }
    }
}

/// Rewrites a suggested key as an environment variable, if the invalid setting comes from one.
pub(super) fn adapt_suggestion(origin: &Origin, problem: &mut Problem, known: &[String]) {
    if !matches!(origin, Origin::Environment(_)) {
        return;
    }
    if let Some(near) = problem.help.strip_prefix("did you mean `").and_then(|help| help.strip_suffix("`?")) {
        let whole = known.iter().any(|key| key == near) || near.contains('.');
        problem.help = if whole {
            format!("did you mean {}?", variable_of(near))
        } else {
            format!("did you mean {}__…?", variable_of(near))
        };
    }
}

fn suggestion(path: &[String], expected: &[&str], known: &[String]) -> String {
    let Some((last, section)) = path.split_last() else { return String::new() };
    let section = key(section);
    let below = |name: &str| if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
    let near = nearest(last, expected.iter().copied())
        .map(below)
        .or_else(|| nearest_key(&key(path), known).map(str::to_owned));
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if section.is_empty() => format!("the sections are {}", list(expected)),
        None => format!("`{section}` has {}", list(expected)),
    }
}

/// Formats a path as a key, such as `limiter.windows[0].calls`.
fn key(path: &[String]) -> String {
    let mut key = String::new();
    for part in path {
        if part.bytes().all(|byte| byte.is_ascii_digit()) && !key.is_empty() {
            key.extend(["[", part, "]"]);
        } else {
            key.extend([if key.is_empty() { "" } else { "." }, part]);
        }
    }
    key
}

fn find_path<'a>(dict: &'a Dict, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let mut value = dict.get(first)?;
    for part in rest {
        value = match value {
            Value::Dict(_, dict) => dict.get(part)?,
            Value::Array(_, list) => list.get(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

fn display(value: &Value) -> String {
    const MAX_CHARS: usize = 60;
    match value {
        Value::String(_, text) if text.chars().count() > MAX_CHARS => {
            format!("{:?}…", text.chars().take(MAX_CHARS).collect::<String>())
        }
        Value::String(_, text) => format!("{text:?}"),
        Value::Bool(_, value) => value.to_string(),
        Value::Num(..) => value
            .to_i128()
            .map(|n| n.to_string())
            .or_else(|| value.to_u128().map(|n| n.to_string()))
            .or_else(|| value.to_f64().map(|n| n.to_string()))
            .unwrap_or_else(|| type_of(value).to_owned()),
        _ => type_of(value).to_owned(),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::String(..) | Value::Char(..) => "a string",
        Value::Bool(..) => "a boolean",
        Value::Num(..) => "a number",
        Value::Empty(..) => "nothing",
        // The key that the TOML parser uses for a date.
        Value::Dict(_, dict) if dict.contains_key("$__toml_private_datetime") => "a date without quotes",
        Value::Dict(..) => "a table",
        Value::Array(..) => "a list",
    }
}
