//! A guard that keeps a call in flight, from its request's arrival until its response has been read.

use std::sync::Arc;
use std::time::Duration;

use crate::state::Shared;

/// Keeps a call in flight until the guard is dropped.
///
/// The service's future holds the guard until the response. From then on, the response body holds it. There
/// is one exception: if the client disconnects before the response, the guard is dropped, but the call stays
/// in flight until `done_at`.
pub(crate) struct InFlightGuard {
    shared: Arc<Shared>,
    id: u64,
    /// When the response is due: the time since the account was built.
    done_at: Duration,
    responded: bool,
}

impl InFlightGuard {
    pub(crate) fn new(shared: Arc<Shared>, id: u64, done_at: Duration) -> Self {
        Self { shared, id, done_at, responded: false }
    }

    pub(crate) fn responded(mut self) -> Self {
        self.responded = true;
        self
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        let working = (!self.responded && self.shared.clock.now() < self.done_at).then_some(self.done_at);
        self.shared.lock().calls_in_flight.end(self.id, working);
    }
}
