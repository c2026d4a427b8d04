//! Whoever waits can go away at any time, and the store can take its time.

use super::reservation::Wait;
use super::*;

/// A store that takes its time, as one on a disk or behind a network does.
#[derive(Debug)]
struct Far {
    memory: Arc<Memory>,
    clock: Arc<dyn Clock>,
    /// The limiters of all processes that share the store.
    processes: Arc<StdMutex<Vec<Wakeup>>>,
}

impl Far {
    /// An answer that is on its way for a millisecond, after a request that was.
    fn later<T: Send + 'static>(&self, answer: impl FnOnce(&Memory) -> T + Send + 'static) -> Pending<T> {
        let (memory, clock) = (Arc::clone(&self.memory), Arc::clone(&self.clock));
        Pending::Later(Box::pin(async move {
            clock.sleep(MS(1)).await;
            let answer = answer(&memory);
            clock.sleep(MS(1)).await;
            Ok(answer)
        }))
    }
}

/// A decision on its way back. A reservation that does not arrive is released.
struct InTransit(Arc<Memory>, ApplicationKey, Decision);

impl Drop for InTransit {
    fn drop(&mut self) {
        if let Decision::Granted(reservation) = self.2 {
            drop(self.0.release(&self.1, reservation, &Outcome::Unsent));
        }
    }
}

impl Store for Far {
    fn reserve(&self, application: &ApplicationKey) -> Pending<Decision> {
        let (application, memory) = (*application, Arc::clone(&self.memory));
        let answer = self.later(move |_| match memory.reserve(&application) {
            Pending::Ready(Ok(decision)) => InTransit(memory, application, decision),
            _ => unreachable!("memory answers at once"),
        });
        Pending::Later(Box::pin(async move {
            let mut transit = answer.answer().await?;
            let nothing = Wait { time: None, constraint: Constraint::InFlight };
            Ok(std::mem::replace(&mut transit.2, Decision::Wait(nothing)))
        }))
    }

    fn release(
        &self,
        application: &ApplicationKey,
        reservation: Reservation,
        outcome: &Outcome,
    ) -> Pending<()> {
        let (application, outcome) = (*application, *outcome);
        let processes = Arc::clone(&self.processes);
        self.later(move |memory| {
            drop(memory.release(&application, reservation, &outcome));
            processes.lock().unwrap().iter().for_each(Wakeup::notify);
        })
    }

    fn reconfigure(&self, config: config::Limiter) -> Pending<()> {
        self.later(|memory| drop(memory.reconfigure(config)))
    }

    fn state(&self, application: &ApplicationKey) -> Pending<QuotaState> {
        self.memory.state(application)
    }
}

/// The limiters of two processes that share a store which takes its time.
fn far_apart(config: &config::Limiter) -> [Limiter; 2] {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    let memory = Arc::new(Memory::new(config.clone(), Arc::clone(&clock)));
    let processes = Arc::default();
    [(); 2].map(|()| {
        let (clock, wakeup) = (Arc::clone(&clock), Wakeup::default());
        let store =
            Far { memory: Arc::clone(&memory), clock: Arc::clone(&clock), processes: Arc::clone(&processes) };
        processes.lock().unwrap().push(wakeup.clone());
        Limiter::with_core(Core { store: Box::new(store), clock, wakeup }, config.max_wait)
    })
}

/// A limiter in memory, and one whose store takes its time.
fn near_and_far(config: &config::Limiter) -> [Limiter; 2] {
    let [far, _] = far_apart(config);
    [limiter(config), far]
}

/// Polls a future so often and then drops it.
struct Impatient<F>(Pin<Box<F>>, u32);

