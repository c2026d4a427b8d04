//! The read-through cache of a client.
//!
//! moka only stores entries. Each read decides whether an entry may be served, by its age on the client's clock and
//! by its generation.
//!
//! - **Generations** ([`generations`]): users, groups and logins each have a logical clock, which ticks at every change. An
//!   entry stores the reading of its clock from when its load was sent. It is valid while no later change affects it.
//!   Invalidating touches no entry. [`CachePolicy::Refresh`] also ticks, and accepts only entries from after its tick.
//! - **Single-flight loads** ([`single_flight`]): a load is a task that all callers share. It is stamped when its permit from
//!   the limiter comes, because no request has been sent before. A caller whom a sent load can't serve starts a newer load,
//!   and the older one makes no further attempt.
//! - **A list serves its members** ([`resource`]) if the listed objects have the fields that the caller needs.
//! - **A write** ([`write`](mod@write)) invalidates before each attempt and when it ends. For 5 seconds after, the server's
//!   lists may not show it ([`LIST_LAG`](generations::LIST_LAG)). A list that is loaded in that time is fresh for 5 seconds; it
//!   never serves the object that was written, and serves its other objects for their time to live.
//! - **Webhook events** only invalidate. While they arrive, users and logins live for `webhook_ttl`.
//!
//! What the cache promises, and the tests that hold it to that (in `tests/it` if no other path is given):
//!
//! | promise | tests |
//! |---|---|
//! | 1. A hit makes no call and copies nothing; its age and later changes are checked each time. A hit of a list allocates nothing, one of an object in one of 50 reads. | `cache::hits`, `cache::coarse_clock`, `cache_threads::hits_on_forty_threads_share_one_list`, `tests/allocations.rs` |
//! | 2. Concurrent misses of one key share one load, whichever caller is cancelled. A panic is one error for all. A load that nobody waits for is not sent. | `cache::loads`, `cache_threads`, `cache_property` |
//! | 3. A read that begins after a write of this client has returned never sees an older version of what was written; a whole list may, for 5 s (15 s if the outcome is not known). | `cache::writes`, `cache::lagging_lists`, `cache_property` |
//! | 4. A failure is remembered for 5 s to 5 min. 401, 403, 404 and 410 are never answered from expired values. | `cache::failures`, `cache::stale::refusals_are_not_answered_from_expired_data` |
//! | 5. An expired value may be served in an outage, an invalidated one only with `StaleAllowed`. | `cache::stale`, `cache_property` |
//! | 6. A read after `refresh_at` refreshes the entry in the background, if a tenth of each window's burst remains. Calls that come up to a minute later go first. | `cache::refresh` |
//! | 7. A list serves its members: after one `get_users`, 1,000 users are updated with about 1,000 calls. | `cache::members` |
//! | 8. A group write invalidates the group, the list of groups and all users; a user write the user, the list of users, and all groups if they show what changed. | `cache::dependencies` |
//! | 9. `update_*_with` reads again, up to three times, if the object changes before the write is sent; one lock per object. | `cache::changes` |
//! | 10. Webhooks invalidate and never supply values; a burst of up to 2 s costs one reload. | `cache::webhooks`, `cache::webhook_ttl` |
//! | 11. Six policies, chosen per `UserApi` handle. | `cache::policies` |
//! | 12. An entry older than its time to live and `stale_if_error` is dropped at its next read; `clear_cache` drops everything at once. | `cache::personal_data` |
//! | 13. Only complete, successful responses are cached; never what a caller sent. | `cache::answers` |

mod caches;
mod context;
mod effect;
mod entries;
mod entry;
mod failures;
mod generations;
mod list_entry;
mod loads;
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
pub(crate) use self::entry::Loaded;
pub(crate) use self::loads::LoadRequest;
pub use self::policy::CachePolicy;
pub(crate) use self::policy::{Read, RequiredFields};
pub use self::response::{Cached, Served, Stale};
pub use self::stats::CacheStats;
pub(crate) use self::write::{Write, WriteOutcome};
