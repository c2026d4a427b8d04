//! One cache: what is remembered, who is fetching what, and what a reader gets.

use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tracing::{Instrument as _, debug, trace, warn};
use ultracart_transport::limiter::Priority;
use ultracart_transport::{Error, ErrorKind, Sending, Watch};

use super::cached::{Cached, Served, Stale};
use super::entry::{Age, Entry, Lifetime};
use super::flights::{Announcer, Arrival, Begun, Departure, Flight, Landing, Purpose, Table, is_outage};
use super::generations::{Generations, publish};
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
enum Boarded<K, V, F>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
{
    Flight(Arrival<K, V>, Role),
    /// One that is to take off.
    New(Arrival<K, V>, Takeoff<K, V, F>),
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
                let hit = self.good(key).map(|(entry, _)| self.hit(&entry, self.now()));
                return hit.ok_or_else(|| not_cached(self.operation));
            }
            // What waits is apart, so that a hit has no room for it to be made and moved.
            CachePolicy::Bypass => return Box::pin(self.bypass(key, load)).await,
            _ if self.rule.ttl.is_zero() => return Box::pin(self.bypass(key, load)).await,
            CachePolicy::Refresh => {
                let next_id = self.table().next_id;
                return Box::pin(self.wait(key, Some(next_id), load)).await;
            }
            CachePolicy::Default | CachePolicy::NeverStale | CachePolicy::StaleAllowed => {}
        }
        let stale = match self.find(key) {
            Some(Found::Good(entry, age)) => {
                let hit = self.hit(&entry, self.now());
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
        let entry = Arc::new(Entry::new(key, value, at.generation, at.at));
        let required = || (self.required)(&self.generations, key);
        publish(&mut *table, at.generation, required, |_| self.publish(&entry));
    }

    /// Everything is read anew, and nothing of it stays in memory but what somebody holds.
    pub(super) fn clear(&self) {
        let mut table = self.table();
        table.forget_failures();
        self.replace_latest(None, |_| true);
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
        let Latest { entry, loan } = own.latest.as_ref().filter(|latest| latest.entry.key == key)?;
        let now = self.surroundings.coarse();
        if !self.is_fresh(entry, now) {
            return None;
        }
        let parts = entry.parts;
        let age = nanos(now.saturating_sub(entry.loaded_at));
        let hit = Lent { loan: Arc::clone(loan), age };
        own.hit(parts);
        drop(own);
        self.tell_of_hit(parts);
        Some(hit)
    }

    /// Whether an entry is fresh, whatever the exact time is. What is not by then is looked at by that.
    #[inline]
    fn is_fresh(&self, entry: &Entry<K, V>, coarse: Duration) -> bool {
        let latest = coarse.saturating_add(TICK);
        entry.generation >= (self.required)(&self.generations, entry.key)
            && entry.age(latest, self.lifetime(entry, latest)) == Age::Fresh
    }

    fn hit(&self, entry: &Entry<K, V>, now: Duration) -> Cached<V> {
        self.count_hit(entry.parts);
        entry.served(Served::Fresh, now, 0)
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
        let mut table = self.table();
        let required = (self.required)(&self.generations, entry.key);
        let is_latest = self.remembered(entry.key).is_some_and(|latest| latest.flight == entry.flight);
        let is_coming = table.flights.contains_key(&entry.key);
        if is_latest && !is_coming && table.failure(entry.key, required, now).is_none() {
            let (_, takeoff) = self.begin(&mut table, entry.key, Purpose::Ahead, load);
            drop(table);
            takeoff.go();
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
        let (key, now) = (entry.key, self.now());
        let mut table = self.table();
        let required = (self.required)(&self.generations, key);
        let mut served = Served::Stale(reason);
        if let Some(error) = table.failure(key, required, now) {
            if !is_outage(error) {
                self.counters.failure_repeated();
                return Err(error.clone().with_attempts(0));
            }
            if reason == Stale::Refreshing {
                served = Served::Stale(Stale::Failed(error.kind()));
            }
        } else if !table.flights.get(&key).is_some_and(|flight| flight.will_do(required)) {
            let (_, takeoff) = self.begin(&mut table, key, Purpose::Next, load);
            drop(table);
            takeoff.go();
        }
        self.counters.stale();
        Ok(entry.served(served, now, 0))
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
                Boarded::New(arrival, takeoff) => {
                    takeoff.go();
                    (arrival, Role::First)
                }
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
                (_, None) => return Err(self.broken_off()),
            }
        }
    }

    /// Finds the flight to wait for, or begins one, unless what is wanted has come or failed meanwhile.
    fn board<F>(self: &Arc<Self>, key: K, refresh: Option<u64>, load: &impl Fn(Load) -> F) -> Boarded<K, V, F>
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
            if flight.purpose != Purpose::Ahead || flight.is_sent() {
                let is_for_me = refresh.is_none_or(|next_id| flight.departs_after(next_id));
                let role = if is_for_me { Role::Joiner } else { Role::Bystander };
                return Boarded::Flight(flight.announcer.subscribe(), role);
            }
            // It lets others go first: one that does not takes its place.
            flight.cancelled.notify_one();
        }
        // Whoever wants it anew wants it tried anew.
        let failure = table.failure(key, required, self.now()).filter(|_| refresh.is_none());
        if let Some(error) = failure {
            return Boarded::Failed(error.clone());
        }
        self.counters.miss();
        let (arrival, takeoff) = self.begin(&mut table, key, Purpose::Readers, load);
        Boarded::New(arrival, takeoff)
    }

    /// Puts a flight into the table. It has to take off when the table is let go of.
    fn begin<F>(
        self: &Arc<Self>,
        table: &mut Table<K, V>,
        key: K,
        purpose: Purpose,
        load: impl Fn(Load) -> F,
    ) -> (Arrival<K, V>, Takeoff<K, V, F>)
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let id = table.next_id;
        table.next_id += 1;
        let departure = Departure::default();
        let (sender, arrival) = watch::channel(None);
        let (announcer, cancelled) = (Arc::new(sender), Arc::new(Notify::new()));
        let tower = Tower { cache: Arc::clone(self), key, id: Some(id), departure: departure.clone() };
        let (priority, cache) = match purpose {
            Purpose::Ahead => (Priority::Background, "refresh"),
            Purpose::Readers | Purpose::Next => (Priority::Foreground, "miss"),
        };
        let load = load(Load { priority, cache, watch: Some(Arc::new(tower)), sent: departure.clone() });
        let airborne = Airborne {
            cache: Arc::clone(self),
            key,
            id,
            purpose,
            departure: departure.clone(),
            announcer: Arc::clone(&announcer),
            cancelled: Arc::clone(&cancelled),
        };
        table.flights.insert(key, Flight { id, purpose, departure, announcer, cancelled });
        (arrival, Takeoff { airborne, load })
    }

    /// Ends a flight: what it brought is remembered, if nothing has changed since it was sent.
    fn land(
        &self,
        key: K,
        id: u64,
        departure: &Departure,
        result: Result<Loaded<V>, Error>,
    ) -> Landing<K, V> {
        let mut table = self.table();
        table.remove(key, id);
        let begun = departure.begun();
        let loaded = match result {
            Err(error) => {
                if is_to_be_remembered(&error) {
                    let generation =
                        begun.map_or_else(|| self.generations.latest(), |begun| begun.generation);
                    table.failed(key, error.clone(), generation, self.now());
                }
                return Landing::Failed(error);
            }
            Ok(loaded) => loaded,
        };
        table.succeeded(key);
        let at = begun.unwrap_or(Begun { generation: 0, at: self.now() });
        let mut entry = Entry::new(key, loaded.value, at.generation, at.at);
        (entry.good_until, entry.flight) = (loaded.good_until, id);
        (entry.calls, entry.parts) = (loaded.calls, loaded.parts);
        let entry = Arc::new(entry);
        let required = || (self.required)(&self.generations, key);
        if !publish(&mut *table, at.generation, required, |_| self.publish(&entry)) {
            self.counters.discarded();
            debug!(operation = self.operation, "something changed during the load: it is not remembered");
        }
        Landing::Loaded(entry)
    }

    /// Where all find it, unless something newer is there; whoever does this holds the table.
    fn publish(&self, entry: &Arc<Entry<K, V>>) {
        let newness = |entry: &Entry<K, V>| (entry.generation, entry.loaded_at, entry.flight);
        if self.remembered(entry.key).is_some_and(|there| newness(&there) > newness(entry)) {
            return;
        }
        self.newest.fetch_max(nanos(entry.loaded_at), Ordering::Release);
        self.entries.insert(entry.key, Arc::clone(entry));
        self.replace_latest(Some(entry), |_| true);
    }

    fn broken_off(&self) -> Error {
        let message = "the load did not come to an end: it panicked, or its runtime has ended";
        Error::new(ErrorKind::Internal, message).after_sending().with_operation(self.operation)
    }

    async fn bypass<F>(self: &Arc<Self>, key: K, load: impl Fn(Load) -> F) -> Result<Cached<V>, Error>
    where
        F: Future<Output = Result<Loaded<V>, Error>>,
    {
        let sent = Departure::default();
        let tower = Tower { cache: Arc::clone(self), key, id: None, departure: sent.clone() };
        let load = load(Load {
            priority: Priority::Foreground,
            cache: "bypass",
            watch: Some(Arc::new(tower)),
            sent: sent.clone(),
        });
        let loaded = load.await?;
        let sent = sent.begun().unwrap_or(Begun { generation: 0, at: self.now() });
        let age = self.now().saturating_sub(sent.at);
        Ok(Cached::new(loaded.value, Served::Fresh, age, loaded.calls, sent.generation))
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
            self.replace_latest(None, |latest| Arc::ptr_eq(latest, &entry));
            return None;
        }
        if entry.generation < (self.required)(&self.generations, key) {
            return Some(Found::Invalidated(entry));
        }
        Some(if age == Age::TooOld { Found::TooOld(entry) } else { Found::Good(entry, age) })
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
        let old: Vec<_> = places.map(|place| std::mem::replace(place, entry.map(Latest::new))).collect();
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
    key: K,
    /// Which flight it is, if it is in the table.
    id: Option<u64>,
    departure: Departure,
}

