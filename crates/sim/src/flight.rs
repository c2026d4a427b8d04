//! One call in flight, from its arrival until its answer has been read.

use std::sync::Arc;
use std::time::Duration;

use crate::state::Shared;

/// A call in flight. The future holds it, and then the body of the answer. Dropping it ends the call; but if the client
/// disconnects before the answer, the account is still working on the call.
pub(crate) struct Flight {
    shared: Arc<Shared>,
    id: u64,
    /// The time at which the account has finished the work, also for a client that has disconnected.
    done_at: Duration,
    answered: bool,
}

impl Flight {
    pub(crate) fn new(shared: Arc<Shared>, id: u64, done_at: Duration) -> Self {
        Self { shared, id, done_at, answered: false }
    }

    pub(crate) fn answered(mut self) -> Self {
        self.answered = true;
        self
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let working = (!self.answered && self.shared.clock.now() < self.done_at).then_some(self.done_at);
        self.shared.lock().flights.end(self.id, working);
    }
}
