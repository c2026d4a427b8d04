//! One cache: what is remembered, who is fetching what, and what a reader gets.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::ops::compute::Op;
use tracing::{debug, trace, warn};
use ultracart_transport::limiter::Priority;
use ultracart_transport::{Error, ErrorKind};

use super::cached::{Cached, Served, Stale};
use super::entry::{Age, Entry, Lifetime};
use super::flights::{Arrival, Begun, Flight, Key, Landing, Purpose, Table, is_outage};
use super::generations::{Generations, publish};
use super::load::{Load, Loaded, take_off};
use super::policy::CachePolicy;
use super::slots::Slots;
use super::stats::{CacheStats, Counters};
use super::surroundings::{Surroundings, TICK, nanos};
use super::threads::{self, Latest, Lent, Own, THREADS};
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
    /// How often each thread found what it looked for, and the latest entry, at a fraction of what a look into `entries`
    /// costs. It is believed no more than any other.
    slots: Slots<Own<K, V>>,
    pub(super) generations: Arc<Generations>,
    /// How new an entry has to be.
    required: fn(&Generations, K) -> u64,
    table: Mutex<Table<K, V>>,
    pub(super) surroundings: Arc<Surroundings>,
    /// When the newest of them was loaded, in nanoseconds.
    newest: AtomicU64,
    /// Whether events tell of every change.
    follows_webhooks: bool,
    pub(super) counters: Counters,
}

/// How things are with a key.
enum Found<K, V: ?Sized> {
    Good(Arc<Entry<K, V>>, Age),
    TooOld(Arc<Entry<K, V>>),
    Invalidated(Arc<Entry<K, V>>),
}

