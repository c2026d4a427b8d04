//! A client-side rate limiter for UltraCart's quota.
//!
//! UltraCart allows 1,000 calls an hour, 10,000 a day and **one at a time**. It counts them for each
//! application and for each IP address. A [`Limiter`] delays calls so that they stay within the quota, but
//! can use all of it.
//!
//! - **Configure** it with [`config::Limiter`], or `[limiter]` in the configuration file. The defaults are
//!   UltraCart's documented limits. [`Limiter::reconfigure`] changes the settings at run time.
//! - **Share** one limiter between all clients that call from the same IP address. The documentation of
//!   [`Limiter`] has an example. A client that is given no limiter creates its own.
//! - **Observe** it: [`Limiter::snapshot`] returns the remaining calls of each window and the number of
//!   waiters. [`Limiter::forecast`] returns when a number of calls will have been sent.
//!
//! ```
//! use ultracart_transport::{config, limiter::Limiter};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ultracart_transport::Error> {
//! let mut config = config::Limiter::default();
//! config.spare = 10; // calls of each window that are left to other programs
//! let limiter = Limiter::new(&config)?;
//! assert_eq!(limiter.snapshot().await?.windows[0].remaining, 990);
//! # Ok(())
//! # }
//! ```
//!
//! # Terms
//!
//! An attempt needs a **permit**. A permit is granted when the **gate** is open and every **window** has a
//! call left. The gate admits `max_concurrency` permits at a time. It is closed during the pause after each
//! call (the guard gap), after a call with an unknown outcome (the quarantine), and after a 429 (a **hold**).
//! A window is a number of calls in a period, such as 1,000 an hour.
//!
//! # Rules
//!
//! 1. **The gate first, then the windows, then the request, without a pause in between.** A call that is
//!    counted before it waits at the gate is counted too early. Our window would then drain calls that the
//!    server's window still counts. For example, if calls wait at the gate for ten minutes, a window of 1,000
//!    calls an hour drains 166 calls too many.
//! 2. **All windows or none, in one step.** If a call were counted in one window after the other, the first
//!    windows would lose a call whenever a later window is full.
//! 3. **A window is a leaky bucket** (`bucket`), as GCRA of the crate governor implements it.
//! 4. **A few calls are kept in reserve; the rate is not lowered.** Calls are sent one at a time, so the
//!    server counts each before the next is sent. One spare call therefore covers any network delay. By
//!    default there are two more (`limiter.spare` is 3). One is for a server that allows only 999 calls of
//!    1,000. The other is for a server whose clock ticks in seconds.
//! 5. **Strict mode.** With a `burst` below `calls`, a window also satisfies a server that counts a sliding
//!    or a fixed window.
//! 6. **The limiter learns from a 429** (`release`, `windows`). A 429 that names a window shows that the
//!    window is full, smaller than configured, not configured, or not a leaky bucket. A 429 that names no
//!    window is taken as a rejection of concurrent calls, so the guard gap grows. All calls are held for as
//!    long as the server says. If it does not say, each hold lasts twice as long as the one before. After the
//!    hold one call is sent alone, to test whether the server accepts calls again.
//! 7. **First come, first served** (`queue`). One waiter leads the queue and has its only timer
//!    (`dispatcher`).
//! 8. **A caller that is cancelled while it waits costs nothing.** A call with an unknown outcome counts as
//!    sent, and the gate stays closed for [`quarantine`](config::Limiter::quarantine): the server may still
//!    process it.
//! 9. **The clock is checked at least every 30 seconds** while a caller waits, since a timer can stand still
//!    while the machine is suspended.
//! 10. **The limiter reports its state:** as a [`Forecast`], as a [`Snapshot`], and on the tracing span of
//!     every attempt.
//!
//! Names in parentheses are source files.

// The decisions (`quota`, `release`) are plain data and arithmetic. A store (`store`) keeps the data and
// makes one change at a time; the store in `memory` serves the clients of one process. Code that runs for
// every permit is marked `#[inline]`, since a release build compiles the modules separately. Without these
// marks a permit takes a tenth longer (`benches/permit.rs`).

mod bucket;
mod constraint;
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
mod shared;
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
pub use snapshot::{ClosedGate, Snapshot, WindowSnapshot};

use crate::clock::{Clock, TokioClock};
use crate::config::{self, Settings as _};
use crate::error::Error;
use dispatcher::Dispatcher;
use memory::MemoryStore;
use quota_state::QuotaState;
use shared::{Application, Shared};
use wakeup::Wakeup;

/// A rate limiter that delays each attempt until the quota allows it. Clones share their state.
///
/// Every client creates its own limiter by default. UltraCart also counts calls by IP address, whatever the
/// credential. So clients that call from the same address should share a limiter:
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
///     // two of the credential, two of the IP address
///     assert_eq!(transport.limiter().snapshot().await?.windows.len(), 4);
/// }
/// # Ok(())
/// # }
/// ```
///
/// One waiting caller leads the queue and wakes the others, so every waiting future must be polled. A
/// current-thread runtime polls only inside `block_on`. Between two uses of `block_on`, a caller that waits
/// on such a runtime can delay callers on other runtimes.
#[derive(Clone, Debug)]
pub struct Limiter {
    dispatcher: Arc<Dispatcher>,
    application: Arc<Application>,
}

impl Limiter {
    /// Creates a limiter that uses tokio's clock.
    ///
    /// # Errors
    /// If a setting is invalid.
    pub fn new(config: &config::Limiter) -> Result<Self, Error> {
        Self::with_clock(config, Arc::new(TokioClock::new()))
    }

