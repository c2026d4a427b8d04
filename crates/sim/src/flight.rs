//! One call in flight: from its arrival until its answer has been read.

use std::sync::Arc;
use std::time::Duration;

use crate::state::Shared;

/// Held by the future and then by the body of the answer. Dropping it ends the call; but if the client goes away before
/// there is an answer, the account is still working on it.
pub(crate) struct Flight {
    shared: Arc<Shared>,
    id: u64,
    /// When the account is done with the work, whether anybody waits for it or not.
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
