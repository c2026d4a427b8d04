//! All sections of the transport.

use serde::{Deserialize, Serialize};

use super::check::{Checks, Settings};
use super::{Api, Auth, Http, Limiter, Retry, api, auth, http, limiter, retry};

/// The sections that the transport needs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Transport {
    /// The server.
    pub api: Api,
    /// The credential.
    pub auth: Auth,
    /// The quota.
    pub limiter: Limiter,
    /// Attempts after the first.
    pub retry: Retry,
    /// The connection.
    pub http: Http,
}

impl Transport {
    /// Puts the sections together.
    pub fn new(api: Api, auth: Auth, limiter: Limiter, retry: Retry, http: Http) -> Self {
        Self { api, auth, limiter, retry, http }
    }
}

impl Settings for Transport {
    fn allowed() -> Vec<(&'static str, &'static str)> {
        [api::ALLOWED, auth::ALLOWED, limiter::ALLOWED, retry::ALLOWED, http::ALLOWED].concat()
    }

    fn check(&self, checks: &mut Checks) {
        self.api.check(checks);
        self.auth.check(checks);
        self.limiter.check(checks);
        self.retry.check(checks);
        self.http.check(checks);
    }
}