    /// Creates a limiter that uses the given clock. Clients that share the limiter use its clock, too.
    ///
    /// # Errors
    /// If a setting is invalid.
    pub fn with_clock(config: &config::Limiter, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        config.validate()?;
        let store = Box::new(MemoryStore::new(config.clone(), Arc::clone(&clock)));
        let shared = Shared { store, clock, wakeup: Wakeup::default() };
        Ok(Self::with_shared(shared, config.max_wait))
    }

    fn with_shared(shared: Shared, max_wait: Option<Duration>) -> Self {
        let dispatcher = Arc::new(Dispatcher::new(shared, max_wait));
        let application = dispatcher.application(ApplicationKey::NONE);
        Self { dispatcher, application }
    }

    /// Returns a handle of this limiter for the calls of one credential.
    pub(crate) fn for_credential(&self, key: ApplicationKey) -> Self {
        let application = self.dispatcher.application(key);
        Self { dispatcher: Arc::clone(&self.dispatcher), application }
    }

    /// Returns the limiter's clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.dispatcher.shared.clock
    }

    /// Returns the number of calls sent with a transport's credential, including retries and token refreshes.
    /// Call it on [`Transport::limiter`](crate::Transport::limiter): a limiter that was just created has no
    /// credential and returns 0.
    pub fn calls_spent(&self) -> u64 {
        self.application.calls_spent()
    }

    /// Forecasts when each of the next `calls` calls will be sent.
    ///
    /// The forecast uses the remaining calls of each window, the time until the gate opens, and the mean time
    /// of a call. It assumes that no other program uses the quota and that no caller is waiting.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use ultracart_transport::{config, limiter::Limiter};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ultracart_transport::Error> {
    /// let limiter = Limiter::new(&config::Limiter::default())?;
    /// let forecast = limiter.forecast(5_000).await?;
    /// assert_eq!(forecast.done_in().as_secs() / 3_600, 4); // 1,000 calls at once, then 1,000 an hour
    /// assert!(forecast.sent_in(900) < Some(Duration::from_secs(30)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the quota's store cannot be reached.
    pub async fn forecast(&self, calls: u32) -> Result<Forecast, Error> {
        Ok(self.state().await?.forecast(calls))
    }

    /// Returns the remaining calls of each window, the number of waiting callers, and why the gate is closed.
    ///
    /// # Errors
    /// If the quota's store cannot be reached.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let state = self.state().await?;
        Ok(Snapshot {
            windows: state.windows,
            closed: state.closed,
            in_flight: state.in_flight,
            waiting: self.dispatcher.waiting(Priority::Foreground),
            waiting_in_background: self.dispatcher.waiting(Priority::Background),
            guard_gap: state.guard_gap,
            service_time: state.service_time,
            calls_spent: self.calls_spent(),
            calls_rejected: self.application.calls_rejected(),
            rejections_in_a_row: state.rejections_in_a_row,
        })
    }

    /// Replaces the settings, for all clients that share the limiter.
    ///
    /// Calls that were sent stay counted. Limits that were learned from 429s are discarded. Callers that
    /// already wait keep the old `max_wait`. All other new settings apply to them, too.
    ///
    /// # Errors
    /// If a setting is invalid, or the quota's store cannot be reached. Then nothing changes.
    pub async fn reconfigure(&self, config: &config::Limiter) -> Result<(), Error> {
        config.validate()?;
        self.dispatcher.shared.store.reconfigure(config.clone()).wait().await?;
        self.dispatcher.set_max_wait(config.max_wait);
        Ok(())
    }

    /// Acquires and releases a permit, like a successful call, but sends nothing.
    ///
    /// # Errors
    /// If no permit is granted, for the same reasons as for a call.
    #[cfg(feature = "bench")]
    #[doc(hidden)]
    pub async fn acquire_and_release(&self) -> Result<(), Error> {
        let mut permit = self.acquire(&AcquireRequest::default()).await?;
        permit.mark_sent();
        permit.finish(Outcome::Responded);
        Ok(())
    }

    /// Waits for a permit to send one attempt.
    ///
    /// # Cancel safety
    /// A caller that is cancelled while it waits costs no call and delays no other waiter.
    pub(crate) async fn acquire(&self, request: &AcquireRequest) -> Result<Permit, Error> {
        self.dispatcher.acquire(&self.application, request).await
    }

    /// Checks whether a caller can still get a permit after a pause of length `pause`. Fails if the permit
    /// would come after the request's deadline. Call this before the pause.
    pub(crate) async fn check_deadline_after(
        &self,
        request: &AcquireRequest,
        pause: Duration,
    ) -> Result<(), Error> {
        self.dispatcher.check_deadline_after(&self.application, request, pause).await
    }

    /// Fails all waiting and future requests of this credential with `error`. Call this after UltraCart has
    /// disabled the application.
    pub(crate) fn halt(&self, error: Error) {
        self.dispatcher.halt(&self.application, error);
    }

    async fn state(&self) -> Result<QuotaState, Error> {
        self.dispatcher.shared.store.state(&self.application.key).wait().await
    }
}

impl config::Limiter {
    fn validate(&self) -> Result<(), config::ConfigError> {
        config::Transport { limiter: self.clone(), ..config::Transport::default() }.validate()
    }
}

#[cfg(test)]
mod tests;
