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
use super::generations::{Change, Generations, Recorded};
use super::read_through::{ReadThrough, Rules};
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

/// Users or groups, for code that is the same for both.
pub(crate) trait Kind: Listing {
    /// Whether logins name objects of this kind.
    const HAS_LOGINS: bool;

    fn resource(caches: &Caches) -> &Resource<Self>;

    /// Returns the clock of the other kind, whose objects name objects of this one.
    fn related(caches: &Caches) -> &Generations;
}

impl Kind for Users {
    const HAS_LOGINS: bool = true;

    fn resource(caches: &Caches) -> &Resource<Self> {
        &caches.users
    }

    fn related(caches: &Caches) -> &Generations {
        &caches.groups.generations
    }
}

impl Kind for Groups {
    const HAS_LOGINS: bool = false;

    fn resource(caches: &Caches) -> &Resource<Self> {
        &caches.groups
    }

    fn related(caches: &Caches) -> &Generations {
        &caches.users.generations
    }
}

impl Caches {
    pub(crate) fn new(config: &config::Cache, limiter: &Limiter) -> Self {
        let context = Arc::new(CacheContext::new(limiter.clone(), config.webhook_ttl));
        let webhook_ttl = Some(config.webhook_ttl);
        let logins = Rules {
            operation: "get_user_logins",
            lifetime: Lifetime::new(&config.logins),
            webhook_lifetime: Lifetime::with_webhooks(&config.logins, webhook_ttl),
            can_lag: false,
            required: |generations, id: UserId| generations.of_object(id.get()).generation,
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

    /// Drops everything that is cached. Loads that are under way are not cached either.
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

    /// Invalidates what a write or an event changes. Until `lists_lag_until`, lists may not show it.
    pub(super) fn invalidate<L: Kind>(
        &self,
        id: Option<L::Id>,
        effect: Effect,
        lists_lag_until: Instant,
    ) -> Recorded {
        if effect.on_related {
            L::related(self).record(Change::Related, lists_lag_until);
        }
        let change = id.map_or(Change::List, |id| Change::Object(L::raw_id(id)));
        if effect.on_logins && id.is_some() {
            self.logins.generations.record(change, Instant::START);
        }
        L::resource(self).generations.record(change, lists_lag_until)
    }

    pub(super) fn invalidate_everything(&self) {
        let Self { users, groups, logins, context: _ } = self;
        for generations in [&users.generations, &groups.generations, &logins.generations] {
            generations.record(Change::Everything, Instant::START);
        }
    }
}