impl<F: Future> Future for Impatient<F> {
    type Output = Option<F::Output>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.1 == 0 {
            return Poll::Ready(None);
        }
        self.1 -= 1;
        match self.0.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.1 == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_who_goes_away_at_any_point_costs_nothing_and_holds_nobody_up() {
    for polls in 0..10 {
        for (ahead, behind) in [(0, 0), (0, 2), (2, 0), (2, 2)] {
            for limiter in near_and_far(&small()) {
                let started_at = now(&limiter);
                let mut first = acquire(&limiter).await;
                first.mark_sent();
                let patient = |limiter: &Limiter| {
                    let limiter = limiter.clone();
                    tokio::spawn(async move { call(&limiter, Outcome::Answered).await })
                };
                let mut rest: Vec<_> = (0..ahead).map(|_| patient(&limiter)).collect();
                tokio::task::yield_now().await;
                let gone = tokio::spawn({
                    let limiter = limiter.clone();
                    async move { Impatient(Box::pin(async move { drop(acquire(&limiter).await) }), polls).await }
                });
                rest.extend((0..behind).map(|_| patient(&limiter)));
                tokio::task::yield_now().await;
                first.finish(Outcome::Answered);
                gone.await.unwrap();
                let mut at = Vec::new();
                for waiter in rest {
                    // The far store's own time does not matter here.
                    let since = waiter.await.unwrap().saturating_sub(started_at);
                    at.push((since.as_secs_f64() * 10.0).round());
                }
                let shown = format!("{polls} polls, {ahead} ahead, {behind} behind");
                let expected = [0.0, 1.0, 100.0, 200.0];
                assert!(at.iter().zip(expected).all(|(at, due)| (at - due).abs() <= 1.0), "{at:?}: {shown}");
                // Whatever was taken for one who had gone is given back a moment later.
                limiter.clock().sleep(MS(10)).await;
                assert_eq!(limiter.calls_spent(), 1 + ahead + behind, "{shown}");
                let Snapshot { waiting, in_flight, .. } = limiter.snapshot().await.unwrap();
                assert_eq!((waiting, in_flight), (0, 0), "{shown}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_its_time_serves_everybody_in_order() {
    let [_, limiter] = near_and_far(&config::Limiter::default());
    let mut waiters = tokio::task::JoinSet::new();
    for n in 0..300 {
        let limiter = limiter.clone();
        waiters.spawn(async move { (call(&limiter, Outcome::Answered).await, n) });
    }
    let mut served = waiters.join_all().await;
    served.sort_unstable();
    assert!(served.iter().map(|(_, n)| *n).eq(0..300), "{served:?}");
    assert_eq!(limiter.calls_spent(), 300);
}

#[tokio::test(start_paused = true)]
async fn waiters_of_two_processes_take_turns() {
    let [one, two] = far_apart(&config::Limiter { guard_gap: Duration::ZERO, ..config::Limiter::default() });
    let mut permit = acquire(&one).await;
    permit.mark_sent();
    let waiter = tokio::spawn(async move { (acquire(&two).await.constraint(), now(&two)) });
    one.clock().sleep(S(1)).await;
    let before = now(&one);
    permit.finish(Outcome::Answered);
    let (constraint, at) = waiter.await.unwrap();
    // Released within a millisecond, and reserved within two; the wait had no time of its own.
    assert_eq!((constraint, at), (Some(Constraint::InFlight), before + MS(1) + MS(2)));
}

#[tokio::test(start_paused = true)]
async fn permit_granted_at_once_names_no_earlier_constraint() {
    let [_, limiter] = near_and_far(&small());
    for _ in 0..3 {
        call(&limiter, Outcome::Answered).await;
    }
    let mut permit = acquire(&limiter).await;
    assert!(matches!(permit.constraint(), Some(Constraint::Window { .. })));
    permit.mark_sent();
    limiter.reconfigure(&config::Limiter::default()).await.unwrap();
    permit.finish(Outcome::Answered);
    // The store says that the gap is not over, and it is when the queue asks again.
    limiter.clock().sleep(MS(24)).await;
    assert_eq!(acquire(&limiter).await.constraint(), Some(Constraint::GuardGap));
}
