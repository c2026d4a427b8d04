//! All configuration sections of the transport.

use serde::{Deserialize, Serialize};

use super::check::{Settings, Validation};
use super::{Api, Auth, Http, Limiter, Retry, api, auth, http, limiter, retry};

/// The configuration sections of the transport.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Transport {
    /// The section `[api]`: the server.
    pub api: Api,
    /// The section `[auth]`: the credential.
    pub auth: Auth,
    /// The section `[limiter]`: the quota.
    pub limiter: Limiter,
    /// The section `[retry]`: retries.
    pub retry: Retry,
    /// The section `[http]`: timeouts and sizes.
    pub http: Http,
}

impl Transport {
    /// Returns a configuration of the given sections.
    pub fn new(api: Api, auth: Auth, limiter: Limiter, retry: Retry, http: Http) -> Self {
        Self { api, auth, limiter, retry, http }
    }
}

impl Settings for Transport {
    fn allowed() -> Vec<(&'static str, &'static str)> {
        [api::ALLOWED, auth::ALLOWED, limiter::ALLOWED, retry::ALLOWED, http::ALLOWED].concat()
    }

    fn check(&self, validation: &mut Validation) {
        self.api.check(validation);
        self.auth.check(validation);
        self.limiter.check(validation);
        self.retry.check(validation);
        self.http.check(validation);
    }
}
