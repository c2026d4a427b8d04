//! Decides when a call may be sent.
//!
//! UltraCart takes 1,000 calls an hour, 10,000 a day, and **one at a time**, of each application and of each IP address.
//! A [`Limiter`] spends all of that and not one call more. Ask it how much is left ([`Limiter::snapshot`]) and when calls
//! will be done ([`Limiter::forecast`]), and share one between all clients behind an IP address.
//!
//! Its rules, and the reason for each:
//!
//! 1. **Gate, then tokens, then send, with nothing in between.** A token that is taken before the wait at the gate is
//!    stamped too early: what the server's bucket could not drain meanwhile, because it was empty, ours believes to have
//!    drained. After a stall of ten minutes that is 166 calls too many.
//! 2. **All windows or none, in one step.** Windows that are asked one after the other lose a call each time that a later
//!    one says no.
//! 3. **A window is governor's GCRA,** which is a leaky bucket (`cell`). governor's waiting is not used.
//! 4. **Calls are kept back, not rate.** Of calls that are sent one at a time the server counts each between its sending and
//!    the sending of the next, so one spare call covers any delay on the way. `limiter.spare` has two more: for a server
//!    that counts up to its limit and not over it, and for one whose clock ticks in seconds.
//! 5. **Strict mode.** A `burst` below `calls` also satisfies a server that counts a sliding or a fixed window.
//! 6. **A 429 is information** (`release`, `windows`). The window that it names is full; or it is smaller than configured,
//!    was not known, or is not a leaky bucket. A 429 that names none was for concurrent calls, and the pause between
//!    calls grows. Everything is held for as long as the server says, and otherwise twice as long each time; then one call
//!    alone finds out whether the hold is over.
//! 7. **First come, first served** (`queue`). One waiter leads and holds the only timer (`dispatcher`).
//! 8. **A caller that goes away** while it waits costs nothing. A call whose end was not seen is spent, and the gate stays
//!    shut for [`quarantine`](crate::config::Limiter::quarantine), since the server may still be working on it.
//! 9. **Time is a parameter.** Waits are sliced, since a clock can stand still while the machine sleeps.
//! 10. **What the limiter knows, it tells:** as a [`Forecast`], as a [`Snapshot`], and on every span.
//!
//! The decision (`quota`, `release`) is plain data and arithmetic. A store (`store`) keeps it and makes one change at a
//! time; the one in `memory` is for the clients of one process. What every permit runs is marked `#[inline]`, since a release
//! build compiles the modules apart: without these marks a permit takes a tenth longer (`benches/permit.rs`).

mod cell;
mod constraint;
mod core;
mod dispatcher;
mod forecast;
mod journal;
mod memory;
mod permit;
mod queue;
mod quota;
mod quota_state;
mod release;
mod request;
mod reservation;
mod snapshot;
mod store;
mod wakeup;
mod windows;

use std::sync::Arc;
use std::time::Duration;

pub use constraint::{Constraint, Scope};
pub use forecast::{Forecast, Phase};
pub(crate) use permit::Permit;
pub use request::Priority;
pub(crate) use request::{AcquireRequest, ApplicationKey, Deadline, WaitLimit};
pub(crate) use reservation::Outcome;
pub use snapshot::{Closed, Snapshot, WindowSnapshot};

use self::core::{Application, Core};
use crate::clock::{Clock, TokioClock};
use crate::config::{self, Settings as _};
use crate::error::Error;
use dispatcher::Dispatcher;
use memory::Memory;
use quota_state::QuotaState;
use wakeup::Wakeup;

/// Lets calls through when the quota allows. Clones share everything.
///
/// One of the callers that wait leads the others, so all of them have to be polled: a runtime that stands still while calls
/// wait on it, as a current-thread runtime does between two `block_on`s, can hold up those on another one.
///
/// Every client makes a limiter of its own. Clients that call from one IP address share its quota, whatever their
/// credentials, so they should share a limiter:
///
/// ```
/// use ultracart_transport::limiter::Limiter;
/// use ultracart_transport::{Transport, config};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ultracart_transport::Error> {
/// let limiter = Limiter::new(&config::Limiter::default())?;
/// for key in ["first-merchant", "second-merchant"] {
///     let mut config = config::Transport::default();
///     config.auth.simple_key = Some(key.into());
///     let transport = Transport::builder(config).limiter(limiter.clone()).build()?;
///     assert_eq!(transport.limiter().snapshot().await?.windows.len(), 4); // two of the key, two of the address
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Limiter {
    dispatcher: Arc<Dispatcher>,
    application: Arc<Application>,
}

impl Limiter {
    /// Makes a limiter that several clients can share and that goes by tokio's clock.
    ///
    /// # Errors
    /// If a setting cannot be used.
    pub fn new(config: &config::Limiter) -> Result<Self, Error> {
        Self::with_clock(config, Arc::new(TokioClock::new()))
    }

