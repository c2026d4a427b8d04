//! The read-through cache of a client.

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
