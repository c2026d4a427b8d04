//! The dispatcher: grants permits to waiters in the order of the queue.
//!
//! It has no background task. One waiter leads: it has the only timer and grants permits to all waiters. When
//! it receives its own permit or is dropped, another waiter leads. So nothing runs while no caller waits.
//! Every waiter must be polled, since any of them may be the leader.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;

use super::constraint::Constraint;
use super::permit::Permit;
use super::queue::{Granted, Position, Queue};
use super::request::{AcquireRequest, ApplicationKey, Deadline, Priority, WaitLimit};
use super::reservation::Decision;
use super::shared::{Application, Shared};
use super::store::Pending;
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::lock::lock;

/// The leader checks the clock at least this often, since a timer can stand still while the machine is
/// suspended.
const MAX_SLEEP: Duration = Duration::from_secs(30);

/// Grants permits in the order of the queue.
#[derive(Debug)]
pub(super) struct Dispatcher {
    pub(super) shared: Arc<Shared>,
    applications: Mutex<BTreeMap<ApplicationKey, Arc<Application>>>,
    max_wait: Mutex<Option<Duration>>,
    queue: Mutex<Queue<Permit>>,
    /// Locked by the waiter that leads.
    leader: tokio::sync::Mutex<()>,
}

/// The result of serving the first waiter of a lane.
enum Served {
    /// The waiter has received its permit or an error.
    Completed,
    /// The waiter has to wait for this long; `None` if only the release of another permit can help.
    Waits(Option<Duration>),
}

