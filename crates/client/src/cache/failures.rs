//! Failed loads, remembered so that a storm of callers makes one call.

use std::hash::Hash;
use std::time::Duration;

use ultracart_transport::{Error, ErrorKind, Instant};

use super::context::CacheContext;
use super::generations::Generation;

/// How long the first failure of a key is remembered. Each further one is remembered twice as long, up to 5 minutes.
const FIRST_BACK_OFF: Duration = Duration::from_secs(5);
const MAX_BACK_OFF: Duration = Duration::from_mins(5);

const MAX_FAILURES: u64 = 10_000;

/// The latest failure of each key.
pub(super) struct Failures<K>(moka::sync::Cache<K, Failure>);

#[derive(Clone)]
struct Failure {
    error: Error,
    /// The latest change that the failed load can have seen.
    generation: Generation,
    at: Instant,
    back_off: Duration,
}

impl<K: Copy + Eq + Hash + Send + Sync + 'static> Failures<K> {
    pub(super) fn new() -> Self {
        Self(moka::sync::Cache::new(MAX_FAILURES))
    }

    /// Returns the key's last error during its back-off.
    ///
    /// An outage ends early when any write succeeds. A read that succeeds doesn't end it: each operation can fail by itself.
    /// Any other error ends early when the object changes.
    pub(super) fn recent(&self, key: K, required: Generation, context: &CacheContext) -> Option<Error> {
        let failure = self.0.get(&key).filter(|failure| context.now() < failure.at + failure.back_off)?;
        let holds = if is_outage(&failure.error) {
            !context.has_answered_since(failure.at)
        } else {
            failure.generation >= required
        };
        holds.then_some(failure.error)
    }

    pub(super) fn record(&self, key: K, error: Error, generation: Generation, at: Instant) {
        let previous = self.0.get(&key).filter(|failure| at < failure.at + failure.back_off + MAX_BACK_OFF);
        let back_off = previous.map_or(FIRST_BACK_OFF, |failure| (failure.back_off * 2).min(MAX_BACK_OFF));
        self.0.insert(key, Failure { error, generation, at, back_off });
    }

    /// Forgets the key's failure after a load of this generation succeeded, unless the failed load has a later generation.
    pub(super) fn succeeded(&self, key: K, generation: Generation) {
        if self.0.get(&key).is_some_and(|failure| failure.generation <= generation) {
            self.0.invalidate(&key);
        }
    }

    pub(super) fn clear(&self) {
        self.0.invalidate_all();
    }
}

/// Returns whether an expired value may be served instead of an error: the error says nothing about the object.
pub(super) fn is_outage(error: &Error) -> bool {
    use ErrorKind::{Connect, Deadline, Decode, IncompleteResponse, MaxWait, RateLimited, Server, Timeout};
    matches!(
        error.kind(),
        Connect | Timeout | IncompleteResponse | RateLimited | MaxWait | Deadline | Server | Decode
    )
}
