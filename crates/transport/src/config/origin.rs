//! The origin of a setting.

use std::fmt;
use std::path::PathBuf;

use figment::{Metadata, Source};
use serde::{Serialize, Serializer};

/// The origin of a setting's value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The default.
    Default,
    /// A configuration file, by path.
    File(PathBuf),
    /// An environment variable, by name.
    Environment(String),
    /// A command line flag, such as `--base-url`.
    Flag(String),
}

impl Origin {
    /// Converts the origin to figment's metadata, which accompanies each value.
    pub(super) fn to_metadata(&self) -> Metadata {
        match self {
            Self::Default => Metadata::named("default"),
            Self::File(path) => Metadata::from("file", path.as_path()),
            Self::Environment(name) => Metadata::from("environment", name.as_str()),
            Self::Flag(name) => Metadata::from("flag", name.as_str()),
        }
    }

    /// Converts figment's metadata to an origin.
    pub(super) fn from_metadata(metadata: Option<&Metadata>) -> Self {
        let Some(metadata) = metadata else { return Self::Default };
        match (&metadata.source, &*metadata.name) {
            (Some(Source::File(path)), _) => Self::File(path.clone()),
            (Some(Source::Custom(name)), "environment") => Self::Environment(name.clone()),
            (Some(Source::Custom(name)), "flag") => Self::Flag(name.clone()),
            _ => Self::Default,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