/// What somebody finds who wants what is new enough.
enum Boarded<K, V: ?Sized> {
    /// It has come already.
    Come(Arc<Entry<K, V>>),
    /// It is on its way.
    Flight(Arrival<K, V>, Role),
    /// It is to take off when the table is let go of.
    New(Arc<Flight<K, V>>),
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

impl<K: Key, V: ?Sized + Send + Sync + 'static> ReadThrough<K, V> {
    pub(super) fn new(
        operation: &'static str,
        rule: &CacheRule,
        max_entries: u64,
        generations: &Arc<Generations>,
        required: fn(&Generations, K) -> u64,
        surroundings: &Arc<Surroundings>,
        follows_webhooks: bool,
    ) -> Self {
        // moka lets go of what nobody asks for when it is used for something else.
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
            slots: Slots::new(THREADS, Own::new),
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
    /// call, at once; what it makes goes on in a task of its own. Once sent, it does so whether or not anybody waits.
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
            // What waits is apart, so that a hit has no room for it to be made and moved.
            CachePolicy::Bypass => return Box::pin(self.bypass(load)).await,
            _ if self.rule.ttl.is_zero() => return Box::pin(self.bypass(load)).await,
            CachePolicy::Refresh => {
                let departures = self.table().departures;
                return Box::pin(self.wait(key, Some(departures), load)).await;
            }
            CachePolicy::Default | CachePolicy::NeverStale | CachePolicy::StaleAllowed => {}
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
                return self.stale_for_now(&entry, Stale::Refreshing, load);
            }
            Some(Found::Invalidated(entry)) if policy == CachePolicy::StaleAllowed => {
                return self.stale_for_now(&entry, Stale::Invalidated, load);
            }
            Some(Found::TooOld(entry)) if policy == CachePolicy::Default => Some(entry),
            _ => None,
        };
        let result = Box::pin(self.wait(key, None, load)).await;
        let required = || (self.required)(&self.generations, key);
        result.or_else(|error| self.better_than(error, stale.as_ref(), required()))
    }

    /// What is remembered and good, and not counted as a read.
    pub(super) fn good(&self, key: K) -> Option<(Arc<Entry<K, V>>, Age)> {
        match self.find(key)? {
            Found::Good(entry, age) => Some((entry, age)),
            Found::TooOld(_) | Found::Invalidated(_) => None,
        }
    }

    /// Whether anything has been read since, as far as is known.
    pub(super) fn has_read_since(&self, then: Duration) -> bool {
        self.newest.load(Ordering::Acquire) > nanos(then)
    }

    /// What is remembered, if it is good and newer than this.
    pub(super) fn newer_than(&self, key: K, loaded_at: Option<Duration>) -> Option<Arc<Entry<K, V>>> {
        if loaded_at.is_some_and(|loaded_at| !self.has_read_since(loaded_at)) {
            return None; // None is, and a look would cost something.
        }
        let is_newer =
            |entry: &Arc<Entry<K, V>>| loaded_at.is_none_or(|loaded_at| entry.loaded_at > loaded_at);
        self.good(key).map(|(entry, _)| entry).filter(is_newer)
    }

    /// What is remembered, if it is good for whoever needs nothing newer than `required`, and how old it is.
    pub(super) fn as_of(&self, key: K, required: u64) -> Option<(Arc<Entry<K, V>>, Age)> {
        self.aged(key).filter(|(entry, _)| entry.generation >= required)
    }

    /// Remembers what came otherwise than by a load, if nothing has changed since.
    pub(super) fn put(&self, key: K, value: Arc<V>, at: Begun) {
        if self.rule.ttl.is_zero() {
            return;
        }
        let mut table = self.table();
        let loaded = Loaded { value, calls: 0, parts: 1, good_until: None };
        let entry = Arc::new(Entry::new(key, loaded, at, 0));
        let required = || (self.required)(&self.generations, key);
        publish(&mut *table, at.generation, required, |_| self.publish(&entry));
    }

    /// Everything is read anew, and nothing of it stays in memory but what somebody holds.
    pub(super) fn clear(&self) {
        let mut table = self.table();
        table.forget_failures(|_| true);
        self.replace_latest(None, |_| true);
        for (key, _) in &self.entries {
            self.entries.invalidate(&*key);
        }
        self.entries.run_pending_tasks();
    }

    /// The server answers again: what could not be had a moment ago may be tried.
    pub(super) fn forget_failures(&self) {
        self.table().forget_failures(is_outage);
    }

    /// It may be there now.
    pub(super) fn forget_failure(&self, key: K) {
        self.table().forget_failure(key);
    }

    pub(super) fn stats(&self) -> CacheStats {
        let slots = self.slots.all();
        let hits = slots.iter().map(|own| own.hits).sum();
        let calls_saved = slots.iter().map(|own| own.calls_saved).sum();
        self.counters.stats(hits, calls_saved)
    }

    /// The way of most reads of the latest entry: nothing is allocated, and threads meet nowhere.
    #[inline]
    pub(crate) fn lent_hit(&self, key: K, policy: CachePolicy) -> Option<Lent<V>> {
        if !matches!(policy, CachePolicy::Default | CachePolicy::NeverStale | CachePolicy::StaleAllowed) {
            return None;
        }
        let mut own = self.own();
        let latest = own.latest.as_ref().filter(|latest| latest.entry.key == key)?;
        let now = self.surroundings.coarse();
        if !self.is_fresh(latest, now) {
            return None;
        }
        let parts = latest.entry.parts;
        let hit = Lent { loan: Arc::clone(&latest.loan), age: now.saturating_sub(latest.loaded_at) };
        own.hit(parts);
        drop(own);
        self.tell_of_hit(parts);
        Some(hit)
    }

    /// Whether an entry is fresh, whatever the exact time is. What is not by then is looked at by that.
    #[inline]
    fn is_fresh(&self, latest: &Latest<K, V>, coarse: u64) -> bool {
        let (entry, now) = (&latest.entry, coarse.saturating_add(TICK));
        entry.generation >= (self.required)(&self.generations, entry.key)
            && (now < latest.fresh_until || self.is_kept_fresh(entry, Duration::from_nanos(now)))
    }

    /// Whether webhooks that come keep it fresh.
    fn is_kept_fresh(&self, entry: &Entry<K, V>, now: Duration) -> bool {
        entry.age(now, self.lifetime(entry, now)) == Age::Fresh
    }

    fn hit(&self, entry: &Entry<K, V>) -> Cached<V> {
        self.count_hit(entry.parts);
        entry.served(Served::Fresh, self.now(), 0)
    }

    /// What was good to be given out, though it is remembered elsewhere.
    pub(super) fn hit_by(&self, value: Arc<V>, begun: Begun) -> Cached<V> {
        self.count_hit(1);
        let age = self.now().saturating_sub(begun.at);
        Cached::new(value, Served::Fresh, age, 0, begun.generation)
    }

    fn count_hit(&self, calls_saved: u32) {
        self.own().hit(calls_saved);
        self.tell_of_hit(calls_saved);
    }

    #[inline]
    fn tell_of_hit(&self, calls_saved: u32) {
        self.counters.tell_of_hit(calls_saved);
        trace!(operation = self.operation, cache = "hit");
    }

    /// Has `entry` renewed before it is too old, if nobody else has.
    fn refresh_ahead<F>(self: &Arc<Self>, entry: &Entry<K, V>, load: impl Fn(Load) -> F)
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let now = self.now();
        let lifetime = self.lifetime(entry, now);
        let pause = lifetime.ttl.saturating_sub(lifetime.due) / REFRESH_TRIES;
        if !entry.take_refresh(now, pause) {
            return;
        }
        if let Boarded::New(flight) = self.board(entry.key, Purpose::Ahead, None) {
            take_off(self, flight, load);
        }
    }

    /// What is there, and another one is got meanwhile.
    fn stale_for_now<F>(
        self: &Arc<Self>,
        entry: &Entry<K, V>,
        reason: Stale,
        load: impl Fn(Load) -> F,
    ) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let reason = match self.board(entry.key, Purpose::Next, None) {
            Boarded::Come(entry) => return Ok(self.hit(&entry)),
            Boarded::Failed(error) if !is_outage(&error) => return Err(self.repeated(error)),
            Boarded::Failed(error) if reason == Stale::Refreshing => Stale::Failed(error.kind()),
            Boarded::Failed(_) | Boarded::Flight(..) => reason,
            Boarded::New(flight) => {
                take_off(self, flight, load);
                reason
            }
        };
        self.counters.stale();
        Ok(entry.served(Served::Stale(reason), self.now(), 0))
    }

    /// What is there instead of an error, if it will do.
    pub(super) fn better_than(
        &self,
        error: Error,
        stale: Option<&Arc<Entry<K, V>>>,
        required: u64,
    ) -> Result<Cached<V>, Error> {
        let Some(entry) = stale.filter(|_| is_outage(&error)) else { return Err(error) };
        let now = self.now();
        if entry.generation < required || entry.age(now, self.lifetime(entry, now)) == Age::Gone {
            return Err(error);
        }
        let age = now.saturating_sub(entry.loaded_at);
        warn!(operation = self.operation, ?age, %error, "what is remembered is too old, and all there is");
        self.counters.stale();
        Ok(entry.served(Served::Stale(Stale::Failed(error.kind())), now, error.attempts()))
    }

    /// Waits for a flight that brings what is new enough: any such flight, or for a refresh one that is sent after there
    /// had been so many departures.
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
            let (mut arrival, role) = match self.board(key, Purpose::Readers, refresh) {
                Boarded::Flight(arrival, role) => (arrival, role),
                Boarded::New(flight) => {
                    self.counters.miss();
                    let arrival = flight.announcer.subscribe();
                    take_off(self, flight, &load);
                    (arrival, Role::First)
                }
                Boarded::Come(entry) => return Ok(self.joined(&entry)),
                Boarded::Failed(error) => return Err(self.repeated(error)),
            };
            let landing = arrival.wait_for(Option::is_some).await.ok().and_then(|landing| landing.clone());
            match (role, landing.unwrap_or(Landing::Lost)) {
                (Role::First, Landing::Loaded(entry)) => {
                    return Ok(entry.served(Served::Fresh, self.now(), entry.calls));
                }
                (Role::Joiner, Landing::Loaded(entry)) => return Ok(self.joined(&entry)),
                (Role::First, Landing::Failed(error)) => return Err(error),
                (Role::Joiner, Landing::Failed(error)) => {
                    self.counters.join(0);
                    return Err(error.with_attempts(0));
                }
                (Role::First, Landing::Lost) => return Err(self.broken_off()),
                // It was sent too early, or not at all: there is another after it.
                (Role::Bystander, _) | (_, Landing::Skipped | Landing::Lost) => {}
            }
        }
    }

    /// Finds what is new enough, or the flight that brings it, and begins one if there is none, unless it has failed a
    /// moment ago.
    fn board(&self, key: K, purpose: Purpose, refresh: Option<u64>) -> Boarded<K, V> {
        let mut table = self.table();
        let required = (self.required)(&self.generations, key);
        let is_ahead = purpose == Purpose::Ahead;
        if let Some((entry, age)) = self.good(key)
            && refresh.is_none_or(|departures| entry.flight > departures)
            && !(is_ahead && age == Age::Due)
        {
            return Boarded::Come(entry);
        }
        // One ahead of time takes the place of nothing, and lets others go first: one that does not takes its place.
        let flight = table.flight(key, required).filter(|flight| is_ahead || !flight.gives_way());
        if let Some(flight) = flight {
            let is_for_me = refresh.is_none_or(|departures| flight.departs_after(departures));
            let role = if is_for_me { Role::Joiner } else { Role::Bystander };
            return Boarded::Flight(flight.announcer.subscribe(), role);
        }
        // Whoever wants it anew wants it tried anew.
        let failure = table.failure(key, required, self.now()).filter(|_| refresh.is_none());
        if let Some(error) = failure {
            return Boarded::Failed(error.clone());
        }
        let flight = Flight::new(key, purpose);
        table.insert(&flight);
        Boarded::New(flight)
    }

    /// Ends a flight: what it brought is remembered, if nothing has changed since it was sent.
    pub(super) fn land(&self, flight: &Arc<Flight<K, V>>, result: Result<Loaded<V>, Error>) -> Landing<K, V> {
        let key = flight.key;
        let mut table = self.table();
        let was_there = table.remove(flight);
        let begun = flight.departure.begun();
        let loaded = match result {
            // It was withdrawn: another one has taken its place.
            Err(_) if begun.is_none() && !was_there => return Landing::Skipped,
            Err(error) => {
                // A later part of a list may not have had its turn.
                if begun.is_some() || is_to_be_remembered(&error) {
                    let generation =
                        begun.map_or_else(|| self.generations.latest(), |begun| begun.generation);
                    table.failed(key, generation, error.clone(), self.now());
                }
                // What is remembered is from before it was deleted.
                let before = begun.filter(|_| error.is_not_found());
                if let (Some(begun), Some(entry)) = (before, self.remembered(key))
                    && entry.generation <= begun.generation
                {
                    self.let_go(&entry);
                }
                return Landing::Failed(error);
            }
            Ok(loaded) => loaded,
        };
        let begun = begun.unwrap_or_else(|| Begun { generation: 0, at: self.now() });
        table.succeeded(key, begun.generation, self.now());
        let entry = Arc::new(Entry::new(key, loaded, begun, flight.number()));
        let required = || (self.required)(&self.generations, key);
        if !publish(&mut *table, begun.generation, required, |_| self.publish(&entry)) {
            self.counters.discarded();
            debug!(operation = self.operation, "something changed during the load: it is not remembered");
        }
        Landing::Loaded(entry)
    }

    /// Where all find it; whoever does this holds the table.
    fn publish(&self, entry: &Arc<Entry<K, V>>) {
        self.newest.fetch_max(nanos(entry.loaded_at), Ordering::Release);
        self.entries.insert(entry.key, Arc::clone(entry));
        self.replace_latest(Some(entry), |_| true);
    }

    pub(super) fn broken_off(&self) -> Error {
        let message =
            "the load did not come to an end: it panicked, or there is no tokio runtime for it (any more)";
        Error::new(ErrorKind::Internal, message).after_sending().with_operation(self.operation)
    }

    async fn bypass<F>(self: &Arc<Self>, load: impl Fn(Load) -> F) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<Loaded<V>, Error>>,
    {
        let watched = Load::new(self, None, Priority::Foreground, "bypass");
        let sent = watched.sent.clone();
        let loaded = load(watched).await?;
        let sent = sent.begun().unwrap_or_else(|| Begun { generation: 0, at: self.now() });
        let age = self.now().saturating_sub(sent.at);
        Ok(Cached::new(loaded.value, Served::Fresh, age, loaded.calls, sent.generation))
    }

    fn joined(&self, entry: &Entry<K, V>) -> Cached<V> {
        self.counters.join(entry.parts);
        trace!(operation = self.operation, cache = "join");
        entry.served(Served::Fresh, self.now(), 0)
    }

    /// An error that this read spent nothing on.
    fn repeated(&self, error: Error) -> Error {
        self.counters.failure_repeated();
        error.with_attempts(0)
    }

    fn find(&self, key: K) -> Option<Found<K, V>> {
        let (entry, age) = self.aged(key)?;
        if entry.generation < (self.required)(&self.generations, key) {
            return Some(Found::Invalidated(entry));
        }
        Some(if age == Age::TooOld { Found::TooOld(entry) } else { Found::Good(entry, age) })
    }

    /// What is remembered and good for anything, and how old it is.
    fn aged(&self, key: K) -> Option<(Arc<Entry<K, V>>, Age)> {
        let entry = self.remembered(key)?;
        let now = self.now();
        let age = entry.age(now, self.lifetime(&entry, now));
        if age != Age::Gone {
            return Some((entry, age));
        }
        // Personal data goes when its time is up.
        self.let_go(&entry);
        None
    }

    /// Remembers it no longer. Another one may have come by now: the table may be locked or not.
    fn let_go(&self, entry: &Arc<Entry<K, V>>) {
        self.replace_latest(None, |latest| Arc::ptr_eq(latest, entry));
        self.entries.entry(entry.key).and_compute_with(|there| match there {
            Some(there) if Arc::ptr_eq(there.value(), entry) => Op::Remove,
            _ => Op::Nop,
        });
        self.entries.run_pending_tasks();
    }

    /// How many calls it takes to load what is remembered.
    pub(super) fn parts(&self, key: K) -> u32 {
        self.remembered(key).map_or(1, |entry| entry.parts)
    }

    fn remembered(&self, key: K) -> Option<Arc<Entry<K, V>>> {
        let own = self.own();
        let latest = own.latest.as_ref().filter(|latest| latest.entry.key == key);
        let latest = latest.map(|latest| Arc::clone(&latest.entry));
        drop(own);
        latest.or_else(|| self.entries.get(&key))
    }

    /// This thread's.
    #[inline]
    fn own(&self) -> MutexGuard<'_, Own<K, V>> {
        self.slots.of(threads::number())
    }

    /// Has `entry` at hand for each thread instead of the one that was, where `is_replaced`.
    fn replace_latest(
        &self,
        entry: Option<&Arc<Entry<K, V>>>,
        is_replaced: impl Fn(&Arc<Entry<K, V>>) -> bool,
    ) {
        let mut slots = self.slots.all();
        let places = slots.iter_mut().map(|own| &mut own.latest);
        let places = places.filter(|place| place.as_ref().is_none_or(|latest| is_replaced(&latest.entry)));
        let old: Vec<_> = places
            .map(|place| std::mem::replace(place, entry.map(|entry| Latest::new(entry, self.lifetime))))
            .collect();
        drop(slots);
        // Only now: to free a long list takes time, for which no reader waits.
        drop(old);
    }

    #[inline]
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

    pub(super) fn now(&self) -> Duration {
        self.surroundings.now()
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table<K, V>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Whether a call was spent on it that the next reader should not spend again.
fn is_to_be_remembered(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::MaxWait | ErrorKind::Deadline | ErrorKind::NotCached)
}
