//! Failed loads, remembered so that a storm of callers makes one call.

use std::hash::Hash;
use std::time::Duration;

use ultracart_transport::{Error, ErrorKind, Instant};

use crate::cache::context::CacheContext;
use crate::cache::generations::Generation;

/// How long the first failure of a key is remembered. Each further one is remembered twice as long.
const FIRST_BACK_OFF: Duration = Duration::from_secs(5);
const MAX_BACK_OFF: Duration = Duration::from_mins(5);

/// Keys whose failures are remembered; the least recently used is forgotten first.
const MAX_FAILURES: u64 = 10_000;

/// The latest failure of each key.
pub(in crate::cache) struct Failures<K>(moka::sync::Cache<K, Failure>);

#[derive(Clone, Debug)]
struct Failure {
    error: Error,
    /// The latest change that the failed load can have seen.
    generation: Generation,
    at: Instant,
    back_off: Duration,
}

impl<K: Copy + Eq + Hash + Send + Sync + 'static> Failures<K> {
    pub(in crate::cache) fn new() -> Self {
        Self(moka::sync::Cache::new(MAX_FAILURES))
    }

    /// Returns the error of a recent load, if a new load would fail in the same way.
    ///
    /// An outage says nothing about the object, so a change doesn't end it, but a sign of life from the server does. Any
    /// other error may be out of date after a change.
    pub(in crate::cache) fn recent(
        &self,
        key: K,
        required: Generation,
        context: &CacheContext,
    ) -> Option<Error> {
        let failure = self.0.get(&key).filter(|failure| context.now() < failure.at + failure.back_off)?;
        let holds = if is_outage(&failure.error) {
            !context.has_answered_since(failure.at)
        } else {
            failure.generation >= required
        };
        holds.then_some(failure.error)
    }

    pub(in crate::cache) fn record(&self, key: K, error: Error, generation: Generation, now: Instant) {
        let previous = self.0.get(&key).filter(|failure| now < failure.at + failure.back_off + MAX_BACK_OFF);
        let back_off = previous.map_or(FIRST_BACK_OFF, |failure| (failure.back_off * 2).min(MAX_BACK_OFF));
        self.0.insert(key, Failure { error, generation, at: now, back_off });
    }

    /// Forgets a failure, unless its load was sent after the one that succeeded.
    pub(in crate::cache) fn succeeded(&self, key: K, generation: Generation) {
        if self.0.get(&key).is_some_and(|failure| failure.generation <= generation) {
            self.0.invalidate(&key);
        }
    }

    pub(in crate::cache) fn clear(&self) {
        self.0.invalidate_all();
    }
}

/// Returns whether an error means that the server can't be reached, and says nothing about what was asked for.
pub(in crate::cache) fn is_outage(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Connect
            | ErrorKind::Timeout
            | ErrorKind::BrokenOff
            | ErrorKind::RateLimited
            | ErrorKind::MaxWait
            | ErrorKind::Deadline
            | ErrorKind::Server
            | ErrorKind::Decode
    )
}
