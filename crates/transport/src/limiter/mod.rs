//! When a call may be sent.
//!
//! UltraCart takes 1,000 calls an hour, 10,000 a day, and **one at a time**, of each application and of each IP address.
//! A [`Limiter`] spends all of that and not one call more. Its rules, and why:
//!
//! 1. **Gate, then tokens, then send, with nothing in between.** A token that is taken before the wait at the gate is
//!    stamped too early: what the server's bucket could not drain meanwhile, because it was empty, ours believes to have
//!    drained. After a stall of ten minutes that is 166 calls too many.
//! 2. **All windows or none, in one step.** Windows that are asked one after the other lose a call each time that a later
//!    one says no.
//! 3. **A window is governor's GCRA,** which is a leaky bucket (`cell`); its waiting is not used.
//! 4. **Calls are kept back, not rate.** Of calls that go one at a time the server counts each between its sending and
//!    the sending of the next, so one spare call covers any delay on the way. `limiter.spare` has two more, for a server
//!    that counts up to its limit and not over it, and for one whose clock ticks in seconds.
//! 5. **Strict mode.** A `burst` below `calls` keeps a server that counts a sliding or a fixed window, too.
//! 6. **A 429 is information** (`rejection`, `scope`). The window that it names is full; it is smaller than configured, or
//!    was not known, or is no leaky bucket. Without a window's name it was calls at the same time, and the pause
//!    between calls grows. Everything is held for as long as the server says, and otherwise twice as long each
//!    time; then one call alone finds out whether it is over.
//! 7. **First come, first served,** by one who leads and one timer (`dispatcher`, `queue`).
//! 8. **Whoever goes away** while waiting costs nothing. A call whose end was not seen is spent, and the gate stays shut
//!    for [`quarantine`](crate::config::Limiter::quarantine), since the server may still be at it.
//! 9. **Time is a parameter.** Waits are sliced, since a clock can stand still while the machine sleeps.
//! 10. **What it knows, it tells:** as a [`Forecast`], as a [`Snapshot`], and on every span.
//!
//! The decision (`state`) is plain data and arithmetic behind a store (`store`) with one atomic step: in memory here.

mod cell;
mod dispatcher;
mod forecast;
mod journal;
mod memory;
mod permit;
mod queue;
mod rejection;
pub(crate) mod retry_after;
mod scope;
mod snapshot;
mod state;
mod store;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

pub(crate) use dispatcher::Ask;
pub use forecast::{Bound, Forecast, Phase};
pub(crate) use permit::Permit;
pub use queue::Priority;
pub(crate) use queue::{Latest, WaitLimit};
pub(crate) use rejection::Rejection;
pub use scope::Scope;
pub use snapshot::{Closed, Snapshot, WindowSnapshot};
pub(crate) use state::Outcome;

use crate::clock::{Clock, TokioClock};
use crate::config::{self, Settings as _};
use crate::error::Error;
use dispatcher::Core;
use memory::Memory;
use state::{ApplicationId, Step};

/// Lets calls through when the quota allows. Clones share everything.
///
/// One of those who wait leads the others, so all of them have to be polled: a runtime that stands still while calls wait
/// on it, as a current-thread runtime does between two `block_on`s, can hold up those on another one.
///
/// Every client makes one of its own. Those that call from one IP address share its quota, whatever their credentials,
/// so they should share a limiter:
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
    member: Arc<Member>,
}

/// One of those who share a limiter, behind one reference count: each call takes part in it.
#[derive(Debug)]
struct Member {
    core: Arc<Core>,
    application: Arc<Application>,
}

/// A credential.
#[derive(Debug)]
struct Application {
    id: ApplicationId,
    identity: Option<Identity>,
    /// Why nothing is sent any more: UltraCart disabled the application.
    halted: OnceLock<Error>,
    spent: AtomicU64,
    rejected: AtomicU64,
}

