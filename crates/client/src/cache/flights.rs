//! Loads that are under way, and those that have failed a moment ago.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use ultracart_transport::Error;

use super::entry::Entry;

/// How long a failure is remembered; twice as long each time, up to the second.
const BACK_OFF: Duration = Duration::from_secs(5);
const LONGEST_BACK_OFF: Duration = Duration::from_mins(5);

/// So many failures are kept before those that are over are cleared away.
const MANY_FAILURES: usize = 1_000;

/// What became of a load.
pub(super) enum Landing<K, V: ?Sized> {
    Loaded(Arc<Entry<K, V>>),
    Failed(Error),
    /// It was to be made ahead of time, and the quota was too short for that.
    Skipped,
}

impl<K, V: ?Sized> Clone for Landing<K, V> {
    fn clone(&self) -> Self {
        match self {
            Self::Loaded(entry) => Self::Loaded(Arc::clone(entry)),
            Self::Failed(error) => Self::Failed(error.clone()),
            Self::Skipped => Self::Skipped,
        }
    }
}

/// Says when a flight is over and what it brought; nothing, if the runtime ended first.
pub(super) type Arrival<K, V> = watch::Receiver<Option<Landing<K, V>>>;

/// When a load was sent, and what it can have seen then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub(super) generation: u64,
    pub(super) at: Duration,
}

/// When a load was sent, as soon as it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Departure(Arc<Mutex<Option<Begun>>>);

impl Departure {
    pub(super) fn begun(&self) -> Option<Begun> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, begun: Begun) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun);
    }

    /// The time of it.
    pub(crate) fn at(&self) -> Option<Duration> {
        self.begun().map(|begun| begun.at)
    }
}

/// A load that is under way.
pub(super) struct Flight<K, V: ?Sized> {
    pub(super) id: u64,
    pub(super) departure: Departure,
    pub(super) arrival: Arrival<K, V>,
}

impl<K, V: ?Sized> Flight<K, V> {
    /// Whether what it will bring is new enough for whoever asks now: it has not been sent, or nothing has changed since.
    pub(super) fn will_do(&self, required: u64) -> bool {
        self.departure.begun().is_none_or(|begun| begun.generation >= required)
    }

    /// Whether it is sent after this was the number of the next flight, or not yet.
    pub(super) fn departs_after(&self, next_id: u64) -> bool {
        self.id >= next_id || self.departure.begun().is_none()
    }
}

/// All flights of one cache.
pub(super) struct Table<K, V: ?Sized> {
    pub(super) next_id: u64,
    pub(super) flights: HashMap<K, Flight<K, V>>,
    failures: HashMap<K, Failure>,
}

#[derive(Debug)]
struct Failure {
    error: Error,
    until: Duration,
    /// How long the next one is remembered.
    next: Duration,
}

impl<K: Copy + Eq + Hash, V: ?Sized> Table<K, V> {
    pub(super) fn new() -> Self {
        Self { next_id: 1, flights: HashMap::new(), failures: HashMap::new() }
    }

    /// The error of a load that failed a moment ago.
    pub(super) fn failure(&self, key: K, now: Duration) -> Option<&Error> {
        self.failures.get(&key).filter(|failure| now < failure.until).map(|failure| &failure.error)
    }

    pub(super) fn failed(&mut self, key: K, error: Error, now: Duration) {
        if self.failures.len() >= MANY_FAILURES {
            self.failures.retain(|_, failure| now < failure.until);
        }
        let pause = self.failures.get(&key).map_or(BACK_OFF, |failure| failure.next);
        let next = pause.saturating_mul(2).min(LONGEST_BACK_OFF);
        self.failures.insert(key, Failure { error, until: now.saturating_add(pause), next });
    }

    pub(super) fn succeeded(&mut self, key: K) {
        self.failures.remove(&key);
    }

    /// The server answers again.
    pub(super) fn forget_failures(&mut self) {
        self.failures.clear();
    }
}
