//! Loaded settings with their origins.

use serde::Serialize;
use serde_json::Value;

use super::auth;
use super::check::Settings;
use super::origin::Origin;
use super::secret_file::secret_file_warning;

/// The result of [`Layers::load`](super::Layers::load): the settings, their origins and warnings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded<C> {
    /// The settings.
    pub config: C,
    /// Every setting with its origin, ordered by key.
    pub settings: Vec<Setting>,
    /// Warnings about files that contain a credential. There is one line for each such file that other users
    /// of this machine can access.
    pub warnings: Vec<String>,
}

/// A setting with its value and origin, for display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Setting {
    /// Key of the setting, such as `limiter.spare`.
    pub key: String,
    /// Value of the setting; `(hidden)` for a credential.
    pub value: Value,
    /// Origin of the value.
    pub origin: Origin,
}

impl Setting {
    /// Returns the value as it is written in a TOML file; empty if the setting has no value.
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
        (Value::String(_), Origin::File(path)) if auth::is_secret(&setting.key) => secret_file_warning(path),
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
        // Strings, numbers and booleans are written alike in JSON and TOML.
        other => other.to_string(),
    }
}
