//! How the client is tuned: the whole configuration file.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ultracart_transport::config::{self as transport, human_duration};

pub use ultracart_transport::config::{Api, Auth, Http, Limiter, Oauth, Retry, Secret, Window};

/// All settings. Every key is optional.
///
/// ```
/// let mut config = ultracart_client::config::Config::default();
/// config.limiter.spare = 10;
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Which server.
    pub api: Api,
    /// Who calls.
    pub auth: Auth,
    /// The quota.
    pub limiter: Limiter,
    /// Attempts after the first.
    pub retry: Retry,
    /// The connection.
    pub http: Http,
    /// What is remembered.
    pub cache: Cache,
    /// The access review.
    pub audit: Audit,
}

impl Config {
    /// The sections that the transport needs.
    pub(crate) fn transport(self) -> transport::Transport {
        transport::Transport::new(self.api, self.auth, self.limiter, self.retry, self.http)
    }
}

/// `[cache]`: how long what was read is remembered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Cache {
    /// The list of users.
    pub users: CacheRule,
    /// The list of groups.
    pub groups: CacheRule,
    /// Each user's logins.
    pub logins: CacheRule,
}

impl Cache {
    /// Nothing is remembered.
    pub fn off() -> Self {
        let off = CacheRule { ttl: Duration::ZERO };
        Self { users: off.clone(), groups: off.clone(), logins: off }
    }
}

/// `[cache.users]`, `[cache.groups]`, `[cache.logins]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheRule {
    /// How long; `0s` is not at all.
    #[serde(with = "human_duration")]
    pub ttl: Duration,
}

impl Default for CacheRule {
    fn default() -> Self {
        Self { ttl: Duration::from_mins(5) }
    }
}

/// `[audit]`: the access review.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Audit {
    /// A user who has not logged in for so long is dormant. UltraCart tells of the last 90 days only.
    #[serde(with = "human_duration")]
    pub dormant_after: Duration,
}

impl Default for Audit {
    fn default() -> Self {
        Self { dormant_after: Duration::from_hours(90 * 24) }
    }
}
