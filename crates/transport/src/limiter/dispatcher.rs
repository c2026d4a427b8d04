//! Who gets the next permit.
//!
//! There is no task of its own: one of the waiters leads, and the others wait for what it hands out. The leader holds the
//! one timer. When it has its own permit, or goes away, the next one leads. So nothing is started before somebody waits,
//! and nothing is left running after. All waiters have to be polled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;

use super::constraint::Constraint;
use super::core::{Application, Core};
use super::permit::Permit;
use super::queue::{Granted, Position, Queue};
use super::request::{AcquireRequest, ApplicationKey, Deadline, Priority, WaitLimit};
use super::reservation::Decision;
use super::store::Pending;
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::lock::lock;

/// A clock can stand still while the machine sleeps, so no wait is longer before looking again.
const SLICE: Duration = Duration::from_secs(30);

/// Hands out permits, in order.
#[derive(Debug)]
pub(super) struct Dispatcher {
    pub(super) core: Arc<Core>,
    applications: Mutex<BTreeMap<ApplicationKey, Arc<Application>>>,
    max_wait: Mutex<Option<Duration>>,
    queue: Mutex<Queue<Permit>>,
    lead: tokio::sync::Mutex<()>,
}

/// What became of the first waiter of a lane.
enum Served {
    /// It has its answer.
    Answered,
    /// It has to wait, for so long if only time helps.
    Waits(Option<Duration>),
}

impl Dispatcher {
    pub(super) fn new(core: Core, max_wait: Option<Duration>) -> Self {
        Self {
            core: Arc::new(core),
            applications: Mutex::default(),
            max_wait: Mutex::new(max_wait),
            queue: Mutex::default(),
            lead: tokio::sync::Mutex::default(),
        }
    }

    /// The application with this key.
    pub(super) fn application(&self, key: ApplicationKey) -> Arc<Application> {
        let mut applications = lock(&self.applications);
        let application = applications
            .entry(key)
            .or_insert_with(|| Arc::new(Application::new(Arc::clone(&self.core), key)));
        Arc::clone(application)
    }

    /// How many wait with a priority.
    pub(super) fn waiting(&self, priority: Priority) -> usize {
        lock(&self.queue).count(priority)
    }

    /// Fails every request of an application, those that wait and those to come.
    pub(super) fn halt(&self, application: &Application, error: Error) {
        let error = application.halted.get_or_init(|| error);
        self.change_queue(|queue| queue.fail_all(&application.key, error));
        self.core.wakeup.notify();
    }

    /// Limits the wait of requests that come from now on.
    pub(super) fn set_max_wait(&self, max_wait: Option<Duration>) {
        *lock(&self.max_wait) = max_wait;
        self.core.wakeup.notify();
    }

    /// Waits for a permit. Dropped while it waits, it costs nothing and holds nobody up.
    pub(super) async fn acquire(
        &self,
        application: &Arc<Application>,
        request: &AcquireRequest,
    ) -> Result<Permit, Error> {
        application.check_halted()?;
        let first = if self.core.wakeup.is_anyone_waiting() {
            None
        } else {
            match self.core.store.reserve(&application.key) {
                Pending::Ready(Ok(Decision::Granted(reservation))) => {
                    let permit = Permit::new(Arc::clone(application), reservation);
                    // If it comes too late it is dropped, and so given back.
                    request.check_deadline(reservation.start)?;
                    return Ok(permit);
                }
                decision => Some(decision),
            }
        };
        // Boxed, so that most calls, which do not wait, neither make nor move what waiting needs.
        Box::pin(self.acquire_later(application, request, first)).await
    }

    /// Waits for a permit that does not come at once, or may not. `first` is the store's answer, if it was asked already.
    async fn acquire_later(
        &self,
        application: &Arc<Application>,
        request: &AcquireRequest,
        first: Option<Pending<Decision>>,
    ) -> Result<Permit, Error> {
        let now = self.core.clock.now();
        request.check_deadline(now)?;
        let mut constraint = Constraint::InFlight;
        if let Some(first) = first {
            match first.answer().await? {
                Decision::Granted(reservation) => {
                    return Ok(Permit::new(Arc::clone(application), reservation));
                }
                Decision::Wait(wait) => constraint = wait.constraint,
            }
        }
        let max_wait = *lock(&self.max_wait);
        let max_wait = max_wait.map(|wait| Deadline { at: now + wait, limit: WaitLimit::MaxWait(wait) });
        let deadline = max_wait.into_iter().chain(request.deadline).min();
        let since = request.since.unwrap_or(now);
        if let Some(deadline) = deadline {
            // Those who go before it with the same credential count. Others may be held up by what does not hold this one
            // up, so they do not: no request fails that could have been served in time.
            let ahead = lock(&self.queue).ahead_of(&application.key, request.priority, since);
            let calls = u32::try_from(ahead).unwrap_or(u32::MAX).saturating_add(1);
            let wait = self.wait_for(application, calls).await?;
            if now + wait > deadline.at {
                return Err(deadline.limit.error(Some(wait)));
            }
        }
        let mut waiter = Waiter::enter(self, application, request.priority, since, deadline);
        // A halt tells all in the queue; this one may have come a moment too late to be told.
        application.check_halted()?;
        let granted = tokio::select! {
            biased;
            answer = &mut waiter.answer => answered(answer),
            _lead = self.lead.lock() => waiter.lead().await,
        }?;
        application.check_halted()?;
        Ok(granted.value.after_waiting_for(granted.constraint.unwrap_or(constraint)))
    }

