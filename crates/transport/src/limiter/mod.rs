//! When a call may be sent.
//!
//! UltraCart takes 1,000 calls an hour, 10,000 a day, and **one at a time**. So a call passes a gate first, takes
//! its token of every window then, and is sent at once: a token that was taken before the wait at the gate would be
//! stamped too early, and a server that was slow meanwhile would count calls that the limiter has forgotten. The
//! windows are taken all or none, under one lock. The gate stays shut until the answer has been read to its end and
//! [`guard_gap`](crate::config::Limiter::guard_gap) more, since the server may clear its own mark a little later.
//!
//! A 429 closes the gate for everybody until the server's time is up, or, where it names none, for a time that
//! doubles with each further one.

mod cell;
pub(crate) mod retry_after;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::Clock;
use crate::config;
use crate::error::{Error, ErrorKind};
use cell::Cell;

/// A clock can stand still while the machine sleeps, so no wait is longer before looking again.
const SLICE: Duration = Duration::from_secs(30);
/// How long the gate stays shut after a call whose end was not seen: the server may still be at it.
const QUARANTINE: Duration = Duration::from_secs(2);
/// The longest hold after a 429 that names no time.
const LONGEST_HOLD: Duration = Duration::from_mins(15);

/// Lets calls through when the quota allows. Clones share everything.
#[derive(Clone, Debug)]
pub struct Limiter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    gate: Arc<Semaphore>,
    state: Mutex<State>,
    /// Calls that wait for their turn.
    waiting: AtomicU32,
    spent: AtomicU64,
    guard_gap: Duration,
    max_wait: Option<Duration>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct State {
    cells: Vec<Cell>,
    /// Nothing is sent before: the guard gap, a hold or a quarantine.
    not_before: Duration,
    /// 429s since the last answer that was none.
    rejections: u32,
    /// A running mean of how long a call takes, its guard gap included; `None` before the first one.
    service_time: Option<Duration>,
}

/// How an attempt ended, as far as the limiter cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There was an answer.
    Answered,
    /// There was a 429, with this `Retry-After`.
    Rejected(Option<Duration>),
    /// Nothing was sent.
    Unsent,
    /// Its end was not seen.
    Unknown,
}

impl Limiter {
    pub(crate) fn new(config: &config::Limiter, clock: Arc<dyn Clock>) -> Self {
        let cells = config.windows.iter().map(|window| Cell::new(window, config.spare)).collect();
        Self(Arc::new(Inner {
            gate: Arc::new(Semaphore::new(config.max_concurrency.max(1) as usize)),
            state: Mutex::new(State { cells, not_before: Duration::ZERO, rejections: 0, service_time: None }),
            waiting: AtomicU32::new(0),
            spent: AtomicU64::new(0),
            guard_gap: config.guard_gap,
            max_wait: config.max_wait,
            clock,
        }))
    }

    /// How many calls have been sent, retries and token refreshes included.
    pub fn calls_spent(&self) -> u64 {
        self.0.spent.load(Ordering::Relaxed)
    }

    /// How long it takes until `calls` further calls have been sent, from what is known now: what is left of each
    /// window, a hold, and how long a call takes.
    pub fn forecast(&self, calls: u32) -> Duration {
        let Some(between) = calls.checked_sub(1) else { return Duration::ZERO };
        let now = self.0.clock.now();
        let state = self.0.lock();
        let ready_at = state.cells.iter().map(|cell| cell.ready_at(calls, now)).max().unwrap_or(now);
        ready_at
            .max(now.max(state.not_before) + state.service_time.unwrap_or(self.0.guard_gap) * between)
            .saturating_sub(now)
    }

