//! One cache: what is remembered, who is fetching what, and what a reader gets.

use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tracing::{Instrument as _, debug, trace, warn};
use ultracart_transport::limiter::Priority;
use ultracart_transport::{Error, ErrorKind, Watch};

use super::cached::{Cached, Served, Stale};
use super::entry::{Age, Entry, Lifetime};
use super::flights::{Arrival, Begun, Departure, Flight, Landing, Table};
use super::generations::{Generations, publish};
use super::policy::CachePolicy;
use super::stats::{CacheStats, Counters};
use super::surroundings::Surroundings;
use crate::config::CacheRule;

/// What is due is tried to be refreshed this often in the time that is left.
const REFRESH_TRIES: u32 = 4;

/// Values that are loaded when they are asked for and not there.
pub(crate) struct ReadThrough<K, V: ?Sized> {
    operation: &'static str,
    rule: CacheRule,
    lifetime: Lifetime,
    /// Bounds what is kept. Whether an entry is good is decided here.
    entries: moka::sync::Cache<K, Arc<Entry<K, V>>>,
    /// The latest entry, at a fraction of what a look into `entries` costs. It is believed no more than any other.
    front: ArcSwapOption<Entry<K, V>>,
    generations: Arc<Generations>,
    /// How new an entry has to be.
    required: fn(&Generations, K) -> u64,
    table: Mutex<Table<K, V>>,
    surroundings: Arc<Surroundings>,
    /// When the newest of them was loaded, in nanoseconds.
    newest: AtomicU64,
    /// Whether events tell of every change.
    follows_webhooks: bool,
    counters: Counters,
}

/// What a load is to do, and what it came to.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) priority: Priority,
    /// For the call's span.
    pub(crate) cache: &'static str,
    /// To be told when it is sent.
    pub(crate) watch: Option<Arc<dyn Watch>>,
    /// Is filled in when it is sent.
    pub(crate) sent: Departure,
}

/// What a load has brought.
#[derive(Debug)]
pub(crate) struct Loaded<V: ?Sized> {
    pub(crate) value: Arc<V>,
    /// What it cost, whatever was sent again included.
    pub(crate) calls: u32,
    /// What it costs where nothing is sent again.
    pub(crate) parts: u32,
    /// Where it is good for less than the usual time.
    pub(crate) good_until: Option<Duration>,
}

impl<V> Loaded<V> {
    pub(crate) fn new(value: V, calls: u32) -> Self {
        Self { value: Arc::new(value), calls, parts: 1, good_until: None }
    }
}

/// How things are with a key.
enum Found<K, V: ?Sized> {
    Good(Arc<Entry<K, V>>, Age),
    TooOld(Arc<Entry<K, V>>),
    Invalidated(Arc<Entry<K, V>>),
}

/// What somebody finds who wants to wait for a flight.
enum Boarded<K, V: ?Sized> {
    Flight(Arrival<K, V>, Role),
    /// It has come already.
    Come(Arc<Entry<K, V>>),
    /// It has failed a moment ago.
    Failed(Error),
}

/// What a flight is to a reader who waits for it.
#[derive(Clone, Copy)]
enum Role {
    /// The reader has begun it.
    First,
    Joiner,
    /// The reader needs one that is sent later.
    Bystander,
}

impl<K, V> ReadThrough<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
{
    pub(super) fn new(
        operation: &'static str,
        rule: &CacheRule,
        max_entries: u64,
        generations: &Arc<Generations>,
        required: fn(&Generations, K) -> u64,
        surroundings: &Arc<Surroundings>,
        follows_webhooks: bool,
    ) -> Self {
        // For personal data to leave the memory at last.
        let longest = surroundings.longest_ttl(rule.ttl).saturating_add(rule.stale_if_error);
        let entries = moka::sync::Cache::builder()
            .max_capacity(max_entries)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .time_to_live(longest.clamp(Duration::from_secs(1), Duration::from_hours(24 * 800)));
        Self {
            operation,
            rule: rule.clone(),
            lifetime: Lifetime::new(rule, rule.ttl),
            entries: entries.build(),
            front: ArcSwapOption::empty(),
            generations: Arc::clone(generations),
            required,
            table: Mutex::new(Table::new()),
            surroundings: Arc::clone(surroundings),
            newest: AtomicU64::new(0),
            follows_webhooks,
            counters: Counters::new(operation),
        }
    }

