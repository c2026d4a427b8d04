//! The configuration: settings in code, from a file, from environment variables and from flags.
//!
//! In code, change fields of [`Transport`], which has a field for each section of the configuration file:
//!
//! ```
//! use std::time::Duration;
//! use ultracart_transport::config::{Settings as _, Transport};
//!
//! let mut config = Transport::default();
//! config.auth.simple_key = Some("my-simple-key".into());
//! config.limiter.max_wait = Some(Duration::from_secs(600));
//! config.validate()?; // the builder of the transport checks the settings, too
//! # Ok::<(), ultracart_transport::config::ConfigError>(())
//! ```
//!
//! To read settings from a file, environment variables or flags, use [`Layers`]. A file overrides the
//! defaults, environment variables override the file, and flags override both. `docs/config.toml` in the
//! repository lists every key with its default.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ultracart_transport::config::{Layers, Transport};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("config.toml");
//! std::fs::write(&path, "limiter.max_wait = '10m'")?;
//! let loaded = Layers::new().file(&path).env(std::env::vars_os()).load::<Transport>()?;
//! for setting in &loaded.settings {
//!     println!("{} = {} ({})", setting.key, setting.as_toml(), setting.origin);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`ConfigError`] lists every invalid setting, with its origin and the values that the key allows.
//! Credentials are of type [`Secret`] and are never shown. A program with sections of its own implements
//! [`Settings`].

mod api;
mod auth;
mod check;
mod duration;
mod environment;
mod error;
mod extract;
mod http;
mod layers;
mod limiter;
mod loaded;
mod origin;
mod retry;
mod secret;
mod secret_file;
mod suggest;
mod transport;

pub use api::Api;
pub use auth::{Auth, Oauth};
pub use check::{Settings, Validation};
pub use duration::{HumanDuration, human_duration, optional_human_duration};
pub use error::{ConfigError, Problem};
pub use http::Http;
pub use layers::Layers;
pub use limiter::{Limiter, Window};
pub use loaded::{Loaded, Setting};
pub use origin::Origin;
pub use retry::Retry;
pub use secret::Secret;
pub use secret_file::{read_secret_file, secret_file_warning};
pub use transport::Transport;

use crate::error::{Error, ErrorKind};

#[cfg(test)]
mod tests;

// Implemented here, since `crate::error` must not import this module.
impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::new(ErrorKind::InvalidConfig, error.to_string())
    }
}