/// What tells credentials apart: a digest, so that none is kept where it is not needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity(pub(crate) [u8; 32]);

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl Limiter {
    /// A limiter that several clients can share, by tokio's clock.
    ///
    /// # Errors
    /// If a setting cannot be used.
    pub fn new(config: &config::Limiter) -> Result<Self, Error> {
        Self::with_clock(config, Arc::new(TokioClock::new()))
    }

    /// The same by another clock, which the clients that share it go by, too.
    ///
    /// # Errors
    /// If a setting cannot be used.
    pub fn with_clock(config: &config::Limiter, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        config.checked()?;
        let store = Memory::new(config.clone(), Arc::clone(&clock));
        let core = Core::new(Box::new(store), clock, config.max_wait);
        let application = core.application(None);
        Ok(Self::of(Arc::new(core), application))
    }

    /// The same limiter for the calls of one credential.
    pub(crate) fn for_credential(&self, identity: Identity) -> Self {
        let core = &self.member.core;
        Self::of(Arc::clone(core), core.application(Some(identity)))
    }

    fn of(core: Arc<Core>, application: Arc<Application>) -> Self {
        Self { member: Arc::new(Member { core, application }) }
    }

    /// The clock that it goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.member.core.clock
    }

    /// How many calls have been sent for this credential, retries and token refreshes included.
    pub fn calls_spent(&self) -> u64 {
        self.member.application.spent.load(Ordering::Relaxed)
    }

    /// When `calls` further calls will have been sent, from what is known now: what is left of each window, a hold, and
    /// how long a call takes. It assumes that nothing else spends the quota and nobody waits already.
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
        Ok(self.member.core.store.standing(self.member.application.id).await?.forecast(calls))
    }

    /// What is left of each window, who waits, and why nothing is sent, if so.
    ///
    /// # Errors
    /// If the store of the limits cannot be reached.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let standing = self.member.core.store.standing(self.member.application.id).await?;
        let queue = self.member.core.queue();
        Ok(Snapshot {
            windows: standing.windows,
            closed: standing.closed,
            in_flight: standing.in_flight,
            waiting: queue.count(Priority::Foreground),
            waiting_in_background: queue.count(Priority::Background),
            guard_gap: standing.gap,
            service_time: standing.service_time,
            calls_spent: self.calls_spent(),
            calls_rejected: self.member.application.rejected.load(Ordering::Relaxed),
            rejections_in_a_row: standing.rejections,
        })
    }

    /// Other settings from now on, for all who share the limiter. What was spent stays spent, and what was learned from
    /// 429s is forgotten. Whoever waits goes on waiting by the new settings; `max_wait` counts for those who come later.
    ///
    /// # Errors
    /// If a setting cannot be used, or the store of the limits cannot be reached. Then nothing changes.
    pub async fn reconfigure(&self, config: &config::Limiter) -> Result<(), Error> {
        config.checked()?;
        self.member.core.store.apply(Step::Reconfigure(Box::new(config.clone()))).await?;
        *self.member.core.max_wait() = config.max_wait;
        self.member.core.look_again();
        Ok(())
    }

    /// A turn, as a call that was answered has it.
    ///
    /// # Errors
    /// As a call that does not get its turn.
    #[cfg(feature = "bench")]
    #[doc(hidden)]
    pub async fn turn(&self) -> Result<(), Error> {
        let ask = Ask::default();
        let permit = self.acquire(&ask).await?;
        permit.sending();
        permit.finish(Outcome::Answered);
        Ok(())
    }

    /// Ends everything that is to be sent with this credential: UltraCart disabled the application.
    pub(crate) fn halt(&self, error: Error) {
        self.member.core.halt(&self.member.application, error);
    }
}

impl Core {
    /// The application with this credential.
    fn application(&self, identity: Option<Identity>) -> Arc<Application> {
        let mut applications = self.applications();
        let known = applications.iter().find(|application| application.identity == identity);
        if let Some(known) = known {
            return Arc::clone(known);
        }
        self.store.add_application();
        let new = Arc::new(Application {
            id: ApplicationId(applications.len()),
            identity,
            halted: OnceLock::new(),
            spent: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        });
        applications.push(Arc::clone(&new));
        new
    }
}

impl config::Limiter {
    fn checked(&self) -> Result<(), config::ConfigError> {
        config::Transport { limiter: self.clone(), ..config::Transport::default() }.checked()
    }
}

#[cfg(test)]
mod tests;
