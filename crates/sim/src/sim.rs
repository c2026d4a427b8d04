//! A handle to the simulated account.

use std::fmt;
use std::sync::Arc;

use crate::service::SimService;
use crate::state::Shared;

/// A simulated account. Clones share one state.
#[derive(Clone)]
pub struct Sim {
    pub(crate) shared: Arc<Shared>,
}

impl Sim {
    /// Returns a service that answers requests in process, without a socket.
    pub fn service(&self) -> SimService {
        SimService::new(Arc::clone(&self.shared))
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}
