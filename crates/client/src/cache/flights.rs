//! Loads that are under way, and those that have failed a moment ago.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use ultracart_transport::{Error, ErrorKind};

use super::entry::Entry;

/// How long a failure is remembered; twice as long each time, up to the second, until none has come for that long.
const BACK_OFF: Duration = Duration::from_secs(5);
const LONGEST_BACK_OFF: Duration = Duration::from_mins(5);

/// Of so many keys it is known what the latest load has come to.
const MOST_OUTCOMES: usize = 10_000;

/// What is remembered by.
pub(crate) trait Key: Copy + Eq + Hash + Send + Sync + 'static {}

impl<K: Copy + Eq + Hash + Send + Sync + 'static> Key for K {}

/// What became of a load.
pub(super) enum Landing<K, V: ?Sized> {
    Loaded(Arc<Entry<K, V>>),
    Failed(Error),
    /// It was not made: it gave way, nobody waited for it any more, or the quota was too short for one ahead of time.
    Skipped,
    /// Its runtime has ended.
    Lost,
}

impl<K, V: ?Sized> Clone for Landing<K, V> {
    fn clone(&self) -> Self {
        match self {
            Self::Loaded(entry) => Self::Loaded(Arc::clone(entry)),
            Self::Failed(error) => Self::Failed(error.clone()),
            Self::Skipped => Self::Skipped,
            Self::Lost => Self::Lost,
        }
    }
}

/// Says when a flight is over and what it brought.
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

/// A load that is under way.
pub(super) struct Flight<K, V: ?Sized> {
    pub(super) key: K,
    pub(super) purpose: Purpose,
    pub(super) departure: Departure,
    /// Which departure of its cache it was that it was sent with last; 0 before it is sent.
    number: AtomicU64,
    is_over: AtomicBool,
    pub(super) announcer: watch::Sender<Option<Landing<K, V>>>,
    /// To be told where it shall not be sent.
    pub(super) cancelled: Notify,
}

impl<K, V: ?Sized> Flight<K, V> {
    pub(super) fn new(key: K, purpose: Purpose) -> Arc<Self> {
        Arc::new(Self {
            key,
            purpose,
            departure: Departure::default(),
            number: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            announcer: watch::Sender::new(None),
            cancelled: Notify::new(),
        })
    }

    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    pub(super) fn is_sent(&self) -> bool {
        self.departure.begun().is_some()
    }

    /// Whether it lets those go first who wait.
    pub(super) fn gives_way(&self) -> bool {
        self.purpose == Purpose::Ahead && !self.is_sent()
    }

    /// Whether what it will bring is new enough for whoever asks now: it has not been sent, or nothing has changed since.
    fn will_do(&self, required: u64) -> bool {
        self.departure.begun().is_none_or(|begun| begun.generation >= required)
    }

    /// Whether it was sent after there had been so many departures, or not yet.
    pub(super) fn departs_after(&self, departures: u64) -> bool {
        !self.is_sent() || self.number() > departures
    }
}

/// All flights of one cache.
pub(super) struct Table<K, V: ?Sized> {
    /// How many there have been.
    pub(super) departures: u64,
    flights: HashMap<K, Arc<Flight<K, V>>>,
    outcomes: HashMap<K, Outcome>,
}

/// What the latest load that has come back has come to.
#[derive(Debug)]
struct Outcome {
    /// The latest change that it can have seen.
    generation: u64,
    /// Why it failed, if it did.
    error: Option<Error>,
    /// How long that is remembered.
    until: Duration,
    /// For how long the next failure is.
    next: Duration,
}

impl Outcome {
    /// The error, if there is no need to ask again. A change does not bring back a server that cannot be reached, but
    /// what it said before a change it may not say after it.
    fn holds(&self, required: u64, now: Duration) -> Option<&Error> {
        let error = self.error.as_ref().filter(|_| now < self.until)?;
        (is_outage(error) || self.generation >= required).then_some(error)
    }

    fn is_forgotten(&self, now: Duration) -> bool {
        now >= self.until.saturating_add(LONGEST_BACK_OFF)
    }
}

