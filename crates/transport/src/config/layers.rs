//! Loads the configuration from layers: a file, environment variables and flags.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Map, Num, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::check::{Settings, problems};
use super::environment::{self, TextSetting};
use super::error::{ConfigError, Problem};
use super::loaded::Loaded;
use super::origin::Origin;
use super::{auth, extract};

/// Loads settings from a file, environment variables and flags. Environment variables override the file, and
/// flags override both.
///
/// ```
/// use ultracart_transport::config::{Layers, Origin, Transport};
///
/// let loaded = Layers::new()
///     .env([("ULTRACART_LIMITER__SPARE", "10")])
///     .set("api.base_url", "http://127.0.0.1:8080/rest/v2", Origin::Flag("--base-url".to_owned()))
///     .load::<Transport>()?;
/// assert_eq!(loaded.config.limiter.spare, 10);
///
/// let error = Layers::new().env([("ULTRACART_LIMITER__SPAER", "10")]).load::<Transport>().unwrap_err();
/// assert!(error.to_string().ends_with("did you mean ULTRACART_LIMITER__SPARE?"), "{error}");
/// # Ok::<(), ultracart_transport::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "the settings are only read by `load`"]
pub struct Layers {
    file: Option<PathBuf>,
    variables: Vec<(OsString, OsString)>,
    set: Vec<TextSetting>,
}

impl Layers {
    /// Returns layers that contain only the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the TOML file to read, which must exist. Paths in the settings of the file may be relative to the
    /// folder of the file.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Adds environment variables, which override the file. Pass [`std::env::vars_os`] for those of the
    /// process. Variables that do not start with `ULTRACART_` are ignored.
    pub fn env<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.variables.extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        // Sorted, so that messages have a stable order.
        self.variables.sort();
        self
    }

    /// Adds one setting, such as the value of a command line flag. It overrides environment variables. Write
    /// `value` as in an environment variable.
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>, origin: Origin) -> Self {
        self.set.push(TextSetting { key: key.into(), text: value.into(), origin });
        self
    }

    /// Reads the layers and checks the settings.
    ///
    /// # Errors
    /// If the file cannot be read or is not valid TOML, a setting is unknown, or a value is invalid. The
    /// error lists all problems.
    pub fn load<C: Settings>(self) -> Result<Loaded<C>, ConfigError> {
        let defaults = extract::defaults::<C>();
        let known = extract::keys(&defaults);
        let mut found = Vec::new();

        let mut layers: Vec<Layer> = Vec::new();
        if let Some(path) = self.file {
            match read(&path) {
                Ok(dict) => layers.push(Layer { dict, origin: Origin::File(path) }),
                Err(problem) => found.push(problem),
            }
        }
        let environment = environment::settings(&self.variables, &known, &mut found);
        for group in [environment, self.set] {
            let group: Vec<Layer> =
                group.into_iter().map(|setting| Layer::from_setting(setting, &defaults)).collect();
            for upper in &group {
                for lower in &mut layers {
                    auth::remove_replaced(&mut lower.dict, &upper.dict);
                }
            }
            layers.extend(group);
        }
        let figment = layers.into_iter().fold(Figment::new(), Figment::merge);
        let dict = figment.data().unwrap_or_default().remove(&Profile::Default).unwrap_or_default();

        let (config, mut invalid) = extract::extract::<C>(&dict, &defaults, &known);
        let not_allowed = problems(&config).into_iter().filter(|problem| {
            let failed = |key: &str| invalid.iter().any(|other| other.key.starts_with(key));
            !failed(&problem.key) && !problem.with.is_some_and(failed)
        });
        let not_allowed: Vec<Problem> = not_allowed.collect();
        invalid.extend(not_allowed);
        let origin = |key: &str| {
            let tag = extract::find(&dict, key).map(|value| extract::leaf(value).tag());
            tag.map_or(Origin::Default, |tag| Origin::from_metadata(figment.get_metadata(tag)))
        };
        for problem in &mut invalid {
            let origin = origin(&problem.key);
            extract::adapt_suggestion(&origin, problem, &known);
            let is_set = origin != Origin::Default || extract::find(&defaults, &problem.key).is_some();
            problem.origin = is_set.then_some(origin);
        }
        found.extend(invalid);
        if found.is_empty() { Ok(Loaded::new(config, origin)) } else { Err(ConfigError(found)) }
    }
}

/// The settings of one origin.
struct Layer {
    dict: Dict,
    origin: Origin,
}

impl Layer {
    fn from_setting(setting: TextSetting, defaults: &Dict) -> Self {
        let value = typed(setting.text, extract::find(defaults, &setting.key));
        let mut parts = setting.key.rsplit('.');
        let last = parts.next().unwrap_or_default().to_owned();
        let innermost = Dict::from([(last, value)]);
        let dict = parts.fold(innermost, |dict, part| Dict::from([(part.to_owned(), dict.into())]));
        Self { dict, origin: setting.origin }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.origin.to_metadata()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.dict.clone())]))
    }
}

/// Parses the text of a setting into the type of its default. A text that is not of this type stays a string.
/// It is reported later, as an invalid value. A setting without a default also stays a string, so that a
/// simple key can consist of digits.
fn typed(text: String, default: Option<&Value>) -> Value {
    let number = || text.parse().ok().map(|n: u64| Value::Num(Tag::Default, Num::U64(n)));
    let parsed = match default {
        Some(Value::Num(..)) => number(),
        Some(Value::Bool(..)) => text.parse().ok().map(|b: bool| b.into()),
        Some(Value::Array(..) | Value::Dict(..)) => {
            let parsed: Result<Dict, _> = Toml::from_str(&format!("value = {text}"));
            parsed.ok().filter(|dict| dict.len() == 1).and_then(|mut dict| dict.remove("value"))
        }
        _ => None,
    };
    parsed.unwrap_or_else(|| text.into())
}

fn read(path: &Path) -> Result<Dict, Problem> {
    let problem = |what: String, help: &str| Problem {
        key: String::new(),
        what: format!("the configuration file {} {what}", path.display()),
        origin: None,
        help: help.to_owned(),
        with: None,
    };
    let text =
        std::fs::read_to_string(path).map_err(|error| problem(format!("cannot be read: {error}"), ""))?;
    // The error's own text shows the line, which may contain a credential.
    let mut dict: Dict = Toml::from_str(&text).map_err(|error| {
        let place = error.span().map_or_else(String::new, |span| {
            let before = text.get(..span.start).unwrap_or_default();
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!(", line {}, column {column}", before.matches('\n').count() + 1)
        });
        let why = error.message().lines().collect::<Vec<_>>().join(", ");
        problem(format!("is not valid TOML{place}: {why}"), "write strings and durations in quotes")
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for key in ["auth.simple_key_file", "auth.oauth.refresh_token_file"] {
        if let Some(Value::String(_, file)) = extract::find_mut(&mut dict, key) {
            *file = folder.join(&*file).to_string_lossy().into_owned();
        }
    }
    Ok(dict)
}
