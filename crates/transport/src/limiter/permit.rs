//! A permit to send one attempt.

use std::sync::Arc;

use super::constraint::Constraint;
use super::core::Application;
use super::reservation::{Outcome, Reservation};

/// A permit to send one attempt. Dropped before the attempt is sent, it costs nothing.
#[derive(Debug)]
pub(crate) struct Permit {
    application: Arc<Application>,
    /// `None` once it is released.
    reservation: Option<Reservation>,
    is_sent: bool,
    /// Boxed, since most permits come at once.
    constraint: Option<Box<Constraint>>,
}

impl Permit {
    pub(super) fn new(application: Arc<Application>, reservation: Reservation) -> Self {
        Self { application, reservation: Some(reservation), is_sent: false, constraint: None }
    }

    /// Notes what the permit's caller waited for.
    pub(super) fn after_waiting_for(mut self, constraint: Constraint) -> Self {
        self.constraint = Some(Box::new(constraint));
        self
    }

    /// What the caller had to wait for, if it had to.
    pub(crate) fn constraint(&self) -> Option<Constraint> {
        self.constraint.as_deref().copied()
    }

    /// Says that the attempt is being sent: from now on the server may count the call.
    pub(crate) fn mark_sent(&mut self) {
        self.is_sent = true;
        self.application.count_spent();
    }

    /// Says how the attempt ended, and releases the permit.
    pub(crate) fn finish(mut self, outcome: Outcome) {
        self.release(&outcome);
    }

    fn release(&mut self, outcome: &Outcome) {
        let Some(reservation) = self.reservation.take() else { return };
        if self.is_sent && *outcome == Outcome::Unsent {
            self.application.uncount_spent();
        }
        self.application.release(reservation, outcome);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // If nobody said how a sent attempt ended, the runtime has gone or a layer below panicked.
        self.release(if self.is_sent { &Outcome::Unknown } else { &Outcome::Unsent });
    }
}
