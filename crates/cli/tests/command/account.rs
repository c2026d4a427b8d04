//! A simulated account in this process, for faults on demand, over real HTTP.

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
        Self::of(Sim::builder().users(20))
    }

    pub(crate) fn of(builder: ultracart_sim::Builder) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let _inside = runtime.enter();
        let sim = builder.simple_key(KEY).build();
        let server = runtime.block_on(sim.bind("127.0.0.1:0")).unwrap();
        Self { sim, server, _runtime: runtime }
    }

    /// Where this goes wrong, however often it is tried.
    pub(crate) fn with(fault: Fault) -> Self {
        let account = Self::new();
        account.sim.fault(fault.times(1000));
        account
    }

    pub(crate) fn base_url(&self) -> String {
        self.server.base_url()
    }

    pub(crate) fn home(&self) -> Home {
        Home::of(&self.base_url())
            .var("ULTRACART_RETRY__MAX_ATTEMPTS", "1")
            .var("ULTRACART_RETRY__MAX_REJECTIONS", "0")
    }
}
