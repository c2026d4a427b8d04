//! Settings of the transport: one struct for each section of the configuration file, and the layers they are read from.
//!
//! A file overrides the defaults, environment variables override the file, and flags override both. [`Layers`] reads them,
//! [`Settings`] has the allowed values, and a [`ConfigError`] lists every value that is wrong.

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
pub use check::{Checks, Settings};
pub use duration::{Human, human_duration, optional_human_duration};
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

// Here, so that `error` can name a `Window` of the settings without a circle.
impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::new(ErrorKind::InvalidConfig, error.to_string())
    }
}