impl<K, V> Watch for Tower<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
{
    fn on_sending(&self) -> Sending {
        // Behind the table's lock, so that whoever finds a flight that has not been sent knows that it is sent later. A
        // second attempt sees what changed since the first.
        let table = self.cache.table();
        let is_wanted = self.id.is_none_or(|id| {
            self.departure.begun().is_some()
                || table.flights.get(&self.key).is_some_and(|flight| flight.id == id)
        });
        if !is_wanted {
            return Sending::Withdraw;
        }
        let generation = self.cache.generations.latest();
        self.departure.begin(Begun { generation, at: self.cache.now() });
        Sending::GoOn
    }
}

impl<K, V: ?Sized> fmt::Debug for Tower<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tower").finish_non_exhaustive()
    }
}

/// A flight that is to take off.
struct Takeoff<K, V, F>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
{
    airborne: Airborne<K, V>,
    load: F,
}

impl<K, V, F> Takeoff<K, V, F>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
    F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
{
    /// Goes on in a task of its own; where there is no runtime, it has failed.
    fn go(self) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(self.airborne.fly(self.load).in_current_span());
        }
    }
}

/// A flight on its way. However it ends, it ends for those who wait: also where the load panics or the runtime ends.
struct Airborne<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
{
    cache: Arc<ReadThrough<K, V>>,
    key: K,
    id: u64,
    purpose: Purpose,
    departure: Departure,
    announcer: Announcer<K, V>,
    cancelled: Arc<Notify>,
}