    /// Makes a limiter that goes by another clock, as do the clients that share it.
    ///
    /// # Errors
    /// If a setting cannot be used.
    pub fn with_clock(config: &config::Limiter, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        config.checked()?;
        let store = Box::new(Memory::new(config.clone(), Arc::clone(&clock)));
        let core = Core { store, clock, wakeup: Wakeup::default() };
        Ok(Self::with_core(core, config.max_wait))
    }

    fn with_core(core: Core, max_wait: Option<Duration>) -> Self {
        let dispatcher = Arc::new(Dispatcher::new(core, max_wait));
        let application = dispatcher.application(ApplicationKey::NONE);
        Self { dispatcher, application }
    }

    /// The same limiter for the calls of one credential.
    pub(crate) fn for_credential(&self, key: ApplicationKey) -> Self {
        let application = self.dispatcher.application(key);
        Self { dispatcher: Arc::clone(&self.dispatcher), application }
    }

    /// The clock that the limiter goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.dispatcher.core.clock
    }

    /// How many calls have been sent with this credential, retries and token refreshes included.
    pub fn calls_spent(&self) -> u64 {
        self.application.calls_spent()
    }

    /// Forecasts when `calls` further calls will have been sent, from what is known now: what is left of each window, a hold,
    /// and how long a call takes. It assumes that nothing else spends the quota and nobody waits already.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use ultracart_transport::{config, limiter::Limiter};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ultracart_transport::Error> {
    /// let limiter = Limiter::new(&config::Limiter::default())?;
    /// let forecast = limiter.forecast(5_000).await?;
    /// assert_eq!(forecast.done_in().as_secs() / 3_600, 4); // UltraCart's 1,000 at once, and then 1,000 an hour
    /// assert!(forecast.sent_in(900) < Some(Duration::from_secs(30)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the store of the limits cannot be reached.
    pub async fn forecast(&self, calls: u32) -> Result<Forecast, Error> {
        Ok(self.state().await?.forecast(calls))
    }

    /// Returns what is left of each window, how many callers wait, and why nothing is sent, if so.
    ///
    /// # Errors
    /// If the store of the limits cannot be reached.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let state = self.state().await?;
        Ok(Snapshot {
            windows: state.windows,
            closed: state.closed,
            in_flight: state.in_flight,
            waiting: self.dispatcher.waiting(Priority::Foreground),
            waiting_in_background: self.dispatcher.waiting(Priority::Background),
            guard_gap: state.gap,
            service_time: state.service_time,
            calls_spent: self.calls_spent(),
            calls_rejected: self.application.calls_rejected(),
            rejections_in_a_row: state.rejections,
        })
    }

    /// Replaces the settings, for all clients that share the limiter.
    ///
    /// What was spent stays spent, and what was learned from 429s is forgotten. Callers that wait go on waiting by the new
    /// settings; `max_wait` counts for those that come later.
    ///
    /// # Errors
    /// If a setting cannot be used, or the store of the limits cannot be reached. Then nothing changes.
    pub async fn reconfigure(&self, config: &config::Limiter) -> Result<(), Error> {
        config.checked()?;
        self.dispatcher.core.store.reconfigure(config.clone()).answer().await?;
        self.dispatcher.set_max_wait(config.max_wait);
        Ok(())
    }

    /// Acquires a permit and releases it as a call does that was answered.
    ///
    /// # Errors
    /// If no permit comes, as for a call.
    #[cfg(feature = "bench")]
    #[doc(hidden)]
    pub async fn acquire_and_release(&self) -> Result<(), Error> {
        let mut permit = self.acquire(&AcquireRequest::default()).await?;
        permit.mark_sent();
        permit.finish(Outcome::Answered);
        Ok(())
    }

    /// Waits for a permit to send one attempt. Dropped while it waits, it costs nothing and holds nobody up.
    pub(crate) async fn acquire(&self, request: &AcquireRequest) -> Result<Permit, Error> {
        self.dispatcher.acquire(&self.application, request).await
    }

    /// Fails if no permit can come before the deadline of a request that pauses first.
    pub(crate) async fn check_pause(&self, request: &AcquireRequest, pause: Duration) -> Result<(), Error> {
        self.dispatcher.check_pause(&self.application, request, pause).await
    }

    /// Ends everything that is to be sent with this credential: UltraCart disabled the application.
    pub(crate) fn halt(&self, error: Error) {
        self.dispatcher.halt(&self.application, error);
    }

    async fn state(&self) -> Result<QuotaState, Error> {
        self.dispatcher.core.store.state(&self.application.key).answer().await
    }
}

impl config::Limiter {
    fn checked(&self) -> Result<(), config::ConfigError> {
        config::Transport { limiter: self.clone(), ..config::Transport::default() }.checked()
    }
}

#[cfg(test)]
mod tests;
