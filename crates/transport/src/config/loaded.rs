//! Settings, and where each comes from.

use serde::Serialize;
use serde_json::Value;

use super::auth;
use super::check::Settings;
use super::origin::Origin;
use super::secret_file::secret_file_warning;

/// What [`Layers::load`](super::Layers::load) read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded<C> {
    /// The settings.
    pub config: C,
    /// Every setting with its origin, by key.
    pub settings: Vec<Setting>,
    /// What is risky about how credentials are kept, a line each: files that other users of this machine can read.
    pub warnings: Vec<String>,
}

/// A setting, for people to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Setting {
    /// As in `limiter.spare`.
    pub key: String,
    /// Its value; a credential is not shown.
    pub value: Value,
    /// Where the value comes from.
    pub origin: Origin,
}

impl Setting {
    /// The value as it would be written in the file; empty if it is not set.
    pub fn as_toml(&self) -> String {
        toml(&self.value)
    }
}

impl<C: Settings> Loaded<C> {
    pub(super) fn new(config: C, origin: impl Fn(&str) -> Origin) -> Self {
        let mut settings = Vec::new();
        // Credentials serialize as "(hidden)".
        if let Ok(Value::Object(sections)) = serde_json::to_value(&config) {
            flatten("", &sections, &mut |key, value| {
                let origin = origin(&key);
                settings.push(Setting { key, value, origin });
            });
        }
        let warnings = settings.iter().filter_map(warning).collect();
        Self { config, settings, warnings }
    }
}

fn warning(setting: &Setting) -> Option<String> {
    match (&setting.value, &setting.origin) {
        (Value::String(_), Origin::File(path)) if auth::is_hidden(&setting.key) => secret_file_warning(path),
        (Value::String(path), _) if setting.key.starts_with("auth.") && setting.key.ends_with("_file") => {
            secret_file_warning(path.as_ref())
        }
        _ => None,
    }
}

fn flatten(prefix: &str, object: &serde_json::Map<String, Value>, each: &mut impl FnMut(String, Value)) {
    for (name, value) in object {
        let key = format!("{prefix}{name}");
        match value {
            Value::Object(inner) => flatten(&format!("{key}."), inner, each),
            value => each(key, value.clone()),
        }
    }
}

fn toml(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<String> =
                fields.map(|(name, value)| format!("{name} = {}", toml(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        // JSON's strings, numbers and bools are TOML's too.
        other => other.to_string(),
    }
}
