//! The read-through cache of a client.
//!
//! Every read checks the entry's age and generation. moka only stores objects, and evicts them when they are
//! too old or too many.
//!
//! - **Generations** ([`logical_clock`]): users, groups and logins each have a logical clock, which ticks at
//!   every change. An entry stores the generation at which its load was sent. It is valid while no later
//!   change affects it, so an invalidation touches no entry. A read with [`CachePolicy::Refresh`] makes the
//!   clock tick, too, and accepts only an entry whose load was sent after that tick.
//! - **Single-flight loads** ([`single_flight`]): a load is a task that all callers share. The load is
//!   stamped when the limiter grants its permit. The response includes every change before the stamp. If a
//!   sent load is too old for a caller, the caller starts a newer load, and the older load makes no further
//!   attempt.
//! - **A list serves its members** ([`resource`]) if the listed objects have the fields that the caller
//!   needs.
//! - **A write** ([`write`](mod@write)) invalidates what it changes, before each attempt and when it ends.
//!   For 5 seconds after that, the server's lists can still lack the change
//!   ([`LIST_LAG`](logical_clock::LIST_LAG)). A list that is loaded in that time is fresh for 5 seconds. Such
//!   a list never serves the written object. It serves each of the other objects for the usual time to live.
//! - **Webhook events** only invalidate. While they arrive, users and logins live for `webhook_ttl`.
//!
//! The promises of the cache, and their tests (in `tests/it` if no other path is given):
//!
//! | promise | tests |
//! |---|---|
//! | 1. A hit makes no call and copies nothing; the value's age and later changes are checked each time. A hit of a list never allocates; a hit of an object allocates in at most one of 20 reads. | `cache::hits`, `cache::coarse_clock`, `cache_threads::hits_on_forty_threads_share_one_list`, `tests/allocations.rs` |
//! | 2. Concurrent misses of one key share one load, whichever caller is cancelled. If the load panics, all its callers get an error. A queued load without callers is not sent. | `cache::loads`, `cache_threads`, `cache_property` |
//! | 3. A read that begins after a write of this client has returned never sees an older version of the written object; a list that is read as a whole may contain an older version for 5 s after the write (15 s if its outcome is unknown). | `cache::writes`, `cache::lagging_lists`, `cache_property` |
//! | 4. A failure is cached for 5 s to 5 min. After a 401, 403, 404 or 410, expired values are never served. | `cache::failures`, `cache::stale::expired_data_is_not_served_after_client_errors` |
//! | 5. An expired value may be served in an outage. An invalidated value is served only with `StaleAllowed`. | `cache::stale`, `cache_property` |
//! | 6. A read after `refresh_at` refreshes the entry in the background, if a tenth of each window's burst remains for other calls. Other calls are sent before the refresh, even if they are queued up to a minute later. | `cache::refresh` |
//! | 7. A list serves its members: after one `get_users`, 1,000 users are updated with about 1,000 calls. | `cache::members` |
//! | 8. A group write invalidates the group, the list of groups and all users. A user write invalidates the user and the list of users, and also all groups if groups contain one of the changed fields. | `cache::dependencies` |
//! | 9. `update_*_with` reads again, up to three times, if the object changes before the write is sent. Concurrent calls for one object wait for each other. | `cache::changes` |
//! | 10. Webhooks invalidate and never supply values; a burst of up to 2 s costs one reload. | `cache::webhooks`, `cache::webhook_ttl` |
//! | 11. Each `UserApi` handle uses one of six policies. | `cache::policies` |
//! | 12. An entry older than its time to live plus `stale_if_error` is dropped at its next read; `clear_cache` drops everything at once. | `cache::personal_data` |
//! | 13. Only complete, successful responses are cached. The object that a write sends is never cached. | `cache::responses` |

mod caches;
mod context;
mod effect;
mod entries;
mod entry;
mod failures;
mod list_entry;
mod loads;
mod logical_clock;
mod policy;
mod read_through;
mod resource;
mod response;
mod single_flight;
mod stats;
mod sync;
#[cfg(feature = "webhook")]
mod webhook;
mod write;

pub use self::caches::CacheSnapshot;
pub(crate) use self::caches::{Caches, Kind};
pub(crate) use self::effect::Effect;
pub(crate) use self::entry::LoadedValue;
pub(crate) use self::loads::LoadRequest;
pub use self::policy::CachePolicy;
pub(crate) use self::policy::{Read, RequiredFields};
pub use self::response::{Cached, Served, Stale};
pub use self::stats::CacheStats;
pub(crate) use self::write::{Write, WriteOutcome};
