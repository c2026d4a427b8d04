//! A load, from when it is begun until it is over.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tracing::Instrument as _;
use ultracart_transport::limiter::Priority;
use ultracart_transport::{Error, ErrorKind, Sending, Watch};

use super::flights::{Begun, Departure, Flight, Landing, Purpose};
use super::read_through::ReadThrough;

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

impl Load {
    /// A load that `cache` watches; `id` says which flight it is, if it is in the table.
    pub(super) fn new<K, V>(
        cache: &Arc<ReadThrough<K, V>>,
        key: K,
        id: Option<u64>,
        priority: Priority,
        label: &'static str,
        sent: &Departure,
    ) -> Self
    where
        K: Copy + Eq + Hash + Send + Sync + 'static,
        V: ?Sized + Send + Sync + 'static,
    {
        let tower = Tower { cache: Arc::clone(cache), key, id, departure: sent.clone() };
        Self { priority, cache: label, watch: Some(Arc::new(tower)), sent: sent.clone() }
    }

    /// It is not sent by itself, and as new as what is asked for from now on.
    pub(crate) fn begin(&self) -> Result<(), Error> {
        match self.watch.as_ref().map_or(Sending::GoOn, |watch| watch.on_sending(false)) {
            Sending::GoOn => Ok(()),
            Sending::Withdraw => Err(Error::new(ErrorKind::Internal, "another load has taken its place")),
        }
    }
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
    fn on_sending(&self, _reached: bool) -> Sending {
        // Behind the table's lock, so that whoever finds a flight that has not been sent knows that it is sent later. A
        // second attempt sees what changed since the first.
        let table = self.cache.table();
        let is_wanted =
            self.id.is_none_or(|id| self.departure.begun().is_some() || table.contains(self.key, id));
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
pub(super) struct Takeoff<K, V, F>
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
    /// A flight, and its entry in the table.
    pub(super) fn new(
        cache: &Arc<ReadThrough<K, V>>,
        key: K,
        id: u64,
        purpose: Purpose,
        load: impl Fn(Load) -> F,
    ) -> (Self, Flight<K, V>) {
        let flight = Flight::new(id, purpose);
        let (priority, label) = match purpose {
            Purpose::Ahead => (Priority::Background, "refresh"),
            Purpose::Readers | Purpose::Next => (Priority::Foreground, "miss"),
        };
        let load = load(Load::new(cache, key, Some(id), priority, label, &flight.departure));
        let airborne = Airborne { cache: Arc::clone(cache), key, flight: flight.clone() };
        (Self { airborne, load }, flight)
    }

    /// Goes on in a task of its own; where there is no runtime, it is not made.
    pub(super) fn go(self) {
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
    flight: Flight<K, V>,
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
            let mut may_be_left = self.flight.purpose == Purpose::Readers;
            loop {
                tokio::select! {
                    biased;
                    () = self.flight.cancelled.notified() => break None,
                    result = &mut work => break result,
                    () = self.flight.announcer.closed(), if may_be_left => {
                        if self.leave_if_left() {
                            break None;
                        }
                        // Somebody has come since, or it has been sent.
                        may_be_left = !self.flight.is_sent();
                    }
                }
            }
        };
        let landing = match result {
            Some(result) => self.cache.land(self.key, &self.flight, result),
            None => self.skipped(),
        };
        self.flight.announcer.send_replace(Some(landing));
    }

    /// It is not made: nobody may find it in the table any more.
    fn skipped(&self) -> Landing<K, V> {
        self.cache.table().remove(self.key, self.flight.id);
        Landing::Skipped
    }

    /// What the load brings; nothing, where it is not made.
    async fn work(
        &self,
        load: impl Future<Output = Result<Loaded<V>, Error>>,
    ) -> Option<Result<Loaded<V>, Error>> {
        let surroundings = &self.cache.surroundings;
        surroundings.quiet().await;
        if self.flight.purpose != Purpose::Ahead {
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
        let is_left = !self.flight.is_sent() && self.flight.announcer.receiver_count() == 0;
        if is_left {
            table.remove(self.key, self.flight.id);
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
        if self.flight.announcer.borrow().is_some() {
            return;
        }
        let landing = if std::thread::panicking() {
            let result = Err(self.cache.broken_off());
            self.cache.land(self.key, &self.flight, result)
        } else {
            // Its runtime has ended. Whoever waits on another one begins anew.
            self.skipped()
        };
        self.flight.announcer.send_replace(Some(landing));
    }
}
