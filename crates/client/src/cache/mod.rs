//! The read-through cache of a client.

mod activity;
mod caches;
mod context;
mod entries;
mod entry;
mod generations;
mod invalidate;
mod kind;
mod list;
mod load;
mod locks;
mod policy;
mod read_through;
mod refresh;
mod resource;
mod response;
mod single_flight;
mod stats;
mod store;
mod sync;

pub use self::caches::CacheSnapshot;
pub(crate) use self::caches::Caches;
pub(crate) use self::entry::Loaded;
pub(crate) use self::invalidate::effect::Effect;
pub(crate) use self::invalidate::write::{IfOvertaken, Write, WriteOutcome};
pub(crate) use self::kind::Kind;
pub(crate) use self::load::request::LoadRequest;
pub use self::policy::CachePolicy;
pub(crate) use self::policy::{Read, RequiredFields};
pub use self::response::{Cached, Served, Stale};
pub use self::stats::CacheStats;
