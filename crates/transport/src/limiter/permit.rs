//! A permit to send one attempt.

use std::sync::Arc;

use super::constraint::Constraint;
use super::reservation::{Outcome, Reservation};
use super::shared::Application;

/// A permit to send one attempt. The windows count the call when the permit is granted. If the permit is
/// dropped before the attempt is sent, the limiter undoes this count. It cannot do so if the windows have
/// changed since the grant. Granting another permit, for example, changes them.
#[derive(Debug)]
pub(crate) struct Permit {
    application: Arc<Application>,
    /// `None` after the release.
    reservation: Option<Reservation>,
    is_sent: bool,
    /// The reason why the caller had to wait. Boxed, since most permits are granted at once and have no such
    /// reason.
    constraint: Option<Box<Constraint>>,
}

impl Permit {
    pub(super) fn new(application: Arc<Application>, reservation: Reservation) -> Self {
        Self { application, reservation: Some(reservation), is_sent: false, constraint: None }
    }

    /// Adds the reason why the caller had to wait.
    pub(super) fn with_constraint(mut self, constraint: Constraint) -> Self {
        self.constraint = Some(Box::new(constraint));
        self
    }

    /// Returns the reason why the caller had to wait; `None` if the permit was granted at once.
    pub(crate) fn constraint(&self) -> Option<Constraint> {
        self.constraint.as_deref().copied()
    }

    /// Marks the attempt as sent: from now on the server may count the call.
    pub(crate) fn mark_sent(&mut self) {
        self.is_sent = true;
        self.application.count_spent();
    }

    /// Releases the permit with the attempt's outcome.
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
        // A sent attempt without an outcome: the runtime was shut down or a middleware panicked.
        self.release(if self.is_sent { &Outcome::Unknown } else { &Outcome::Unsent });
    }
}