impl<K: Key, V: ?Sized> Table<K, V> {
    pub(super) fn new() -> Self {
        Self { departures: 0, flights: HashMap::new(), outcomes: HashMap::new() }
    }

    /// The flight that whoever asks now may wait for.
    pub(super) fn flight(&self, key: K, required: u64) -> Option<&Arc<Flight<K, V>>> {
        self.flights.get(&key).filter(|flight| flight.will_do(required))
    }

    /// What it takes the place of is not made, if it has not been sent.
    pub(super) fn insert(&mut self, flight: &Arc<Flight<K, V>>) {
        let before = self.flights.insert(flight.key, Arc::clone(flight));
        if let Some(before) = before.filter(|before| !before.is_sent()) {
            before.cancelled.notify_one();
        }
    }

    /// Whether a flight is there still, and nothing has taken its place.
    fn contains(&self, flight: &Arc<Flight<K, V>>) -> bool {
        self.flights.get(&flight.key).is_some_and(|there| Arc::ptr_eq(there, flight))
    }

    /// Takes a flight out that is over, if it is there still; whether it was.
    pub(super) fn remove(&mut self, flight: &Arc<Flight<K, V>>) -> bool {
        flight.is_over.store(true, Ordering::Relaxed);
        let is_there = self.contains(flight);
        if is_there {
            self.flights.remove(&flight.key);
        }
        is_there
    }

    /// A flight's turn has come; whether it is to be sent. One that is sent again sees what has changed since it was sent
    /// first, so what has taken its place for that reason and has not been sent is not needed.
    pub(super) fn depart(&mut self, flight: &Arc<Flight<K, V>>) -> bool {
        if !self.contains(flight) {
            if !flight.is_sent() || flight.is_over.load(Ordering::Relaxed) {
                return false;
            }
            if self.flights.get(&flight.key).is_none_or(|there| !there.is_sent()) {
                self.insert(flight);
            }
        }
        self.departures += 1;
        flight.number.store(self.departures, Ordering::Relaxed);
        true
    }

    /// The error of a load that failed a moment ago.
    pub(super) fn failure(&self, key: K, required: u64, now: Duration) -> Option<&Error> {
        self.outcomes.get(&key)?.holds(required, now)
    }

    pub(super) fn failed(&mut self, key: K, generation: u64, error: Error, now: Duration) {
        let before = self.outcomes.get(&key).filter(|outcome| !outcome.is_forgotten(now));
        let pause = before.map_or(BACK_OFF, |outcome| outcome.next);
        let next = pause.saturating_mul(2).min(LONGEST_BACK_OFF);
        let until = now.saturating_add(pause);
        self.came_to(key, Outcome { generation, error: Some(error), until, next }, now);
    }

    pub(super) fn succeeded(&mut self, key: K, generation: u64, now: Duration) {
        let outcome = Outcome { generation, error: None, until: Duration::ZERO, next: BACK_OFF };
        self.came_to(key, outcome, now);
    }

    /// Of two loads the one that has seen more counts, whichever comes back last.
    fn came_to(&mut self, key: K, outcome: Outcome, now: Duration) {
        if self.outcomes.get(&key).is_some_and(|before| before.generation > outcome.generation) {
            return;
        }
        if self.outcomes.len() >= MOST_OUTCOMES {
            // At least half of them go, so that this is seldom.
            let mut kept = 0;
            self.outcomes.retain(|_, outcome| {
                kept += usize::from(now < outcome.until);
                now < outcome.until && kept <= MOST_OUTCOMES / 2
            });
        }
        self.outcomes.insert(key, outcome);
    }

    /// What failed for these reasons may be tried again.
    pub(super) fn forget_failures(&mut self, is_over: impl Fn(&Error) -> bool) {
        self.outcomes.retain(|_, outcome| !outcome.error.as_ref().is_some_and(&is_over));
    }

    pub(super) fn forget_failure(&mut self, key: K) {
        self.outcomes.remove(&key);
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
            | ErrorKind::IncompleteResponse
            | ErrorKind::RateLimited
            | ErrorKind::MaxWait
            | ErrorKind::Deadline
            | ErrorKind::Server
            | ErrorKind::Decode
    )
}
