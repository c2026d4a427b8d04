//! A load, from when it is begun until it is over.

use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use std::ops::ControlFlow;
use tokio::runtime::Handle;
use tracing::Instrument as _;
use ultracart_transport::limiter::Priority;
use ultracart_transport::{AttemptHook, EarlierAttempts, Error, ErrorKind};

use super::flights::{Begun, Departure, Flight, Key, Landing, Purpose};
use super::read_through::ReadThrough;

/// What a load is to do, and what it came to.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) priority: Priority,
    /// For the call's span.
    pub(crate) cache: &'static str,
    /// To be told when it is sent.
    pub(crate) watch: Option<Arc<dyn AttemptHook>>,
    /// Is filled in when it is sent.
    pub(crate) sent: Departure,
}

impl Load {
    /// A load that `cache` watches, with the flight that it is, if it is one.
    pub(super) fn new<K: Key, V: ?Sized + Send + Sync + 'static>(
        cache: &Arc<ReadThrough<K, V>>,
        flight: Option<&Arc<Flight<K, V>>>,
        priority: Priority,
        label: &'static str,
    ) -> Self {
        let sent = flight.map_or_else(Departure::default, |flight| flight.departure.clone());
        let tower = Tower { cache: Arc::clone(cache), flight: flight.cloned(), departure: sent.clone() };
        Self { priority, cache: label, watch: Some(Arc::new(tower)), sent }
    }

    /// It is not sent by itself, and as new as what is asked for from now on.
    pub(crate) fn begin(&self) -> Result<(), Error> {
        match self
            .watch
            .as_ref()
            .map_or(ControlFlow::Continue(()), |watch| watch.before_attempt(EarlierAttempts::HadNoEffect))
        {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                Err(Error::new(ErrorKind::Internal, "another load has taken its place"))
            }
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
    flight: Option<Arc<Flight<K, V>>>,
    departure: Departure,
}

impl<K: Key, V: ?Sized + Send + Sync + 'static> AttemptHook for Tower<K, V> {
    fn before_attempt(&self, _: EarlierAttempts) -> ControlFlow<()> {
        // Behind the table's lock, so that whoever finds a flight that has not been sent knows that it is sent later. A
        // second attempt sees what changed since the first.
        let mut table = self.cache.table();
        if self.flight.as_ref().is_some_and(|flight| !table.depart(flight)) {
            return ControlFlow::Break(());
        }
        let generation = self.cache.generations.latest();
        self.departure.begin(Begun { generation, at: self.cache.now() });
        ControlFlow::Continue(())
    }
}

impl<K, V: ?Sized> fmt::Debug for Tower<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tower").finish_non_exhaustive()
    }
}

/// A flight goes on in a task of its own; where there is no runtime, it is not made. Whoever calls this does not hold the
/// table.
pub(super) fn take_off<K, V, F>(
    cache: &Arc<ReadThrough<K, V>>,
    flight: Arc<Flight<K, V>>,
    load: impl Fn(Load) -> F,
) where
    K: Key,
    V: ?Sized + Send + Sync + 'static,
    F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
{
    let (priority, label) = match flight.purpose {
        Purpose::Ahead => (Priority::Background, "refresh"),
        Purpose::Readers | Purpose::Next => (Priority::Foreground, "miss"),
    };
    let watched = Load::new(cache, Some(&flight), priority, label);
    let airborne = Airborne { cache: Arc::clone(cache), flight };
    let load = load(watched);
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(airborne.fly(load).in_current_span());
    }
}

/// A flight on its way. However it ends, it ends for those who wait: also where the load panics or the runtime ends.
struct Airborne<K: Key, V: ?Sized + Send + Sync + 'static> {
    cache: Arc<ReadThrough<K, V>>,
    flight: Arc<Flight<K, V>>,
}

impl<K: Key, V: ?Sized + Send + Sync + 'static> Airborne<K, V> {
    async fn fly<F>(self, load: F)
    where
        F: Future<Output = Result<Loaded<V>, Error>> + Send + 'static,
    {
        let result = {
            let mut work = std::pin::pin!(self.work(load));
            let mut work = poll_fn(|context| {
                let poll = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
                poll.unwrap_or_else(|_| Poll::Ready(Some(Err(self.cache.broken_off()))))
            });
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
            Some(result) => self.cache.land(&self.flight, result),
            None => self.gone(Landing::Skipped),
        };
        self.flight.announcer.send_replace(Some(landing));
    }

    /// It is not made, or nobody knows: it is not to be found in the table any more.
    fn gone(&self, landing: Landing<K, V>) -> Landing<K, V> {
        self.cache.table().remove(&self.flight);
        landing
    }

    /// What the load brings; nothing, where it is not made.
    async fn work(
        &self,
        load: impl Future<Output = Result<Loaded<V>, Error>>,
    ) -> Option<Result<Loaded<V>, Error>> {
        let (cache, flight) = (&self.cache, &self.flight);
        cache.surroundings.quiet().await;
        if flight.purpose != Purpose::Ahead {
            return Some(load.await);
        }
        let Some(_spare) = cache.surroundings.spare_calls(cache.parts(flight.key)).await else {
            cache.counters.refresh_skipped();
            return None;
        };
        let result = load.await;
        if flight.is_sent() {
            cache.counters.refresh(result.as_ref().map_or_else(Error::attempts, |loaded| loaded.calls));
        }
        Some(result)
    }

    /// Takes it out of the table, if nobody waits for it any more and it has not been sent.
    fn leave_if_left(&self) -> bool {
        // Whoever comes now comes behind the table's lock.
        let mut table = self.cache.table();
        let is_left = !self.flight.is_sent() && self.flight.announcer.receiver_count() == 0;
        if is_left {
            table.remove(&self.flight);
        }
        is_left
    }
}

impl<K: Key, V: ?Sized + Send + Sync + 'static> Drop for Airborne<K, V> {
    fn drop(&mut self) {
        if self.flight.announcer.borrow().is_none() {
            // Its runtime has ended. Whoever waits on another one begins anew.
            let landing = self.gone(Landing::Lost);
            self.flight.announcer.send_replace(Some(landing));
        }
    }
}
