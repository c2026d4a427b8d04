//! Who gets the next turn.
//!
//! There is no task of its own: one of those who wait leads, and the others wait for what it hands out. The leader
//! holds the one timer. When it has its own turn, or goes away, the next one leads. So nothing is started before somebody
//! waits, and nothing is left running after. All who wait have to be polled.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::forecast::Bound;
use super::permit::Permit;
use super::queue::{Latest, Place, Priority, Queue, WaitLimit};
use super::state::{ApplicationId, Outcome, Reply, Step, Turn};
use super::store::{Pending, Store};
use super::{Application, Limiter};
use crate::clock::{Clock, Instant};
use crate::error::{Error, ErrorKind};

/// A clock can stand still while the machine sleeps, so no wait is longer before looking again.
const SLICE: Duration = Duration::from_secs(30);

/// A wish for a turn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) priority: Priority,
    /// Since when its place in the order counts, if not from now on.
    pub(crate) since: Option<Instant>,
    /// No turn is of use later.
    pub(crate) deadline: Option<Latest>,
}

impl Ask {
    fn is_in_time(&self, now: Instant) -> Result<(), Error> {
        match self.deadline.filter(|deadline| deadline.at < now) {
            Some(deadline) => Err(deadline.limit.error(None)),
            None => Ok(()),
        }
    }
}

/// What all who share a limiter share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) store: Box<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    applications: Mutex<Vec<Arc<Application>>>,
    max_wait: Mutex<Option<Duration>>,
    queue: Mutex<Queue>,
    /// How many are in the queue, for those who only want to know whether it is empty.
    waiting: AtomicUsize,
    lead: tokio::sync::Mutex<()>,
    /// A turn ended, somebody came or went, or the settings are others.
    changed: Notify,
}

impl Core {
    pub(super) fn new(store: Box<dyn Store>, clock: Arc<dyn Clock>, max_wait: Option<Duration>) -> Self {
        Self {
            store,
            clock,
            applications: Mutex::default(),
            max_wait: Mutex::new(max_wait),
            queue: Mutex::default(),
            waiting: AtomicUsize::new(0),
            lead: tokio::sync::Mutex::default(),
            changed: Notify::new(),
        }
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the leader, if there is one, to look again.
    pub(super) fn look_again(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.changed.notify_one();
        }
    }

    /// Asks for a turn. Where the store takes its time, and whoever asked goes away meanwhile, the turn is given back.
    async fn take(self: &Arc<Self>, application: ApplicationId) -> Result<Reply, Error> {
        let later = match self.store.apply(Step::Take(application)) {
            Pending::Ready(reply) => return reply.unwrap_or(Ok(Reply::Done)),
            Pending::Later(later) => later,
        };
        let (answer, answered) = oneshot::channel();
        let core = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(Ok(Reply::Granted(turn))) = answer.send(later.await) {
                core.settle(&turn, Outcome::Unsent);
            }
        });
        answered.await.unwrap_or_else(|gone| {
            Err(Error::new(ErrorKind::Internal, "the limiter's store gave no answer").with_source(gone))
        })
    }

    /// A turn is over. Where the store takes its time, nobody waits for it.
    pub(super) fn settle(self: &Arc<Self>, turn: &Turn, outcome: Outcome) {
        if self.store.settle_at_once(turn, &outcome) {
            return self.look_again();
        }
        let settled = |core: &Self, reply: Result<Reply, Error>| {
            if let Err(error) = reply {
                tracing::warn!(%error, "how a call ended could not be kept");
            }
            core.look_again();
        };
        match self.store.apply(Step::Settle(*turn, outcome)) {
            Pending::Ready(reply) => settled(self, reply.unwrap_or(Ok(Reply::Done))),
            Pending::Later(later) => {
                // Without a runtime there is nobody left who could.
                let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
                let core = Arc::clone(self);
                runtime.spawn(async move { settled(&core, later.await) });
            }
        }
    }

    /// Nothing is sent for this application any more, and whoever waits is told.
    pub(super) fn halt(&self, application: &Application, error: Error) {
        let error = application.halted.get_or_init(|| error);
        self.change_queue(|queue| queue.send_all_away(application.id, error));
        self.look_again();
    }

    pub(super) fn max_wait(&self) -> MutexGuard<'_, Option<Duration>> {
        self.max_wait.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn applications(&self) -> MutexGuard<'_, Vec<Arc<Application>>> {
        self.applications.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_queue<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.queue();
        let result = change(&mut queue);
        self.waiting.store(queue.len(), Ordering::SeqCst);
        result
    }

    /// Hands out as many turns as there are. The answer is how long until it is worth another look, if only time helps.
    async fn dispatch(self: &Arc<Self>) -> Option<Duration> {
        'look: loop {
            let now = self.clock.now();
            let firsts = self.queue().firsts();
            let mut again = None;
            for (_, application) in firsts {
                let answer = match self.take(application).await {
                    Ok(Reply::Granted(turn)) => {
                        let application = self.applications().get(application.0).map(Arc::clone);
                        application
                            .map(|application| Permit::new(Limiter::of(Arc::clone(self), application), turn))
                            .ok_or_else(|| Error::new(ErrorKind::Internal, "a turn of nobody"))
                    }
                    Ok(Reply::Wait(wait)) => {
                        let latest = self.change_queue(|queue| queue.held_up(application, wait.bound));
                        match (wait.time, latest) {
                            // It cannot come in time any more: a hold has come in between.
                            (Some(time), Some(latest)) if now + time > latest.at => {
                                Err(latest.limit.error(Some(time)))
                            }
                            (time, _) => {
                                again = again.into_iter().chain(time).min();
                                continue;
                            }
                        }
                    }
                    Ok(Reply::Done) => continue,
                    Err(error) => Err(error),
                };
                self.change_queue(|queue| queue.answer_first(application, answer));
                continue 'look;
            }
            // Only now: a turn that comes at the last moment has come in time.
            let pressing = self.change_queue(|queue| queue.send_away_late(now)).map(|at| at.since(now));
            return again.into_iter().chain(pressing).min();
        }
    }
}

