//! From what the layers say to settings with types, and to everything that is wrong at once.

use figment::error::Kind;
use figment::value::{Dict, Tag, Value};

use super::auth::is_hidden;
use super::check::{Settings, takes};
use super::environment::name_of;
use super::error::Problem;
use super::origin::Origin;
use super::suggest::{list, nearest, nearest_key};

/// The defaults of every section. A setting that is not set by default is there too, and empty.
pub(super) fn defaults<C: Settings>() -> Dict {
    Value::serialize(C::default()).ok().and_then(Value::into_dict).unwrap_or_default()
}

/// Every key of the defaults.
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

/// The value at a key; that of the whole list for a key in a list.
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

/// A value that is no table: the layers below share tables, so only what is in them has one origin.
pub(super) fn leaf(value: &Value) -> &Value {
    match value {
        Value::Dict(_, dict) => dict.values().next().map_or(value, leaf),
        _ => value,
    }
}

/// The settings, with defaults in the place of what is wrong.
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

/// Takes the value at a path away; of a list all of it.
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
        Kind::UnknownField(_, expected) => {
            let what = if error.path.len() == 1 { "is no section" } else { "is no setting" };
            let help = suggestion(&error.path, expected, known);
            problem(key, what.to_owned(), help)
        }
        Kind::MissingField(name) => {
            let key = format!("{key}.{name}");
            let help = takes(C::allowed, &key);
            problem(key, "is missing".to_owned(), help)
        }
        kind => {
            let value = at(dict, &error.path);
            let what = match value {
                Some(value) if is_hidden(&key) => format!("is {}", type_of(value)),
                Some(value) => format!("is {}", shown(value)),
                None => "cannot be read".to_owned(),
            };
            let help = match (takes(C::allowed, &key), find(defaults, &key)) {
                (help, _) if !help.is_empty() => help,
                (_, Some(Value::Dict(..))) => {
                    format!("it takes settings of its own: `[{key}]` and then `key = value`")
                }
                _ if is_hidden(&key) => String::new(),
                _ => kind.to_string(),
            };
            problem(key, what, help)
        }
    }
}

/// Names the nearest setting the way it would be written where the mistake was made.
pub(super) fn in_words_of(origin: &Origin, problem: &mut Problem, known: &[String]) {
    if !matches!(origin, Origin::Environment(_)) {
        return;
    }
    if let Some(near) = problem.help.strip_prefix("did you mean `").and_then(|help| help.strip_suffix("`?")) {
        let whole = known.iter().any(|key| key == near) || near.contains('.');
        problem.help = if whole {
            format!("did you mean {}?", name_of(near))
        } else {
            format!("did you mean {}__…?", name_of(near))
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

/// `limiter.windows[0].calls`
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

fn at<'a>(dict: &'a Dict, path: &[String]) -> Option<&'a Value> {
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

fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    match value {
        Value::String(_, text) if text.chars().count() > LONGEST => {
            format!("{:?}…", text.chars().take(LONGEST).collect::<String>())
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
        Value::String(..) | Value::Char(..) => "a text",
        Value::Bool(..) => "a bool",
        Value::Num(..) => "a number",
        Value::Empty(..) => "nothing",
        // So the TOML reader says it.
        Value::Dict(_, dict) if dict.contains_key("$__toml_private_datetime") => "a date without quotes",
        Value::Dict(..) => "a table",
        Value::Array(..) => "a list",
    }
}
