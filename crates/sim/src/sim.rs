//! A handle to the simulated account.

use std::fmt;
use std::sync::Arc;

use crate::service::SimService;
use crate::state::Shared;

/// A simulated UltraCart account. Clones share one state.
///
/// ```
/// use ultracart_sim::Sim;
///
/// let sim = Sim::builder().users(40).build();
/// sim.edit_user(7, |user| user.phone = None);
/// assert_eq!(sim.user(7).and_then(|user| user.phone), None);
/// assert_eq!(sim.calls(), 0, "reading and editing through `Sim` costs no calls");
/// ```
#[derive(Clone)]
pub struct Sim {
    pub(crate) shared: Arc<Shared>,
}

impl Sim {
    /// Returns a service that responds to requests in process, without a socket.
    pub fn service(&self) -> SimService {
        SimService::new(Arc::clone(&self.shared))
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}
