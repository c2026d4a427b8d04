//! All caches of a client.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use ultracart_model::{UserId, UserLogin};
use ultracart_transport::Instant;
use ultracart_transport::limiter::Limiter;

use super::context::CacheContext;
use super::entries::{Entries, Settings};
use super::entry::Lifetimes;
use super::generations::{Change, Generations};
use super::read_through::ReadThrough;
use super::resource::{MAX_OBJECTS, Resource};
use super::stats::CacheStats;
use super::store::ObjectMap;
use crate::config;
use crate::list::{Groups, Users};

/// All caches of a client.
#[derive(Debug)]
pub(crate) struct Caches {
    pub(crate) users: Resource<Users>,
    pub(crate) groups: Resource<Groups>,
    pub(crate) logins: ReadThrough<ObjectMap<UserId, [UserLogin]>>,
    pub(super) context: Arc<CacheContext>,
}

/// What the caches of a client did since it was built; see [`Client::snapshot`](crate::Client::snapshot).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheSnapshot {
    /// `get_users` and `get_user`.
    pub users: CacheStats,
    /// `get_groups` and `get_group`.
    pub groups: CacheStats,
    /// `get_user_logins`.
    pub logins: CacheStats,
}

impl CacheSnapshot {
    /// Returns the sum over all caches.
    pub fn total(&self) -> CacheStats {
        let Self { users, groups, logins } = *self;
        let mut total = users;
        total += groups;
        total += logins;
        total
    }
}

impl Caches {
    pub(crate) fn new(config: &config::Cache, limiter: &Limiter) -> Self {
        let context = Arc::new(CacheContext::new(limiter, config.webhook_ttl));
        let reported = Some(config.webhook_ttl);
        let logins = Lifetimes::new(&config.logins, reported);
        let settings = Settings {
            operation: "get_user_logins",
            lifetimes: logins,
            lagging_ttl: None,
            required: |generations, id: UserId| generations.of_object(id.get()).generation,
        };
        let store = ObjectMap::new(MAX_OBJECTS, logins.max_age());
        Self {
            users: Resource::new(
                ["get_users", "get_user"],
                Lifetimes::new(&config.users, reported),
                &context,
            ),
            // No webhook reports changes of groups.
            groups: Resource::new(
                ["get_groups", "get_group"],
                Lifetimes::new(&config.groups, None),
                &context,
            ),
            logins: ReadThrough::new(Entries::new(
                settings,
                store,
                &Arc::new(Generations::default()),
                &context,
            )),
            context,
        }
    }

    /// Drops everything. Loads that are under way are not cached.
    pub(crate) fn clear(&self) {
        self.invalidate_everything();
        let Self { users, groups, logins, context: _ } = self;
        users.clear();
        groups.clear();
        logins.clear();
    }

    pub(crate) fn snapshot(&self) -> CacheSnapshot {
        let Self { users, groups, logins, context: _ } = self;
        CacheSnapshot { users: users.stats(), groups: groups.stats(), logins: logins.stats() }
    }

    pub(super) fn invalidate_everything(&self) {
        let Self { users, groups, logins, context: _ } = self;
        for generations in [&users.generations, &groups.generations, &logins.entries().generations] {
            generations.record(Change::Everything, Instant::START);
        }
    }

    /// Returns when a response was sent that is this old.
    pub(super) fn sent_at(&self, age: Duration) -> Instant {
        self.context.now() - age
    }
}