impl Dispatcher {
    pub(super) fn new(shared: Shared, max_wait: Option<Duration>) -> Self {
        Self {
            shared: Arc::new(shared),
            applications: Mutex::default(),
            max_wait: Mutex::new(max_wait),
            queue: Mutex::default(),
            leader: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the application with this key, after adding it if it is new.
    pub(super) fn application(&self, key: ApplicationKey) -> Arc<Application> {
        let mut applications = lock(&self.applications);
        let application = applications
            .entry(key)
            .or_insert_with(|| Arc::new(Application::new(Arc::clone(&self.shared), key)));
        Arc::clone(application)
    }

    /// Returns the number of waiters with a priority.
    pub(super) fn waiting(&self, priority: Priority) -> usize {
        lock(&self.queue).count(priority)
    }

    /// Fails all waiting and future requests of an application with `error`. If the application was halted
    /// before, the earlier error is used instead.
    pub(super) fn halt(&self, application: &Application, error: Error) {
        let error = application.halt_error.get_or_init(|| error);
        self.change_queue(|queue| queue.fail_all(&application.key, error));
        self.shared.wakeup.notify();
    }

    /// Sets the longest wait of future requests.
    pub(super) fn set_max_wait(&self, max_wait: Option<Duration>) {
        *lock(&self.max_wait) = max_wait;
        self.shared.wakeup.notify();
    }

    /// Waits for a permit.
    ///
    /// # Cancel safety
    /// A caller that is cancelled while it waits costs no call and delays no other waiter.
    pub(super) async fn acquire(
        &self,
        application: &Arc<Application>,
        request: &AcquireRequest,
    ) -> Result<Permit, Error> {
        application.check_halted()?;
        let first = if self.shared.wakeup.has_waiters() {
            None
        } else {
            match self.shared.store.reserve(&application.key) {
                Pending::Ready(Ok(Decision::Granted(reservation))) => {
                    let permit = Permit::new(Arc::clone(application), reservation);
                    // A permit past the deadline is dropped here, which releases it.
                    request.check_deadline(reservation.start)?;
                    return Ok(permit);
                }
                decision => Some(decision),
            }
        };
        // Boxed, so that the common call, which does not wait, has a small future.
        Box::pin(self.wait_for_permit(application, request, first)).await
    }

    /// Waits in the queue for a permit. `first` is the store's first decision on this request. If it is a
    /// grant, the request does not enter the queue. If `first` is `None`, other callers already wait, so the
    /// store was not asked.
    async fn wait_for_permit(
        &self,
        application: &Arc<Application>,
        request: &AcquireRequest,
        first: Option<Pending<Decision>>,
    ) -> Result<Permit, Error> {
        let now = self.shared.clock.now();
        request.check_deadline(now)?;
        let mut constraint = Constraint::InFlight;
        if let Some(first) = first {
            match first.wait().await? {
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
            // Waiters of the same credential that precede this request count. Waiters of other credentials do
            // not: their constraint may not apply here, and a request that could be served in time must not
            // fail.
            let ahead = lock(&self.queue).count_ahead(&application.key, request.priority, since);
            let calls = u32::try_from(ahead).unwrap_or(u32::MAX).saturating_add(1);
            let wait = self.time_until_sent(application, calls).await?;
            if now + wait > deadline.at {
                return Err(deadline.limit.error(Some(wait)));
            }
        }
        let mut queued = QueuedRequest::enter(self, application, request.priority, since, deadline);
        // `halt` fails the requests in the queue. This one may have entered just after.
        application.check_halted()?;
        let granted = tokio::select! {
            biased;
            result = &mut queued.receiver => received(result),
            _guard = self.leader.lock() => queued.lead().await,
        }?;
        application.check_halted()?;
        Ok(granted.value.with_constraint(granted.constraint.unwrap_or(constraint)))
    }

    /// Checks whether a caller can still get a permit after a pause of length `pause`. Fails if the permit
    /// would come after the request's deadline. Call this before the pause.
    pub(super) async fn check_deadline_after(
        &self,
        application: &Application,
        request: &AcquireRequest,
        pause: Duration,
    ) -> Result<(), Error> {
        let Some(deadline) = request.deadline else { return Ok(()) };
        let wait = self.time_until_sent(application, 1).await?.max(pause);
        if self.shared.clock.now() + wait > deadline.at {
            return Err(deadline.limit.error(Some(wait)));
        }
        Ok(())
    }

    /// Returns the time until `calls` more calls will have been sent.
    async fn time_until_sent(&self, application: &Application, calls: u32) -> Result<Duration, Error> {
        let state = self.shared.store.state(&application.key).wait().await?;
        Ok(state.forecast(calls).sent_in(calls).unwrap_or_default())
    }

    /// Grants every permit that is available, and fails the waiters whose deadline has passed. Returns the
    /// time after which to try again; `None` if only a wakeup can help.
    async fn dispatch(&self) -> Option<Duration> {
        'restart: loop {
            let now = self.shared.clock.now();
            let mut wait: Option<Duration> = None;
            let lanes = lock(&self.queue).lanes();
            for application in lanes {
                match self.serve_first(&application, now).await {
                    Served::Completed => continue 'restart,
                    Served::Waits(duration) => wait = wait.into_iter().chain(duration).min(),
                }
            }
            // Expire last: a permit that is granted exactly at the deadline is in time.
            let expiry = self.change_queue(|queue| queue.expire(now)).map(|at| at.since(now));
            return wait.into_iter().chain(expiry).min();
        }
    }

    /// Requests a reservation for the first waiter of a lane. Sends the permit or an error to the waiter,
    /// unless it has to wait.
    async fn serve_first(&self, key: &ApplicationKey, now: Instant) -> Served {
        let result = match self.shared.store.reserve(key).wait().await {
            Ok(Decision::Granted(reservation)) => Ok(Permit::new(self.application(*key), reservation)),
            Ok(Decision::Wait(wait)) => {
                let deadline = self.change_queue(|queue| queue.record_constraint(key, wait.constraint));
                match (wait.duration, deadline) {
                    // A hold that began after the waiter entered the queue makes its deadline impossible.
                    (Some(duration), Some(deadline)) if now + duration > deadline.at => {
                        Err(deadline.limit.error(Some(duration)))
                    }
                    (duration, _) => return Served::Waits(duration),
                }
            }
            Err(error) => Err(error),
        };
        self.change_queue(|queue| queue.complete_first(key, result));
        Served::Completed
    }

    fn change_queue<T>(&self, change: impl FnOnce(&mut Queue<Permit>) -> T) -> T {
        let mut queue = lock(&self.queue);
        let result = change(&mut queue);
        self.shared.wakeup.set_waiting(queue.len());
        result
    }
}

/// A caller's request in the queue. A dropped request leaves the queue.
struct QueuedRequest<'a> {
    dispatcher: &'a Dispatcher,
    application: &'a Application,
    position: Position,
    receiver: oneshot::Receiver<Result<Granted<Permit>, Error>>,
}

impl<'a> QueuedRequest<'a> {
    fn enter(
        dispatcher: &'a Dispatcher,
        application: &'a Application,
        priority: Priority,
        since: Instant,
        deadline: Option<Deadline>,
    ) -> Self {
        let (position, receiver) =
            dispatcher.change_queue(|queue| queue.enter(application.key, priority, since, deadline));
        // This request can be due before the one for which the leader sleeps.
        dispatcher.shared.wakeup.notify();
        Self { dispatcher, application, position, receiver }
    }

    /// Leads the queue: grants permits to all waiters until this request receives its own.
    async fn lead(&mut self) -> Result<Granted<Permit>, Error> {
        let shared = &self.dispatcher.shared;
        loop {
            let wait = self.dispatcher.dispatch().await;
            if let Ok(result) = self.receiver.try_recv() {
                return result;
            }
            let time = async {
                match wait {
                    Some(wait) => shared.clock.sleep(wait.min(MAX_SLEEP)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                result = &mut self.receiver => return received(result),
                () = shared.wakeup.notified() => {}
                () = time => {}
            }
        }
    }
}

impl Drop for QueuedRequest<'_> {
    fn drop(&mut self) {
        let has_left =
            self.dispatcher.change_queue(|queue| queue.leave(&self.application.key, self.position));
        if has_left {
            self.dispatcher.shared.wakeup.notify();
        }
    }
}

type Received = Result<Result<Granted<Permit>, Error>, oneshot::error::RecvError>;

fn received(result: Received) -> Result<Granted<Permit>, Error> {
    result.unwrap_or_else(|closed| {
        Err(Error::new(ErrorKind::Internal, "the limiter dropped a waiting request").with_source(closed))
    })
}