impl Limiter {
    /// A turn.
    ///
    /// Dropped while it waits, it costs nothing and holds nobody up.
    pub(crate) async fn acquire(&self, ask: &Ask) -> Result<Permit, Error> {
        self.go_on()?;
        if self.member.core.waiting.load(Ordering::SeqCst) == 0
            && let Some(turn) = self.member.core.store.take_at_once(self.member.application.id)
        {
            let permit = Permit::new(self.clone(), turn);
            // Where it comes too late it is dropped, and so given back.
            ask.is_in_time(turn.taken_at)?;
            return Ok(permit);
        }
        // Apart, so that the way of most calls has no room for it to be made and moved.
        Box::pin(self.acquire_later(ask)).await
    }

    /// A turn that is not there at once, or may not be.
    async fn acquire_later(&self, ask: &Ask) -> Result<Permit, Error> {
        let core = &self.member.core;
        let now = core.clock.now();
        ask.is_in_time(now)?;
        let mut bound = Bound::InFlight;
        if core.waiting.load(Ordering::SeqCst) == 0 {
            match core.take(self.member.application.id).await? {
                Reply::Granted(turn) => return Ok(Permit::new(self.clone(), turn)),
                Reply::Wait(wait) => bound = wait.bound,
                Reply::Done => {}
            }
        }
        let max_wait = *core.max_wait();
        let max_wait = max_wait.map(|wait| Latest { at: now + wait, limit: WaitLimit::MaxWait(wait) });
        let latest = max_wait.into_iter().chain(ask.deadline).min();
        if let Some(latest) = latest {
            // Those who wait before it with the same credential go first. Others may be held up by what does not hold it
            // up, so they do not count: nobody is sent away who could have come in time.
            let before =
                core.queue().before(self.member.application.id, ask.priority, ask.since.unwrap_or(now));
            let calls = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
            let forecast = core.store.standing(self.member.application.id).await?.forecast(calls);
            let wait = forecast.sent_in(calls).unwrap_or_default();
            if now + wait > latest.at {
                return Err(latest.limit.error(Some(wait)));
            }
        }
        let mut waiter = Waiter::enter(self, ask, now, latest);
        // Whoever ends everything tells all in the queue; this one may have come a moment too late to be told.
        self.go_on()?;
        let permit = tokio::select! {
            biased;
            answer = &mut waiter.answer => answered(answer),
            _lead = core.lead.lock() => waiter.lead().await,
        };
        let permit = permit?;
        self.go_on()?;
        Ok(permit.after_waiting_for(bound))
    }

    /// Unless there can be no turn before the deadline, however long is waited first.
    pub(crate) async fn comes_in_time(&self, ask: &Ask, pause: Duration) -> Result<(), Error> {
        let Some(deadline) = ask.deadline else { return Ok(()) };
        let forecast = self.member.core.store.standing(self.member.application.id).await?.forecast(1);
        let wait = forecast.sent_in(1).unwrap_or_default().max(pause);
        if self.member.core.clock.now() + wait > deadline.at {
            return Err(deadline.limit.error(Some(wait)));
        }
        Ok(())
    }

    /// Unless nothing is sent with this credential any more.
    fn go_on(&self) -> Result<(), Error> {
        match self.member.application.halted.get() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}

/// One who waits. Dropped, it leaves its place.
struct Waiter<'a> {
    limiter: &'a Limiter,
    place: Place,
    answer: oneshot::Receiver<Result<Permit, Error>>,
}

impl<'a> Waiter<'a> {
    fn enter(limiter: &'a Limiter, ask: &Ask, now: Instant, latest: Option<Latest>) -> Self {
        let (id, since) = (limiter.member.application.id, ask.since.unwrap_or(now));
        let (place, answer) =
            limiter.member.core.change_queue(|queue| queue.enter(id, ask.priority, since, latest));
        // It can be due before the one whose turn the leader waits for.
        limiter.member.core.look_again();
        Self { limiter, place, answer }
    }

    /// Hands out turns until its own one comes.
    async fn lead(&mut self) -> Result<Permit, Error> {
        let core = &self.limiter.member.core;
        loop {
            let wait = core.dispatch().await;
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
                () = core.changed.notified() => {}
                () = time => {}
            }
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let core = &self.limiter.member.core;
        if core.change_queue(|queue| queue.leave(self.limiter.member.application.id, self.place)) {
            core.look_again();
        }
    }
}

fn answered(answer: Result<Result<Permit, Error>, oneshot::error::RecvError>) -> Result<Permit, Error> {
    answer.unwrap_or_else(|gone| {
        Err(Error::new(ErrorKind::Internal, "nobody hands out turns any more").with_source(gone))
    })
}
