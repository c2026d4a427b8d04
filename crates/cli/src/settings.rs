//! The configuration, loaded from the file, the environment and the flags.

use std::ffi::OsString;
use std::path::PathBuf;

use etcetera::BaseStrategy as _;
use ultracart_client::Config;
use ultracart_client::config::{Layers, Loaded, Origin};

use crate::failure::Failure;
use crate::global::Global;
use crate::notes::Notes;

/// Loads the configuration and writes its warnings to stderr.
pub(crate) fn load(global: &Global, notes: Notes) -> Result<Loaded<Config>, Failure> {
    let loaded = load_layers(layers(global, std::env::vars_os()))?;
    for warning in &loaded.warnings {
        notes.warning(warning);
    }
    Ok(loaded)
}

/// Loads the configuration for `audit --demo`. The flag `--base-url`, and environment variables that set
/// `[auth]` or `[api]`, are ignored.
pub(crate) fn load_for_demo(global: &Global) -> Result<Loaded<Config>, Failure> {
    let account = ["ULTRACART_SIMPLE_KEY", "ULTRACART_BASE_URL", "ULTRACART_AUTH__", "ULTRACART_API__"];
    let variables = std::env::vars_os().filter(|(name, _)| {
        !name.to_str().is_some_and(|name| account.iter().any(|prefix| name.starts_with(prefix)))
    });
    load_layers(layers(&Global { base_url: None, config: global.config.clone(), ..*global }, variables))
}

/// Returns the path of the default configuration file, which may not exist. It is read if neither a flag nor
/// the environment names a file. `None` if the home folder is unknown.
pub(crate) fn default_file() -> Option<PathBuf> {
    let folder = etcetera::choose_base_strategy().ok()?.config_dir();
    Some(folder.join("ultracart").join("config.toml"))
}

fn layers(global: &Global, variables: impl Iterator<Item = (OsString, OsString)>) -> Layers {
    let mut layers = Layers::new().env(variables);
    if let Some(file) = global.config.clone().or_else(|| default_file().filter(|file| file.exists())) {
        layers = layers.file(file);
    }
    if let Some(url) = &global.base_url {
        layers = layers.set("api.base_url", url, Origin::Flag("--base-url".to_owned()));
    }
    if global.no_cache {
        for key in ["cache.users.ttl", "cache.groups.ttl", "cache.logins.ttl"] {
            layers = layers.set(key, "0s", Origin::Flag("--no-cache".to_owned()));
        }
    }
    layers
}

fn load_layers(layers: Layers) -> Result<Loaded<Config>, Failure> {
    layers.load().map_err(|error| {
        let failure = Failure::usage("the configuration cannot be loaded");
        let failure =
            error.problems().iter().fold(failure, |failure, problem| failure.why(problem.to_string()));
        failure.help("correct the file, variable or flag named above; no call was made")
    })
}