    /// A turn, in the order of asking.
    pub(crate) async fn acquire(&self) -> Result<Permit, Error> {
        let inner = &self.0;
        let asked_at = inner.clock.now();
        let _waiting = Waiting::new(&inner.waiting);
        if let Some(max_wait) = inner.max_wait {
            let wait = self.forecast(inner.waiting.load(Ordering::Relaxed));
            if wait > max_wait {
                return Err(too_long(wait, max_wait));
            }
        }
        let gate = Arc::clone(&inner.gate).acquire_owned().await.map_err(|closed| {
            Error::new(ErrorKind::Internal, "the limiter's gate is gone").with_source(closed)
        })?;
        let permit = Permit { limiter: self.clone(), sent_at: Mutex::new(None), _gate: gate };
        inner.take(asked_at).await?;
        permit.start();
        Ok(permit)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a token of every window, as soon as all have one.
    async fn take(&self, asked_at: Duration) -> Result<(), Error> {
        loop {
            let now = self.clock.now();
            let wait = {
                let state = self.lock();
                let ready_at = state.ready_at(now);
                if ready_at <= now {
                    for cell in &state.cells {
                        let taken = cell.take(now);
                        debug_assert!(taken, "every window has been asked under the same lock");
                    }
                    self.spent.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                if let Some(max_wait) = self.max_wait.filter(|max_wait| ready_at > asked_at + *max_wait) {
                    return Err(too_long(ready_at.saturating_sub(now), max_wait));
                }
                ready_at.saturating_sub(now)
            };
            self.clock.sleep(wait.min(SLICE)).await;
        }
    }
}

impl State {
    fn ready_at(&self, now: Duration) -> Duration {
        self.cells.iter().map(|cell| cell.ready_at(1, now)).max().unwrap_or(now).max(self.not_before)
    }

    fn learn(&mut self, outcome: Outcome, now: Duration) {
        match outcome {
            Outcome::Answered => self.rejections = 0,
            Outcome::Unsent => {}
            Outcome::Unknown => self.hold(now + QUARANTINE),
            Outcome::Rejected(retry_after) => {
                let period = self.cells.iter().map(Cell::period).max().unwrap_or(QUARANTINE);
                let doubled = period.saturating_mul(1 << self.rejections.min(16)).min(LONGEST_HOLD);
                self.hold(now + retry_after.unwrap_or(doubled));
                self.rejections += 1;
            }
        }
    }

    fn hold(&mut self, until: Duration) {
        self.not_before = self.not_before.max(until);
    }
}

fn too_long(wait: Duration, max_wait: Duration) -> Error {
    let shown =
        |duration: Duration| humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string();
    Error::new(
        ErrorKind::MaxWait,
        format!("its turn would come in {} and `limiter.max_wait` is {}", shown(wait), shown(max_wait)),
    )
    .with_retry_after(wait)
}

/// A turn to send one attempt. The gate is shut until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Limiter,
    sent_at: Mutex<Option<Duration>>,
    _gate: OwnedSemaphorePermit,
}

impl Permit {
    /// A further turn behind the same gate, for a call that needs another one first.
    pub(crate) async fn renew(&self) -> Result<(), Error> {
        let inner = &self.limiter.0;
        self.finish(Outcome::Answered);
        inner.take(inner.clock.now()).await?;
        self.start();
        Ok(())
    }

    /// Says how the attempt ended.
    pub(crate) fn finish(&self, outcome: Outcome) {
        let Some(sent_at) = self.sent_at().take() else { return };
        let inner = &self.limiter.0;
        let now = inner.clock.now();
        let mut state = inner.lock();
        state.hold(now + inner.guard_gap);
        if outcome == Outcome::Answered {
            let took = now.saturating_sub(sent_at) + inner.guard_gap;
            state.service_time = Some(state.service_time.map_or(took, |mean| (mean * 7 + took) / 8));
        }
        state.learn(outcome, now);
    }

    fn start(&self) {
        *self.sent_at() = Some(self.limiter.0.clock.now());
    }

    fn sent_at(&self) -> MutexGuard<'_, Option<Duration>> {
        self.sent_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // Nobody said how it ended: the runtime went away, or a layer below panicked.
        self.finish(Outcome::Unknown);
    }
}

/// Counts a waiter for as long as it waits.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicU32) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
