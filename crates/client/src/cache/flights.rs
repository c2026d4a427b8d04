//! Loads that are under way, and those that have failed a moment ago.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use ultracart_transport::{Error, ErrorKind};

use super::entry::Entry;

/// How long a failure is remembered; twice as long each time, up to the second, until none has come for that long.
const BACK_OFF: Duration = Duration::from_secs(5);
const LONGEST_BACK_OFF: Duration = Duration::from_mins(5);

/// So many failures are kept before those that are over are cleared away.
const MANY_FAILURES: usize = 1_000;

/// What became of a load.
pub(super) enum Landing<K, V: ?Sized> {
    Loaded(Arc<Entry<K, V>>),
    Failed(Error),
    /// It was not made: nobody waited for it any more, or the quota was too short for one ahead of time.
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

/// Says when a flight is over and what it brought.
pub(super) type Arrival<K, V> = watch::Receiver<Option<Landing<K, V>>>;
type Announcer<K, V> = Arc<watch::Sender<Option<Landing<K, V>>>>;

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

/// Whom a load is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Those who wait for it: without them it is not sent.
    Readers,
    /// Whoever asks next, since what is there is no good.
    Next,
    /// Whoever asks when what is there will be no good.
    Ahead,
}

/// A load that is under way. Clones share everything.
pub(super) struct Flight<K, V: ?Sized> {
    pub(super) id: u64,
    pub(super) purpose: Purpose,
    pub(super) departure: Departure,
    pub(super) announcer: Announcer<K, V>,
    /// To be told where it shall not be sent.
    pub(super) cancelled: Arc<Notify>,
}

impl<K, V: ?Sized> Flight<K, V> {
    pub(super) fn new(id: u64, purpose: Purpose) -> Self {
        Self {
            id,
            purpose,
            departure: Departure::default(),
            announcer: Arc::new(watch::Sender::new(None)),
            cancelled: Arc::new(Notify::new()),
        }
    }

    pub(super) fn is_sent(&self) -> bool {
        self.departure.begun().is_some()
    }

    /// Whether what it will bring is new enough for whoever asks now: it has not been sent, or nothing has changed since.
    fn will_do(&self, required: u64) -> bool {
        self.departure.begun().is_none_or(|begun| begun.generation >= required)
    }

    /// Whether it is sent after this was the number of the next flight, or not yet.
    pub(super) fn departs_after(&self, next_id: u64) -> bool {
        self.id >= next_id || !self.is_sent()
    }
}

impl<K, V: ?Sized> Clone for Flight<K, V> {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            purpose: self.purpose,
            departure: self.departure.clone(),
            announcer: Arc::clone(&self.announcer),
            cancelled: Arc::clone(&self.cancelled),
        }
    }
}

/// All flights of one cache.
pub(super) struct Table<K, V: ?Sized> {
    pub(super) next_id: u64,
    flights: HashMap<K, Flight<K, V>>,
    failures: HashMap<K, Failure>,
}

#[derive(Debug)]
struct Failure {
    error: Error,
    /// The latest change that it can have seen.
    generation: u64,
    until: Duration,
    /// How long the next one is remembered.
    next: Duration,
}

impl Failure {
    /// Whether there is no need to ask again. A change does not bring back a server that cannot be reached, but what
    /// it said before a change it may not say after it.
    fn holds(&self, required: u64, now: Duration) -> bool {
        now < self.until && (is_outage(&self.error) || self.generation >= required)
    }

    fn is_forgotten(&self, now: Duration) -> bool {
        now >= self.until.saturating_add(LONGEST_BACK_OFF)
    }
}

impl<K: Copy + Eq + Hash, V: ?Sized> Table<K, V> {
    pub(super) fn new() -> Self {
        Self { next_id: 1, flights: HashMap::new(), failures: HashMap::new() }
    }

    /// The flight that whoever asks now may wait for.
    pub(super) fn flight(&self, key: K, required: u64) -> Option<&Flight<K, V>> {
        self.flights.get(&key).filter(|flight| flight.will_do(required))
    }

    pub(super) fn insert(&mut self, key: K, flight: Flight<K, V>) {
        self.flights.insert(key, flight);
    }

    /// Whether a flight is there still, and nothing has taken its place.
    pub(super) fn contains(&self, key: K, id: u64) -> bool {
        self.flights.get(&key).is_some_and(|flight| flight.id == id)
    }

    /// Takes a flight out, if it is there still; whether it was.
    pub(super) fn remove(&mut self, key: K, id: u64) -> bool {
        let is_there = self.contains(key, id);
        if is_there {
            self.flights.remove(&key);
        }
        is_there
    }

    /// The error of a load that failed a moment ago.
    pub(super) fn failure(&self, key: K, required: u64, now: Duration) -> Option<&Error> {
        self.failures.get(&key).filter(|failure| failure.holds(required, now)).map(|failure| &failure.error)
    }

    pub(super) fn failed(&mut self, key: K, error: Error, generation: u64, now: Duration) {
        if self.failures.len() >= MANY_FAILURES {
            self.failures.retain(|_, failure| now < failure.until);
        }
        let before = self.failures.get(&key).filter(|failure| !failure.is_forgotten(now));
        let pause = before.map_or(BACK_OFF, |failure| failure.next);
        let next = pause.saturating_mul(2).min(LONGEST_BACK_OFF);
        self.failures.insert(key, Failure { error, generation, until: now.saturating_add(pause), next });
    }

    pub(super) fn succeeded(&mut self, key: K) {
        self.failures.remove(&key);
    }

    /// The server answers again.
    pub(super) fn forget_failures(&mut self) {
        self.failures.clear();
    }
}

impl<K, V: ?Sized> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("flights", &self.flights.len()).finish_non_exhaustive()
    }
}

/// Whether the server cannot be had right now, which says nothing about what was asked for.
pub(super) fn is_outage(error: &Error) -> bool {
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
