//! Waiters that are dropped at any point, and stores that respond slowly.

use super::reservation::Wait;
use super::*;

/// A store with latency, such as one on a disk or behind a network.
#[derive(Debug)]
struct SlowStore {
    memory: Arc<MemoryStore>,
    clock: Arc<dyn Clock>,
    /// The wakeups of all processes that share the store.
    processes: Arc<StdMutex<Vec<Wakeup>>>,
}

impl SlowStore {
    /// Runs the closure after one millisecond, and returns its result one millisecond later.
    fn later<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&MemoryStore) -> T + Send + 'static,
    ) -> Pending<T> {
        let (memory, clock) = (Arc::clone(&self.memory), Arc::clone(&self.clock));
        Pending::Later(Box::pin(async move {
            clock.sleep(MS(1)).await;
            let result = operation(&memory);
            clock.sleep(MS(1)).await;
            Ok(result)
        }))
    }
}

/// A decision that has not reached the caller yet, with its store and application. If it is dropped, its
/// reservation is released.
struct InTransit(Arc<MemoryStore>, ApplicationKey, Decision);

impl Drop for InTransit {
    fn drop(&mut self) {
        if let Decision::Granted(reservation) = self.2 {
            drop(self.0.release(&self.1, reservation, &Outcome::Unsent));
        }
    }
}

impl Store for SlowStore {
    fn reserve(&self, application: &ApplicationKey) -> Pending<Decision> {
        let (application, memory) = (*application, Arc::clone(&self.memory));
        let result = self.later(move |_| match memory.reserve(&application) {
            Pending::Ready(Ok(decision)) => InTransit(memory, application, decision),
            _ => unreachable!("the memory store is ready at once"),
        });
        Pending::Later(Box::pin(async move {
            let mut in_transit = result.wait().await?;
            let nothing = Wait { duration: None, constraint: Constraint::InFlight };
            Ok(std::mem::replace(&mut in_transit.2, Decision::Wait(nothing)))
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

/// The limiters of two processes that share a slow store.
fn two_processes(config: &config::Limiter) -> [Limiter; 2] {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    let memory = Arc::new(MemoryStore::new(config.clone(), Arc::clone(&clock)));
    let processes = Arc::default();
    [(); 2].map(|()| {
        let (clock, wakeup) = (Arc::clone(&clock), Wakeup::default());
        let store = SlowStore {
            memory: Arc::clone(&memory),
            clock: Arc::clone(&clock),
            processes: Arc::clone(&processes),
        };
        processes.lock().unwrap().push(wakeup.clone());
        Limiter::with_shared(Shared { store: Box::new(store), clock, wakeup }, config.max_wait)
    })
}

/// A limiter with the memory store, and one with a slow store.
fn fast_and_slow(config: &config::Limiter) -> [Limiter; 2] {
    let [slow, _] = two_processes(config);
    [limiter(config), slow]
}

/// Polls a future a limited number of times. Completes with `None` if the future is not ready at the last of
/// these polls. The second field is the number of polls left.
struct PollLimit<F>(Pin<Box<F>>, u32);

impl<F: Future> Future for PollLimit<F> {
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
async fn waiter_dropped_at_any_poll_costs_nothing() {
    for polls in 0..10 {
        for (ahead, behind) in [(0, 0), (0, 2), (2, 0), (2, 2)] {
            for limiter in fast_and_slow(&small_windows()) {
                let started_at = now(&limiter);
                let mut first = acquire(&limiter).await;
                first.mark_sent();
                let spawn_call = |limiter: &Limiter| {
                    let limiter = limiter.clone();
                    tokio::spawn(async move { call(&limiter, Outcome::Responded).await })
                };
                let mut rest: Vec<_> = (0..ahead).map(|_| spawn_call(&limiter)).collect();
                tokio::task::yield_now().await;
                let dropped = tokio::spawn({
                    let limiter = limiter.clone();
                    async move { PollLimit(Box::pin(async move { drop(acquire(&limiter).await) }), polls).await }
                });
                rest.extend((0..behind).map(|_| spawn_call(&limiter)));
                tokio::task::yield_now().await;
                first.finish(Outcome::Responded);
                dropped.await.unwrap();
                let mut at = Vec::new();
                for waiter in rest {
                    // Rounded, so that the latency of the slow store does not matter.
                    let since = waiter.await.unwrap().saturating_sub(started_at);
                    at.push((since.as_secs_f64() * 10.0).round());
                }
                let case = format!("{polls} polls, {ahead} ahead, {behind} behind");
                let expected = [0.0, 1.0, 100.0, 200.0];
                assert!(at.iter().zip(expected).all(|(at, due)| (at - due).abs() <= 1.0), "{at:?}: {case}");
                // A reservation for the dropped waiter is released a moment later.
                limiter.clock().sleep(MS(10)).await;
                assert_eq!(limiter.calls_spent(), 1 + ahead + behind, "{case}");
                let Snapshot { waiting, in_flight, .. } = limiter.snapshot().await.unwrap();
                assert_eq!((waiting, in_flight), (0, 0), "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn slow_store_serves_all_in_order() {
    let [_, limiter] = fast_and_slow(&config::Limiter::default());
    let mut waiters = tokio::task::JoinSet::new();
    for n in 0..300 {
        let limiter = limiter.clone();
        waiters.spawn(async move { (call(&limiter, Outcome::Responded).await, n) });
    }
    let mut served = waiters.join_all().await;
    served.sort_unstable();
    assert!(served.iter().map(|(_, n)| *n).eq(0..300), "{served:?}");
    assert_eq!(limiter.calls_spent(), 300);
}

#[tokio::test(start_paused = true)]
async fn release_in_one_process_wakes_another() {
    let [one, two] =
        two_processes(&config::Limiter { guard_gap: Duration::ZERO, ..config::Limiter::default() });
    let mut permit = acquire(&one).await;
    permit.mark_sent();
    let waiter = tokio::spawn(async move { (acquire(&two).await.constraint(), now(&two)) });
    one.clock().sleep(S(1)).await;
    let before = now(&one);
    permit.finish(Outcome::Responded);
    let (constraint, at) = waiter.await.unwrap();
    // The release takes a millisecond and the reservation two. The wait itself had no known duration.
    assert_eq!((constraint, at), (Some(Constraint::InFlight), before + MS(1) + MS(2)));
}

#[tokio::test(start_paused = true)]
async fn permit_has_no_constraint_of_an_earlier_waiter() {
    let [_, limiter] = fast_and_slow(&small_windows());
    for _ in 0..3 {
        call(&limiter, Outcome::Responded).await;
    }
    let mut permit = acquire(&limiter).await;
    assert!(matches!(permit.constraint(), Some(Constraint::Window { .. })));
    permit.mark_sent();
    limiter.reconfigure(&config::Limiter::default()).await.unwrap();
    permit.finish(Outcome::Responded);
    // The first decision is to wait for the guard gap, which has ended at the second request.
    limiter.clock().sleep(MS(24)).await;
    assert_eq!(acquire(&limiter).await.constraint(), Some(Constraint::GuardGap));
}
