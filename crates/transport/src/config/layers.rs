//! What the layers say, one upon the other.

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

/// Puts a file, the environment and flags upon the defaults, in this order.
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
#[must_use = "it loads nothing until it is told to"]
pub struct Layers {
    file: Option<PathBuf>,
    variables: Vec<(OsString, OsString)>,
    set: Vec<TextSetting>,
}

impl Layers {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Upon them a TOML file, which has to be there. Paths in it are relative to its folder.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Upon that environment variables, [`std::env::vars_os`] as a rule. Those that do not begin with `ULTRACART_` are
    /// left alone.
    pub fn env<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.variables.extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        // In the process's environment they have no order, and messages shall have one.
        self.variables.sort();
        self
    }

    /// Upon that a single setting, written as in an environment variable.
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>, origin: Origin) -> Self {
        self.set.push(TextSetting { key: key.into(), text: value.into(), origin });
        self
    }

    /// Reads the layers.
    ///
    /// # Errors
    /// If a setting is unknown, or a value cannot be used. All that is wrong is reported at once.
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
            let group: Vec<Layer> = group.into_iter().map(|setting| Layer::of(setting, &defaults)).collect();
            for upper in &group {
                for lower in &mut layers {
                    auth::supersede(&mut lower.dict, &upper.dict);
                }
            }
            layers.extend(group);
        }
        let figment = layers.into_iter().fold(Figment::new(), Figment::merge);
        let dict = figment.data().unwrap_or_default().remove(&Profile::Default).unwrap_or_default();

        let (config, mut wrong) = extract::extract::<C>(&dict, &defaults, &known);
        let unusable = problems(&config).into_iter().filter(|problem| {
            let failed = |key: &str| wrong.iter().any(|other| other.key.starts_with(key));
            !failed(&problem.key) && !problem.with.is_some_and(failed)
        });
        let unusable: Vec<Problem> = unusable.collect();
        wrong.extend(unusable);
        let origin = |key: &str| {
            let tag = extract::find(&dict, key).map(|value| extract::leaf(value).tag());
            tag.map_or(Origin::Default, |tag| Origin::of(figment.get_metadata(tag)))
        };
        for problem in &mut wrong {
            let origin = origin(&problem.key);
            extract::in_words_of(&origin, problem, &known);
            let is_set = origin != Origin::Default || extract::find(&defaults, &problem.key).is_some();
            problem.origin = is_set.then_some(origin);
        }
        found.extend(wrong);
        if found.is_empty() { Ok(Loaded::new(config, origin)) } else { Err(ConfigError(found)) }
    }
}

/// Settings of one origin.
struct Layer {
    dict: Dict,
    origin: Origin,
}

impl Layer {
    fn of(setting: TextSetting, defaults: &Dict) -> Self {
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
        self.origin.metadata()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.dict.clone())]))
    }
}

/// A text as the type that the default has. What is none stays a text, and is reported as one: a key made of digits
/// is a text for the same reason.
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
    // The error's own text would show the line, and a credential may stand in it.
    let mut dict: Dict = Toml::from_str(&text).map_err(|error| {
        let place = error.span().map_or_else(String::new, |span| {
            let before = text.get(..span.start).unwrap_or_default();
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!(", line {}, column {column}", before.matches('\n').count() + 1)
        });
        let why = error.message().lines().collect::<Vec<_>>().join(", ");
        problem(format!("is no TOML{place}: {why}"), "texts and times stand in quotes")
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for key in ["auth.simple_key_file", "auth.oauth.refresh_token_file"] {
        if let Some(Value::String(_, file)) = extract::find_mut(&mut dict, key) {
            *file = folder.join(&*file).to_string_lossy().into_owned();
        }
    }
    Ok(dict)
}
