//! All caches of a client.

use std::sync::Arc;

use serde::Serialize;
use ultracart_model::{UserId, UserLogin};
use ultracart_transport::Instant;
use ultracart_transport::limiter::Limiter;

use super::context::CacheContext;
use super::effect::Effect;
use super::entries::Entries;
use super::entry::Lifetime;
use super::logical_clock::{Change, LogicalClock, RecordedChange};
use super::read_through::{CacheSettings, ReadThrough};
use super::resource::Resource;
use super::stats::CacheStats;
use crate::config;
use crate::list::{Groups, Listing, Users};

/// All caches of a client.
#[derive(Debug)]
pub(crate) struct Caches {
    pub(crate) users: Resource<Users>,
    pub(crate) groups: Resource<Groups>,
    pub(crate) logins: Arc<ReadThrough<UserId, [UserLogin]>>,
    pub(super) context: Arc<CacheContext>,
}

/// Statistics of a client's caches since the client was built; see
/// [`Client::snapshot`](crate::Client::snapshot).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheSnapshot {
    /// Statistics of `get_users` and `get_user`.
    pub users: CacheStats,
    /// Statistics of `get_groups` and `get_group`.
    pub groups: CacheStats,
    /// Statistics of `get_user_logins`.
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

/// Users or groups, for code that is the same for both.
pub(crate) trait Kind: Listing {
    /// Whether objects of this kind have logins. Users have logins; groups do not.
    const HAS_LOGINS: bool;

    fn resource(caches: &Caches) -> &Resource<Self>;

    /// Returns the logical clock of the other kind. For users, this is the clock of groups; for groups, the
    /// clock of users.
    fn related(caches: &Caches) -> &LogicalClock;
}

impl Kind for Users {
    const HAS_LOGINS: bool = true;

    fn resource(caches: &Caches) -> &Resource<Self> {
        &caches.users
    }

    fn related(caches: &Caches) -> &LogicalClock {
        &caches.groups.logical_clock
    }
}

impl Kind for Groups {
    const HAS_LOGINS: bool = false;

    fn resource(caches: &Caches) -> &Resource<Self> {
        &caches.groups
    }

    fn related(caches: &Caches) -> &LogicalClock {
        &caches.users.logical_clock
    }
}

impl Caches {
    pub(crate) fn new(config: &config::Cache, limiter: &Limiter) -> Self {
        let context = Arc::new(CacheContext::new(limiter.clone(), config.webhook_ttl));
        let webhook_ttl = Some(config.webhook_ttl);
        let logins = CacheSettings {
            operation: "get_user_logins",
            lifetime: Lifetime::new(&config.logins),
            webhook_lifetime: Lifetime::with_webhooks(&config.logins, webhook_ttl),
            can_lag: false,
            required: |logical_clock, id: UserId| logical_clock.latest_change_of(id.get()).generation,
        };
        let entries = Entries::objects(logins.max_age());
        Self {
            users: Resource::new(["get_users", "get_user"], &config.users, webhook_ttl, &context),
            // No webhook reports a change of a group.
            groups: Resource::new(["get_groups", "get_group"], &config.groups, None, &context),
            logins: ReadThrough::new(logins, entries, &Arc::default(), &context),
            context,
        }
    }

    /// Drops everything that is cached. The results of loads in progress will not be cached.
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

    /// Invalidates the cached values that a write or an event changes. Lists that are requested before
    /// `lists_lag_until` can still lack the change.
    pub(super) fn invalidate<L: Kind>(
        &self,
        id: Option<L::Id>,
        effect: Effect,
        lists_lag_until: Instant,
    ) -> RecordedChange {
        if effect.on_related {
            L::related(self).record(Change::Related, lists_lag_until);
        }
        let change = id.map_or(Change::List, |id| Change::Object(L::raw_id(id)));
        if effect.on_logins && id.is_some() {
            self.logins.logical_clock.record(change, Instant::START);
        }
        L::resource(self).logical_clock.record(change, lists_lag_until)
    }

    pub(super) fn invalidate_everything(&self) {
        let Self { users, groups, logins, context: _ } = self;
        for logical_clock in [&users.logical_clock, &groups.logical_clock, &logins.logical_clock] {
            logical_clock.record(Change::Everything, Instant::START);
        }
    }
}
