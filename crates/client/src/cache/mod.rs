//! What has been read and is still good.
//!
//! moka bounds what is kept, and decides nothing: it lets a load that began before a write put the old value back
//! afterwards, has callers who come after it join that load, loads anew when the first caller goes away, loads once for
//! each caller where the load panics, and forgets every failure. So:
//!
//! 1. **Whether an entry is good** is decided on every read, by its age on the client's clock and by its number
//!    (`generations`): each change of an object has one, and what was read before it has a lower one.
//! 2. **A flight** (`flights`, `read_through`) is a load in a task of its own that all who ask for the same wait for. Once
//!    sent it goes on when they go away. Its number is taken when its turn with the limiter has come and not when it was asked
//!    for, so a change while it waits costs no second one.
//! 3. **A failure** is remembered for some seconds, longer each time, so that a storm of readers makes one call.
//! 4. **Too old is not invalid.** What is too old may be better than an error; what a write has made invalid is not,
//!    unless the reader says so.
//! 5. **An object out of its list** (`collection`) is as good as the list, as long as that object has not changed:
//!    changing a thousand users one by one takes one list and not a thousand reads.
//! 6. **What was written is read** (`recent`), also where the server's lists lag behind for some seconds.
//! 7. **An event** (`events`) says that something has changed, and is never believed in what it says: it may be
//!    late, twice there or out of order.
//!
//! A cache belongs to one client, and so to one server and one credential: nothing can cross.

mod cached;
mod collection;
mod entry;
#[cfg(feature = "webhook")]
mod events;
mod flights;
mod generations;
mod load;
mod policy;
mod read_through;
mod recent;
mod slots;
mod stats;
mod surroundings;
mod sync;
mod threads;
mod write;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use ultracart_model::{UserId, UserLogin};
use ultracart_transport::limiter::Limiter;

pub use self::cached::{Cached, Served, Stale};
pub(crate) use self::collection::{Collection, Need};
use self::generations::Generations;
pub(crate) use self::load::{Load, Loaded};
pub use self::policy::CachePolicy;
use self::read_through::ReadThrough;
pub(crate) use self::recent::Kind;
use self::recent::Recent;
pub use self::stats::CacheStats;
use self::surroundings::Surroundings;
pub(crate) use self::write::{Effect, Write};
use crate::config;
use crate::list::{Groups, Users};

/// Histories that are kept at the most.
const MAX_HISTORIES: u64 = 10_000;

/// Everything that a client remembers.
#[derive(Debug)]
pub(crate) struct Caches {
    pub(crate) users: Collection<Users>,
    pub(crate) groups: Collection<Groups>,
    pub(crate) logins: Arc<ReadThrough<UserId, [UserLogin]>>,
    of_logins: Arc<Generations>,
    recent: Recent,
    surroundings: Arc<Surroundings>,
}

/// What the caches of a client were good for; see [`Client::snapshot`](crate::Client::snapshot).
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
    /// All of them together.
    pub fn total(&self) -> CacheStats {
        let mut total = self.users;
        total += self.groups;
        total += self.logins;
        total
    }
}

impl Caches {
    pub(crate) fn new(config: &config::Cache, limiter: &Limiter) -> Self {
        let surroundings = Arc::new(Surroundings::new(limiter.clone(), config.webhook_ttl));
        let of_logins = Arc::new(Generations::new());
        Self {
            users: Collection::new(["get_users", "get_user"], &config.users, &surroundings, true),
            // There are no events for groups.
            groups: Collection::new(["get_groups", "get_group"], &config.groups, &surroundings, false),
            logins: Arc::new(ReadThrough::new(
                "get_user_logins",
                &config.logins,
                MAX_HISTORIES,
                &of_logins,
                |generations, user_id: UserId| generations.of(user_id.get()),
                &surroundings,
                true,
            )),
            of_logins,
            recent: Recent::default(),
            surroundings,
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.surroundings.now()
    }

    /// Everything is read anew.
    pub(crate) fn clear(&self) {
        self.users.clear();
        self.groups.clear();
        self.of_logins.change_all();
        self.logins.clear();
        self.recent.clear();
    }

    pub(crate) fn snapshot(&self) -> CacheSnapshot {
        CacheSnapshot { users: self.users.stats(), groups: self.groups.stats(), logins: self.logins.stats() }
    }

    /// The list as it is, but for writes that the server may not show in it yet.
    pub(crate) fn settle_users(&self, users: Users, sent_at: Option<Duration>) -> (Users, Option<Duration>) {
        let sent_at = sent_at.unwrap_or_else(|| self.now());
        self.recent.settle_users(users, sent_at, self.users.generations())
    }

    /// The list as it is, but for writes that the server may not show in it yet.
    pub(crate) fn settle_groups(
        &self,
        groups: Groups,
        sent_at: Option<Duration>,
    ) -> (Groups, Option<Duration>) {
        let sent_at = sent_at.unwrap_or_else(|| self.now());
        self.recent.settle_groups(groups, sent_at, self.groups.generations())
    }
}

#[cfg(test)]
mod tests;
