//! A turn that somebody holds.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::dispatcher::Ask;
use super::state::{Outcome, Turn};
use super::{Bound, Limiter};
use crate::error::Error;

/// A turn to send one attempt. Dropped before it is sent, it costs nothing.
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Limiter,
    held: Mutex<Held>,
    bound: Option<Bound>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    turn: Option<Turn>,
    is_sent: bool,
}

impl Permit {
    pub(super) fn new(limiter: Limiter, turn: Turn) -> Self {
        Self { limiter, held: Mutex::new(Held { turn: Some(turn), is_sent: false }), bound: None }
    }

    /// What it waited for, if that is not known better.
    pub(super) fn after_waiting_for(mut self, bound: Bound) -> Self {
        self.bound = self.bound.or(Some(bound));
        self
    }

    /// What it had to wait for, if it had to.
    pub(crate) fn bound(&self) -> Option<Bound> {
        self.bound
    }

    /// From now on the server may count the call.
    pub(crate) fn sending(&self) {
        self.held().is_sent = true;
        self.limiter.application.spent.fetch_add(1, Ordering::Relaxed);
    }

    /// Says how the attempt ended.
    pub(crate) fn finish(&self, outcome: Outcome) {
        if let Some(turn) = self.end(outcome) {
            self.limiter.core.settle(turn, outcome);
        }
    }

    /// Another turn, after a call that had to be made first. It keeps its place in the order.
    pub(crate) async fn renew(&self, ask: Ask) -> Result<(), Error> {
        self.finish(Outcome::Answered);
        let next = self.limiter.acquire(ask).await?;
        let turn = next.held().turn.take();
        *self.held() = Held { turn, is_sent: false };
        self.sending();
        Ok(())
    }

    /// Takes the turn out, once.
    fn end(&self, outcome: Outcome) -> Option<Turn> {
        let mut held = self.held();
        let turn = held.turn.take()?;
        let application = &self.limiter.application;
        match outcome {
            Outcome::Unsent if held.is_sent => _ = application.spent.fetch_sub(1, Ordering::Relaxed),
            Outcome::Rejected(_) => _ = application.rejected.fetch_add(1, Ordering::Relaxed),
            _ => {}
        }
        Some(turn)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // Where it was sent nobody said how it ended: the runtime went away, or a layer below panicked.
        let outcome = if self.held().is_sent { Outcome::Unknown } else { Outcome::Unsent };
        self.finish(outcome);
    }
}
