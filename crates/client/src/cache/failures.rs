//! Cached failures: after a failed load, further callers get its error without a call for a while.

use std::hash::Hash;
use std::time::Duration;

use ultracart_transport::{Error, ErrorKind, Instant};

use super::context::CacheContext;
use super::logical_clock::Generation;

/// The back-off of a key's first failure: the time for which the failure is cached. Each further failure
/// doubles the back-off, up to 5 minutes. If no further failure follows within 5 minutes after the back-off,
/// the next failure counts as the first again.
const FIRST_BACK_OFF: Duration = Duration::from_secs(5);
const MAX_BACK_OFF: Duration = Duration::from_mins(5);

const MAX_FAILURES: u64 = 10_000;

/// The latest failure of each key.
pub(super) struct Failures<K>(moka::sync::Cache<K, Failure>);

#[derive(Clone)]
struct Failure {
    error: Error,
    /// Generation at which the failed call was sent.
    generation: Generation,
    at: Instant,
    back_off: Duration,
}

impl<K: Copy + Eq + Hash + Send + Sync + 'static> Failures<K> {
    pub(super) fn new() -> Self {
        Self(moka::sync::Cache::new(MAX_FAILURES))
    }

    /// Returns the key's latest error. Returns `None` if the key has none, or if the error's back-off is
    /// over.
    ///
    /// A successful write of any object ends the back-off of an outage early. A successful read does not: one
    /// operation can fail while another succeeds. The back-off of any other error ends early when the object
    /// changes.
    pub(super) fn recent(&self, key: K, required: Generation, context: &CacheContext) -> Option<Error> {
        let failure = self.0.get(&key).filter(|failure| context.now() < failure.at + failure.back_off)?;
        let holds = if is_outage(&failure.error) {
            !context.has_responded_since(failure.at)
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

    /// Removes the key's failure after a load of this generation succeeded. Keeps a failure of a later
    /// generation.
    pub(super) fn succeeded(&self, key: K, generation: Generation) {
        if self.0.get(&key).is_some_and(|failure| failure.generation <= generation) {
            self.0.invalidate(&key);
        }
    }

    pub(super) fn clear(&self) {
        self.0.invalidate_all();
    }
}

/// Returns whether an error says nothing about the object itself, so that an expired value may be served
/// instead.
pub(super) fn is_outage(error: &Error) -> bool {
    use ErrorKind::{Connect, Deadline, Decode, IncompleteResponse, MaxWait, RateLimited, Server, Timeout};
    matches!(
        error.kind(),
        Connect | Timeout | IncompleteResponse | RateLimited | MaxWait | Deadline | Server | Decode
    )
}
