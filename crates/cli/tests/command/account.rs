//! A simulated account in the test's process. The command calls it over real HTTP, and the test sets its
//! faults.

use tokio::runtime::Runtime;
use ultracart_sim::{Fault, Server, Sim};

use crate::support::{Home, KEY};

pub(crate) struct Account {
    pub(crate) sim: Sim,
    server: Server,
    _runtime: Runtime,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self::from_builder(Sim::builder().users(20))
    }

    pub(crate) fn from_builder(builder: ultracart_sim::SimBuilder) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let _inside = runtime.enter();
        let sim = builder.simple_key(KEY).build();
        let server = runtime.block_on(sim.bind("127.0.0.1:0")).unwrap();
        Self { sim, server, _runtime: runtime }
    }

    /// Creates an account that injects the fault into every call.
    pub(crate) fn with_fault(fault: Fault) -> Self {
        let account = Self::new();
        account.sim.fault(fault.times(1000));
        account
    }

    pub(crate) fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// Returns a home configured for this account, without retries.
    pub(crate) fn home(&self) -> Home {
        Home::for_account(&self.base_url())
            .var("ULTRACART_RETRY__MAX_ATTEMPTS", "1")
            .var("ULTRACART_RETRY__MAX_REJECTIONS", "0")
    }
}
