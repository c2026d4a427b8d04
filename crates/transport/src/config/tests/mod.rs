//! Tests of loading: the messages for invalid settings, and the precedence of the layers.

mod credentials;
mod layers;
mod messages;

use std::path::PathBuf;

use super::*;

/// Layers to load, with a temporary folder for the file.
struct Case {
    folder: tempfile::TempDir,
    layers: Layers,
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), layers: Layers::new() }
    }

    fn file(mut self, toml: &str) -> Self {
        let path = self.path();
        std::fs::write(&path, toml).unwrap();
        self.layers = self.layers.file(path);
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.layers = self.layers.env([(name, value)]);
        self
    }

    fn flag(mut self, key: &str, value: &str, flag: &str) -> Self {
        self.layers = self.layers.set(key, value, Origin::Flag(flag.to_owned()));
        self
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    fn load(&self) -> Result<Loaded<Transport>, ConfigError> {
        self.layers.clone().load()
    }

    /// Loads the layers and returns the problems, one a line.
    fn problems(&self) -> String {
        let error = self.load().unwrap_err();
        let lines: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
        lines.join("\n").replace(&format!("{}/", self.folder.path().display()), "")
    }
}

/// The problems of a configuration file.
fn file_problems(toml: &str) -> String {
    Case::new().file(toml).problems()
}

/// The problems of an environment variable.
fn env_problems(name: &str, value: &str) -> String {
    Case::new().env(name, value).problems()
}
