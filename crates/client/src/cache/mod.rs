//! What has been read and is still good.
//!
//! moka bounds what is kept. Whether an entry is good is decided here: by its age on our own clock, and by its
//! generation. Every write bumps the generation when it starts and when it ends; an entry of an older generation is
//! a miss, so a load that began before a write can never bring the old value back.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tracing::trace;
#[cfg(feature = "webhook")]
use ultracart_model::Event;
use ultracart_model::{UserId, UserLogin};
use ultracart_transport::{Clock, Error};

use crate::config;
use crate::list::{Groups, Users};

/// Histories that are kept at the most.
const MAX_HISTORIES: u64 = 100_000;

/// Everything that a client remembers.
#[derive(Debug)]
pub(crate) struct Caches {
    pub(crate) users: ReadThrough<(), Arc<Users>>,
    pub(crate) groups: ReadThrough<(), Arc<Groups>>,
    pub(crate) logins: ReadThrough<UserId, Arc<[UserLogin]>>,
}

impl Caches {
    pub(crate) fn new(config: &config::Cache, clock: &Arc<dyn Clock>) -> Self {
        Self {
            users: ReadThrough::new("get_users", &config.users, 1, clock),
            groups: ReadThrough::new("get_groups", &config.groups, 1, clock),
            logins: ReadThrough::new("get_user_logins", &config.logins, MAX_HISTORIES, clock),
        }
    }

    /// Forgets what an event has made old.
    #[cfg(feature = "webhook")]
    pub(crate) fn on_event(&self, event: &Event) {
        match event {
            Event::UserCreate(_) | Event::UserUpdate(_) | Event::UserDelete(_) => {
                self.users.invalidate();
                self.groups.invalidate();
                self.logins.invalidate();
            }
            Event::UserLogin(_) => self.logins.invalidate(),
            _ => {}
        }
    }
}

/// Values that are loaded when they are asked for and not there.
pub(crate) struct ReadThrough<K, V> {
    /// What fills it, for the log.
    operation: &'static str,
    entries: moka::sync::Cache<K, Entry<V>>,
    ttl: Duration,
    generation: AtomicU64,
    /// One load of a key at a time: whoever waits here finds the value when it is there.
    flights: Flights<K>,
    clock: Arc<dyn Clock>,
}

type Flights<K> = std::sync::Mutex<HashMap<K, Arc<Mutex<()>>>>;

/// What those who want the same key take turns by. The last one takes it away.
struct Flight<'a, K: Eq + Hash> {
    flights: &'a Flights<K>,
    key: K,
    lock: Arc<Mutex<()>>,
}

impl<'a, K: Copy + Eq + Hash> Flight<'a, K> {
    fn of(flights: &'a Flights<K>, key: K) -> Self {
        let mut map = flights.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = Arc::clone(map.entry(key).or_default());
        drop(map);
        Self { flights, key, lock }
    }
}

impl<K: Eq + Hash> Drop for Flight<'_, K> {
    fn drop(&mut self) {
        let mut map = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's and this one.
        if Arc::strong_count(&self.lock) <= 2 {
            map.remove(&self.key);
        }
    }
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    loaded_at: Duration,
    generation: u64,
}

impl<K, V> ReadThrough<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn new(
        operation: &'static str,
        rule: &config::CacheRule,
        max_entries: u64,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let entries = moka::sync::Cache::builder().max_capacity(max_entries);
        // Ours decides; this one sees to it that personal data leaves the memory of a program that asks no more.
        let entries =
            entries.time_to_live(rule.ttl.clamp(Duration::from_secs(1), Duration::from_hours(24 * 365)));
        Self {
            operation,
            entries: entries.build(),
            ttl: rule.ttl,
            generation: AtomicU64::new(0),
            flights: std::sync::Mutex::default(),
            clock: Arc::clone(clock),
        }
    }

    /// The value that is there, if it is good and will do, or what `load` brings.
    pub(crate) async fn get(
        &self,
        key: K,
        will_do: impl Fn(&V) -> bool,
        load: impl Future<Output = Result<V, Error>>,
    ) -> Result<V, Error> {
        if let Some(value) = self.good(key).filter(&will_do) {
            trace!(operation = self.operation, cache = "hit");
            return Ok(value);
        }
        let flight = Flight::of(&self.flights, key);
        let _alone = flight.lock.lock().await;
        if let Some(value) = self.good(key).filter(&will_do) {
            trace!(operation = self.operation, cache = "join");
            return Ok(value);
        }
        let generation = self.generation.load(Ordering::Acquire);
        let value = load.await?;
        let entry = Entry { value: value.clone(), loaded_at: self.clock.now(), generation };
        self.entries.insert(key, entry);
        Ok(value)
    }

    /// Makes everything that was read so far, or is being read, a miss.
    pub(crate) fn invalidate(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.entries.invalidate_all();
    }

    fn good(&self, key: K) -> Option<V> {
        let entry = self.entries.get(&key)?;
        let age = self.clock.now().saturating_sub(entry.loaded_at);
        let current = entry.generation == self.generation.load(Ordering::Acquire);
        (current && age < self.ttl).then_some(entry.value)
    }
}

impl<K, V> fmt::Debug for ReadThrough<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadThrough").field("ttl", &self.ttl).finish_non_exhaustive()
    }
}
