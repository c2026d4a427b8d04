//! A turn that somebody holds.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::dispatcher::Ask;
use super::state::{Outcome, Turn};
use super::{Bound, Limiter};
use crate::clock::Instant;
use crate::error::Error;

/// A turn to send one attempt. Dropped before it is sent, it costs nothing.
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Limiter,
    /// `HELD`, `SENT` or `OVER`: whoever makes it the last one has the turn.
    phase: AtomicU8,
    /// The turn's. It changes only while the turn is over.
    number: AtomicU64,
    taken_at: AtomicU64,
    /// Apart, since most wait for nothing.
    bound: Option<Box<Bound>>,
}

/// Nothing has been sent.
const HELD: u8 = 0;
/// The server may count the call.
const SENT: u8 = 1;
/// The turn is somebody else's.
const OVER: u8 = 2;

impl Permit {
    pub(super) fn new(limiter: Limiter, turn: Turn) -> Self {
        Self {
            limiter,
            phase: AtomicU8::new(HELD),
            number: AtomicU64::new(turn.number),
            taken_at: AtomicU64::new(turn.taken_at.as_nanos()),
            bound: None,
        }
    }

    /// What it waited for, if that is not known better.
    pub(super) fn after_waiting_for(mut self, bound: Bound) -> Self {
        self.bound.get_or_insert_with(|| Box::new(bound));
        self
    }

    /// What it had to wait for, if it had to.
    pub(crate) fn bound(&self) -> Option<Bound> {
        self.bound.as_deref().copied()
    }

    /// From now on the server may count the call.
    pub(crate) fn sending(&self) {
        _ = self.phase.compare_exchange(HELD, SENT, Ordering::AcqRel, Ordering::Relaxed);
        self.limiter.member.application.spent.fetch_add(1, Ordering::Relaxed);
    }

    /// Says how the attempt ended.
    pub(crate) fn finish(&self, outcome: Outcome) {
        let Some((turn, phase)) = self.end() else { return };
        let application = &self.limiter.member.application;
        match outcome {
            Outcome::Unsent if phase == SENT => _ = application.spent.fetch_sub(1, Ordering::Relaxed),
            Outcome::Rejected(_) => _ = application.rejected.fetch_add(1, Ordering::Relaxed),
            _ => {}
        }
        self.limiter.member.core.settle(&turn, outcome);
    }

    /// Another turn, after a call that had to be made first. It keeps its place in the order.
    pub(crate) async fn renew(&self, ask: &Ask) -> Result<(), Error> {
        self.finish(Outcome::Answered);
        let next = self.limiter.acquire(ask).await?;
        if let Some((turn, _)) = next.end() {
            self.number.store(turn.number, Ordering::Relaxed);
            self.taken_at.store(turn.taken_at.as_nanos(), Ordering::Relaxed);
            self.phase.store(HELD, Ordering::Release);
        }
        self.sending();
        Ok(())
    }

    /// Takes the turn out, once; with it, how far it had come.
    fn end(&self) -> Option<(Turn, u8)> {
        let phase = self.phase.swap(OVER, Ordering::AcqRel);
        (phase != OVER).then(|| {
            let taken_at = Instant::from_nanos(self.taken_at.load(Ordering::Relaxed));
            let number = self.number.load(Ordering::Relaxed);
            (Turn { application: self.limiter.member.application.id, number, taken_at }, phase)
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match *self.phase.get_mut() {
            HELD => self.finish(Outcome::Unsent),
            // Nobody said how it ended: the runtime went away, or a layer below panicked.
            SENT => self.finish(Outcome::Unknown),
            _ => {}
        }
    }
}