    /// What `policy` makes of what is remembered and what `load` would bring. `load` is called where there is to be a
    /// call, at once; what it makes goes on in a task of its own, whether or not anybody waits.
    pub(crate) async fn get<F>(
        self: &Arc<Self>,
        key: K,
        policy: CachePolicy,
        load: impl Fn(Load) -> F,
    ) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        match policy {
            CachePolicy::OnlyIfCached => {
                let hit = self.good(key).map(|(entry, _)| self.hit(&entry));
                return hit.ok_or_else(|| not_cached(self.operation));
            }
            CachePolicy::Bypass => return self.bypass(load).await,
            _ if self.rule.ttl.is_zero() => return self.bypass(load).await,
            CachePolicy::Refresh => {
                let next_id = self.table().next_id;
                return self.wait(key, Some(next_id), load).await;
            }
            CachePolicy::Default | CachePolicy::NeverStale | CachePolicy::StaleAllowed => {}
        }
        if let Some(hit) = self.front_hit(key) {
            return Ok(hit);
        }
        let stale = match self.find(key) {
            Some(Found::Good(entry, age)) => {
                let hit = self.hit(&entry);
                if age == Age::Due {
                    self.refresh_ahead(&entry, load);
                }
                return Ok(hit);
            }
            Some(Found::TooOld(entry)) if policy == CachePolicy::StaleAllowed => {
                return Ok(self.stale_for_now(&entry, Stale::Refreshing, load));
            }
            Some(Found::Invalidated(entry)) if policy == CachePolicy::StaleAllowed => {
                return Ok(self.stale_for_now(&entry, Stale::Invalidated, load));
            }
            Some(Found::TooOld(entry)) if policy == CachePolicy::Default => Some(entry),
            _ => None,
        };
        let result = self.wait(key, None, load).await;
        result.or_else(|error| self.better_than(error, stale.as_ref()))
    }

    /// What is remembered and good, and not counted as a read.
    pub(super) fn good(&self, key: K) -> Option<(Arc<Entry<K, V>>, Age)> {
        match self.find(key)? {
            Found::Good(entry, age) => Some((entry, age)),
            Found::TooOld(_) | Found::Invalidated(_) => None,
        }
    }

    /// What is remembered, if it is good and newer than this.
    pub(super) fn newer_than(&self, key: K, loaded_at: Option<Duration>) -> Option<Arc<Entry<K, V>>> {
        let newest = Duration::from_nanos(self.newest.load(Ordering::Acquire));
        if loaded_at.is_some_and(|loaded_at| newest <= loaded_at) {
            return None; // None is, and a look would cost something.
        }
        let is_newer =
            |entry: &Arc<Entry<K, V>>| loaded_at.is_none_or(|loaded_at| entry.loaded_at > loaded_at);
        self.good(key).map(|(entry, _)| entry).filter(is_newer)
    }

    /// What is remembered, if it is good for whoever needs nothing newer than `required`, and how old it is.
    pub(super) fn as_of(&self, key: K, required: u64) -> Option<(Arc<Entry<K, V>>, Age)> {
        let entry = self.remembered(key).filter(|entry| entry.generation >= required)?;
        let now = self.now();
        let age = entry.age(now, self.lifetime(&entry, now));
        (age != Age::Gone).then_some((entry, age))
    }

    /// Remembers what came otherwise than by a load, if nothing has changed since.
    pub(super) fn put(&self, key: K, value: Arc<V>, at: Begun) {
        if self.rule.ttl.is_zero() {
            return;
        }
        let mut table = self.table();
        table.next_id += 1;
        let mut entry = Entry::new(key, value, at.generation, at.at);
        entry.flight = table.next_id - 1;
        let (entry, required) = (Arc::new(entry), || (self.required)(&self.generations, key));
        publish(&mut *table, at.generation, required, |_| self.publish(&entry));
    }

    /// Everything is read anew, and nothing of it stays in memory but what somebody holds.
    pub(super) fn clear(&self) {
        let _table = self.table();
        self.front.store(None);
        for (key, _) in &self.entries {
            self.entries.invalidate(&*key);
        }
        self.entries.run_pending_tasks();
    }

    /// The server answers again: what failed a moment ago may be tried.
    pub(super) fn forget_failures(&self) {
        self.table().forget_failures();
    }

    pub(super) fn stats(&self) -> CacheStats {
        self.counters.stats()
    }

    /// The way of most reads: nothing is allocated, and threads meet at one reference count only.
    fn front_hit(&self, key: K) -> Option<Cached<V>> {
        let front = self.front.load();
        let entry = front.as_ref().filter(|entry| entry.key == key)?;
        let now = self.now();
        let is_fresh = entry.generation >= (self.required)(&self.generations, key)
            && entry.age(now, self.lifetime(entry, now)) == Age::Fresh;
        is_fresh.then(|| {
            self.counters.hit(entry.parts);
            trace!(operation = self.operation, cache = "hit");
            entry.served(Served::Fresh, now, 0)
        })
    }

    pub(super) fn hit(&self, entry: &Entry<K, V>) -> Cached<V> {
        self.counters.hit(entry.parts);
        trace!(operation = self.operation, cache = "hit");
        entry.served(Served::Fresh, self.now(), 0)
    }

    /// What was good to be given out, though it is remembered elsewhere.
    pub(super) fn hit_by(&self, value: Arc<V>, loaded_at: Duration) -> Cached<V> {
        self.counters.hit(1);
        trace!(operation = self.operation, cache = "hit");
        Cached::new(value, Served::Fresh, self.now().saturating_sub(loaded_at), 0)
    }

    /// Has `entry` renewed before it is too old, if nobody else has.
    fn refresh_ahead<F>(self: &Arc<Self>, entry: &Entry<K, V>, load: impl Fn(Load) -> F)
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let now = self.now();
        let lifetime = self.lifetime(entry, now);
        let pause = lifetime.ttl.saturating_sub(lifetime.due) / REFRESH_TRIES;
        if entry.take_refresh(now, pause) {
            let mut table = self.table();
            let is_latest = self.remembered(entry.key).is_some_and(|latest| latest.flight == entry.flight);
            let is_coming = table.flights.contains_key(&entry.key);
            if is_latest && !is_coming && table.failure(entry.key, now).is_none() {
                self.begin(&mut table, entry.key, Priority::Background, load);
            }
        }
    }

    /// What is there, and another one is got meanwhile.
    fn stale_for_now<F>(
        self: &Arc<Self>,
        entry: &Entry<K, V>,
        reason: Stale,
        load: impl Fn(Load) -> F,
    ) -> Cached<V>
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let (key, now) = (entry.key, self.now());
        let required = (self.required)(&self.generations, key);
        let mut table = self.table();
        let is_coming = table.flights.get(&key).is_some_and(|flight| flight.will_do(required));
        if !is_coming && table.failure(key, now).is_none() {
            self.begin(&mut table, key, Priority::Foreground, load);
        }
        drop(table);
        self.counters.stale();
        entry.served(Served::Stale(reason), now, 0)
    }

    /// What is there instead of an error, if it will do.
    fn better_than(&self, error: Error, stale: Option<&Arc<Entry<K, V>>>) -> Result<Cached<V>, Error> {
        let Some(entry) = stale.filter(|_| is_outage(&error)) else { return Err(error) };
        let required = (self.required)(&self.generations, entry.key);
        let now = self.now();
        if entry.generation < required || entry.age(now, self.lifetime(entry, now)) == Age::Gone {
            return Err(error);
        }
        let age = now.saturating_sub(entry.loaded_at);
        warn!(operation = self.operation, ?age, %error, "what is remembered is too old, and all there is");
        self.counters.stale();
        Ok(entry.served(Served::Stale(Stale::Failed(error.kind())), now, error.attempts()))
    }

    /// Waits for a flight that brings what is new enough: any such flight, or for a refresh one that is sent after
    /// `next_id` was the number of the next.
    async fn wait<F>(
        self: &Arc<Self>,
        key: K,
        refresh: Option<u64>,
        load: impl Fn(Load) -> F,
    ) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        loop {
            let (mut arrival, role) = match self.board(key, refresh, &load) {
                Boarded::Flight(arrival, role) => (arrival, role),
                Boarded::Come(entry) => return Ok(self.joined(&entry)),
                Boarded::Failed(error) => {
                    self.counters.failure_repeated();
                    // This read spent nothing.
                    return Err(error.with_attempts(0));
                }
            };
            let landing = arrival.wait_for(Option::is_some).await.ok().and_then(|landing| landing.clone());
            match (role, landing) {
                // It was sent too early, or not at all: there is another after it.
                (Role::Bystander, _) | (_, Some(Landing::Skipped)) => {}
                (Role::First, Some(Landing::Loaded(entry))) => {
                    return Ok(entry.served(Served::Fresh, self.now(), entry.calls));
                }
                (Role::Joiner, Some(Landing::Loaded(entry))) => return Ok(self.joined(&entry)),
                (Role::First, Some(Landing::Failed(error))) => return Err(error),
                (Role::Joiner, Some(Landing::Failed(error))) => return Err(error.with_attempts(0)),
                (_, None) => {
                    let message = "the runtime that the call was made on has ended";
                    let error = Error::new(ErrorKind::Internal, message).after_sending();
                    return Err(error.with_operation(self.operation));
                }
            }
        }
    }

    /// Finds the flight to wait for, or begins one, unless what is wanted has come or failed meanwhile.
    fn board<F>(self: &Arc<Self>, key: K, refresh: Option<u64>, load: &impl Fn(Load) -> F) -> Boarded<K, V>
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let mut table = self.table();
        let required = (self.required)(&self.generations, key);
        if let Some((entry, _)) = self.good(key)
            && refresh.is_none_or(|next_id| entry.flight >= next_id)
        {
            return Boarded::Come(entry);
        }
        if let Some(flight) = table.flights.get(&key).filter(|flight| flight.will_do(required)) {
            let is_for_me = refresh.is_none_or(|next_id| flight.departs_after(next_id));
            let role = if is_for_me { Role::Joiner } else { Role::Bystander };
            return Boarded::Flight(flight.arrival.clone(), role);
        }
        // Whoever wants it anew wants it tried anew.
        let failure = table.failure(key, self.now()).filter(|_| refresh.is_none());
        if let Some(error) = failure {
            return Boarded::Failed(error.clone());
        }
        self.counters.miss();
        Boarded::Flight(self.begin(&mut table, key, Priority::Foreground, load), Role::First)
    }

    /// Begins a flight. It goes on whether or not anybody waits for it.
    fn begin<F>(
        self: &Arc<Self>,
        table: &mut Table<K, V>,
        key: K,
        priority: Priority,
        load: impl Fn(Load) -> F,
    ) -> Arrival<K, V>
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let id = table.next_id;
        table.next_id += 1;
        let departure = Departure::default();
        let tower = Tower { cache: Arc::clone(self), departure: departure.clone() };
        let cache = if priority == Priority::Background { "refresh" } else { "miss" };
        let load = load(Load { priority, cache, watch: Some(Arc::new(tower)), sent: departure.clone() });
        let (sender, arrival) = watch::channel(None);
        let flight = Flight { id, departure: departure.clone(), arrival: arrival.clone() };
        table.flights.insert(key, flight);

        let this = Arc::clone(self);
        // Two tasks: a panic in the load is an error for all.
        let loading = async move {
            this.surroundings.quiet().await;
            if priority == Priority::Background {
                if !this.surroundings.can_spare_a_call().await {
                    this.counters.refresh_skipped();
                    return None;
                }
                this.counters.refresh();
            }
            let result = load.await;
            if priority == Priority::Background {
                let calls = result.as_ref().map_or_else(Error::attempts, |loaded| loaded.calls);
                this.counters.refreshed(calls);
            }
            Some(result)
        };
        let loading = tokio::spawn(loading.in_current_span());
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let result = loading.await.unwrap_or_else(|error| {
                let failed =
                    Error::new(ErrorKind::Internal, "the load did not come to an end").after_sending();
                Some(Err(failed.with_operation(this.operation).with_source(error)))
            });
            let landing = this.land(key, id, &departure, result);
            sender.send_replace(Some(landing));
        });
        arrival
    }

    /// Ends a flight: what it brought is remembered, if nothing has changed since it was sent.
    fn land(
        &self,
        key: K,
        id: u64,
        departure: &Departure,
        result: Option<Result<Loaded<V>, Error>>,
    ) -> Landing<K, V> {
        let mut table = self.table();
        if table.flights.get(&key).is_some_and(|flight| flight.id == id) {
            table.flights.remove(&key);
        }
        let loaded = match result {
            None => return Landing::Skipped,
            Some(Err(error)) => {
                if is_to_be_remembered(&error) {
                    table.failed(key, error.clone(), self.now());
                }
                return Landing::Failed(error);
            }
            Some(Ok(loaded)) => loaded,
        };
        table.succeeded(key);
        let begun = departure.begun();
        let at = begun.unwrap_or(Begun { generation: 0, at: self.now() });
        let mut entry = Entry::new(key, loaded.value, at.generation, at.at);
        (entry.good_until, entry.flight) = (loaded.good_until, id);
        (entry.calls, entry.parts) = (loaded.calls, loaded.parts);
        let entry = Arc::new(entry);
        let required = || (self.required)(&self.generations, key);
        // What came without a call of its own is remembered where it came from.
        if begun.is_some() && !publish(&mut *table, at.generation, required, |_| self.publish(&entry)) {
            self.counters.discarded();
            debug!(operation = self.operation, "something changed during the load: it is not remembered");
        }
        Landing::Loaded(entry)
    }

    /// Where all find it; whoever does this holds the table.
    fn publish(&self, entry: &Arc<Entry<K, V>>) {
        let loaded_at = u64::try_from(entry.loaded_at.as_nanos()).unwrap_or(u64::MAX);
        self.newest.fetch_max(loaded_at, Ordering::Release);
        self.entries.insert(entry.key, Arc::clone(entry));
        self.front.store(Some(Arc::clone(entry)));
    }

    async fn bypass<F>(&self, load: impl Fn(Load) -> F) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<Loaded<V>, Error>>,
    {
        let sent = Departure::default();
        let loaded =
            load(Load { priority: Priority::Foreground, cache: "bypass", watch: None, sent }).await?;
        Ok(Cached::new(loaded.value, Served::Fresh, Duration::ZERO, loaded.calls))
    }

    fn joined(&self, entry: &Entry<K, V>) -> Cached<V> {
        self.counters.join(entry.parts);
        trace!(operation = self.operation, cache = "join");
        entry.served(Served::Fresh, self.now(), 0)
    }

    fn find(&self, key: K) -> Option<Found<K, V>> {
        let entry = self.remembered(key)?;
        let now = self.now();
        let age = entry.age(now, self.lifetime(&entry, now));
        if age == Age::Gone {
            // Personal data goes when its time is up.
            self.front.compare_and_swap(&entry, None);
            return None;
        }
        if entry.generation < (self.required)(&self.generations, key) {
            return Some(Found::Invalidated(entry));
        }
        Some(if age == Age::TooOld { Found::TooOld(entry) } else { Found::Good(entry, age) })
    }

    fn remembered(&self, key: K) -> Option<Arc<Entry<K, V>>> {
        let front = self.front.load();
        if let Some(entry) = front.as_ref().filter(|entry| entry.key == key) {
            return Some(Arc::clone(entry));
        }
        self.entries.get(&key)
    }

    fn lifetime(&self, entry: &Entry<K, V>, now: Duration) -> Lifetime {
        match self.webhook_ttl(entry, now) {
            Some(ttl) => Lifetime::new(&self.rule, ttl),
            None => self.lifetime,
        }
    }

    /// The longer time that an entry is good while webhooks come.
    fn webhook_ttl(&self, entry: &Entry<K, V>, now: Duration) -> Option<Duration> {
        if !self.follows_webhooks {
            return None;
        }
        self.surroundings.webhook_ttl(entry.loaded_at, now).filter(|ttl| *ttl > self.rule.ttl)
    }

    fn now(&self) -> Duration {
        self.surroundings.now()
    }

    fn table(&self) -> MutexGuard<'_, Table<K, V>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees a load off.
struct Tower<K, V: ?Sized> {
    cache: Arc<ReadThrough<K, V>>,
    departure: Departure,
}

impl<K, V> Watch for Tower<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
{
    fn on_sending(&self) {
        // Behind the table's lock, so that whoever finds a flight that has not been sent knows that it is sent later. A
        // second attempt sees what changed since the first.
        let _table = self.cache.table();
        let begun = Begun { generation: self.cache.generations.latest(), at: self.cache.now() };
        self.departure.begin(begun);
    }
}

impl<K, V: ?Sized> fmt::Debug for Tower<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tower").finish_non_exhaustive()
    }
}

impl<K, V: ?Sized> fmt::Debug for ReadThrough<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadThrough").field("operation", &self.operation).finish_non_exhaustive()
    }
}

fn not_cached(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotCached, "it is not remembered, and no call was to be made for it")
        .with_operation(operation)
}

/// Whether the server cannot be had right now, which says nothing about what was asked for.
fn is_outage(error: &Error) -> bool {
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

/// Whether a call was spent on it that the next reader should not spend again.
fn is_to_be_remembered(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::MaxWait | ErrorKind::Deadline | ErrorKind::NotCached)
}
