//! The read-through cache of a client.
//!
//! moka and arc-swap keep the entries and decide nothing: whether an entry is an answer is checked at each read, by its age
//! on the client's clock and by its generation.
//!
//! - **Generations** ([`generations`]): a logical clock for users, one for groups and one for logins ticks on every change. An
//!   entry has the reading of the clock when its load was sent, and is valid if that is not before the latest change of what
//!   it shows. Nothing is marked and nothing has to be unmarked. A refresh ticks the clock, too, and asks for an entry from
//!   after the tick.
//! - **Single-flight loads** ([`single_flight`]): a load is a task that all callers share. It is stamped when its permit from
//!   the limiter comes, since it can't have seen the server before. A caller whom a sent load can't serve starts a newer load;
//!   the older one ends, but is not sent again.
//! - **A list serves its members** ([`resource`]) if its objects are as complete as objects that are read by themselves.
//! - **Writes** ([`write`](mod@write)) invalidate when they are sent and when they are over. For 5 seconds after, lists may not
//!   show them ([`LIST_LAG`](generations::LIST_LAG)): a list that is read then is kept no longer, and doesn't serve the object
//!   that was written.
//! - **Webhook events** only invalidate. While they come, users and logins live longer.
//!
//! What the cache promises, and the tests that hold it to that (in `tests/it` if no other path is given):
//!
//! | promise | tests |
//! |---|---|
//! | 1. A hit makes no call, copies nothing and is checked each time. A hit of a list allocates nothing; moka allocates for an object in one read of 50. | `cache::hits`, `cache::coarse_clock`, `cache_threads::hits_on_forty_threads_share_one_list`, `tests/allocations.rs` |
//! | 2. A miss makes one call, whoever is cancelled; a panic or a lost runtime is one error. A load that nobody waits for is not sent. | `cache::loads`, `cache_threads`, `cache_property` |
//! | 3. A read after a write of this client never sees a value from before it. | `cache::writes`, `cache::lagging_lists`, `cache_property` |
//! | 4. Failures are cached for 5 s to 5 min. 401, 403 and 410 are never answered from expired values. | `cache::failures`, `cache::stale::refusals_are_not_answered_from_expired_data` |
//! | 5. An expired value may be served in an outage, an invalidated one only if the caller opts in. | `cache::stale`, `cache_property` |
//! | 6. Refresh-ahead at `refresh_at`, behind every other call, above a reserve of the quota. | `cache::refresh` |
//! | 7. A list serves its members: after one `get_users`, 1,000 users are updated with 1,000 calls. | `cache::members` |
//! | 8. Who depends on whom: a group write changes users, a user write the user, the list, and groups if they show it. | `cache::dependencies` |
//! | 9. `update_*_with` is based on the newest version known, checked again when its permit comes; one lock per object. | `cache::changes` |
//! | 10. Webhooks invalidate and never supply values; a burst costs one reload. | `cache::webhooks`, `cache::webhook_ttl` |
//! | 11. Six policies, chosen per call. | `cache::policies` |
//! | 12. Personal data leaves memory within its bound when it is asked for again, and at once by `clear_cache`. | `cache::personal_data` |
//! | 13. Only whole, successful answers are cached, never a request. | `cache::answers` |

mod caches;
mod context;
mod effect;
mod entries;
mod entry;
mod failures;
mod generations;
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