    /// Fails if no permit can come before the deadline of a request that pauses first.
    pub(super) async fn check_pause(
        &self,
        application: &Application,
        request: &AcquireRequest,
        pause: Duration,
    ) -> Result<(), Error> {
        let Some(deadline) = request.deadline else { return Ok(()) };
        let wait = self.wait_for(application, 1).await?.max(pause);
        if self.core.clock.now() + wait > deadline.at {
            return Err(deadline.limit.error(Some(wait)));
        }
        Ok(())
    }

    /// How long until so many calls have been sent.
    async fn wait_for(&self, application: &Application, calls: u32) -> Result<Duration, Error> {
        let state = self.core.store.state(&application.key).answer().await?;
        Ok(state.forecast(calls).sent_in(calls).unwrap_or_default())
    }

    /// Hands out as many permits as there are. Returns how long until it is worth looking again, if only time helps.
    async fn dispatch(&self) -> Option<Duration> {
        'look: loop {
            let now = self.core.clock.now();
            let mut again: Option<Duration> = None;
            let lanes = lock(&self.queue).lanes();
            for application in lanes {
                match self.serve_first(&application, now).await {
                    Served::Answered => continue 'look,
                    Served::Waits(time) => again = again.into_iter().chain(time).min(),
                }
            }
            // Only now: a permit that comes at the last moment has come in time.
            let expiry = self.change_queue(|queue| queue.expire(now)).map(|at| at.since(now));
            return again.into_iter().chain(expiry).min();
        }
    }

    /// Reserves for the first waiter of a lane.
    async fn serve_first(&self, key: &ApplicationKey, now: Instant) -> Served {
        let answer = match self.core.store.reserve(key).answer().await {
            Ok(Decision::Granted(reservation)) => Ok(Permit::new(self.application(*key), reservation)),
            Ok(Decision::Wait(wait)) => {
                let deadline = self.change_queue(|queue| queue.hold_up(key, wait.constraint));
                match (wait.time, deadline) {
                    // The permit cannot come in time any more: a hold has come in between.
                    (Some(time), Some(deadline)) if now + time > deadline.at => {
                        Err(deadline.limit.error(Some(time)))
                    }
                    (time, _) => return Served::Waits(time),
                }
            }
            Err(error) => Err(error),
        };
        self.change_queue(|queue| queue.answer_first(key, answer));
        Served::Answered
    }

    fn change_queue<T>(&self, change: impl FnOnce(&mut Queue<Permit>) -> T) -> T {
        let mut queue = lock(&self.queue);
        let result = change(&mut queue);
        self.core.wakeup.set_waiting(queue.len());
        result
    }
}

/// A request in the queue. Dropped, it leaves its position.
struct Waiter<'a> {
    dispatcher: &'a Dispatcher,
    application: &'a Application,
    position: Position,
    answer: oneshot::Receiver<Result<Granted<Permit>, Error>>,
}

impl<'a> Waiter<'a> {
    fn enter(
        dispatcher: &'a Dispatcher,
        application: &'a Application,
        priority: Priority,
        since: Instant,
        deadline: Option<Deadline>,
    ) -> Self {
        let (position, answer) =
            dispatcher.change_queue(|queue| queue.enter(application.key, priority, since, deadline));
        // It can be due before the one whose permit the leader waits for.
        dispatcher.core.wakeup.notify();
        Self { dispatcher, application, position, answer }
    }

    /// Hands out permits until its own comes.
    async fn lead(&mut self) -> Result<Granted<Permit>, Error> {
        let core = &self.dispatcher.core;
        loop {
            let wait = self.dispatcher.dispatch().await;
            if let Ok(answer) = self.answer.try_recv() {
                return answer;
            }
            let time = async {
                match wait {
                    Some(wait) => core.clock.sleep(wait.min(SLICE)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                answer = &mut self.answer => return answered(answer),
                () = core.wakeup.notified() => {}
                () = time => {}
            }
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let has_left =
            self.dispatcher.change_queue(|queue| queue.leave(&self.application.key, self.position));
        if has_left {
            self.dispatcher.core.wakeup.notify();
        }
    }
}

type Received = Result<Result<Granted<Permit>, Error>, oneshot::error::RecvError>;

fn answered(answer: Received) -> Result<Granted<Permit>, Error> {
    answer.unwrap_or_else(|gone| {
        Err(Error::new(ErrorKind::Internal, "nobody hands out permits any more").with_source(gone))
    })
}