impl<K, V> Airborne<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
{
    async fn fly<F>(self, load: F)
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let result = {
            let mut work = std::pin::pin!(self.work(load));
            let mut may_be_left = self.purpose == Purpose::Readers;
            loop {
                tokio::select! {
                    biased;
                    () = self.cancelled.notified() => break None,
                    result = &mut work => break result,
                    () = self.announcer.closed(), if may_be_left => {
                        if self.leave_if_left() {
                            break None;
                        }
                        // Somebody has come since, or it has been sent.
                        may_be_left = self.departure.begun().is_none();
                    }
                }
            }
        };
        let landing = match result {
            Some(result) => self.cache.land(self.key, self.id, &self.departure, result),
            None => self.skipped(),
        };
        self.announcer.send_replace(Some(landing));
    }

    /// It is not made: nobody may find it in the table any more.
    fn skipped(&self) -> Landing<K, V> {
        self.cache.table().remove(self.key, self.id);
        Landing::Skipped
    }

    /// What the load brings; nothing, where it is not made.
    async fn work(
        &self,
        load: impl Future<Output = Result<Loaded<V>, Error>>,
    ) -> Option<Result<Loaded<V>, Error>> {
        let surroundings = &self.cache.surroundings;
        surroundings.quiet().await;
        if self.purpose != Purpose::Ahead {
            return Some(load.await);
        }
        let Some(_spare) = surroundings.spare_call().await else {
            self.cache.counters.refresh_skipped();
            return None;
        };
        self.cache.counters.refresh();
        let result = load.await;
        let calls = result.as_ref().map_or_else(Error::attempts, |loaded| loaded.calls);
        self.cache.counters.refreshed(calls);
        Some(result)
    }

    /// Takes it out of the table, if nobody waits for it any more and it has not been sent.
    fn leave_if_left(&self) -> bool {
        // Whoever comes now comes behind the table's lock.
        let mut table = self.cache.table();
        let is_left = self.departure.begun().is_none() && self.announcer.receiver_count() == 0;
        if is_left {
            table.remove(self.key, self.id);
        }
        is_left
    }
}

impl<K, V> Drop for Airborne<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: ?Sized + Send + Sync + 'static,
{
    fn drop(&mut self) {
        if self.announcer.borrow().is_some() {
            return;
        }
        let landing = if std::thread::panicking() {
            let result = Err(self.cache.broken_off());
            self.cache.land(self.key, self.id, &self.departure, result)
        } else {
            // Its runtime has ended. Whoever waits on another one begins anew.
            self.skipped()
        };
        self.announcer.send_replace(Some(landing));
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
