//! Whoever waits can go away at any time, and the store can take its time.

use super::*;

/// A store that takes its time, as one on a disk or behind a network does.
#[derive(Debug)]
struct Far {
    memory: Arc<memory::Memory>,
    clock: Arc<dyn Clock>,
}

impl store::Store for Far {
    fn apply(&self, step: Step) -> store::Pending<state::Reply> {
        let (memory, clock) = (Arc::clone(&self.memory), Arc::clone(&self.clock));
        store::Pending::Later(Box::pin(async move {
            clock.sleep(MS(1)).await;
            let reply = store::Store::apply(&*memory, step).await;
            clock.sleep(MS(1)).await;
            reply
        }))
    }

    fn standing(&self, application: ApplicationId) -> store::Pending<state::Standing> {
        store::Store::standing(&*self.memory, application)
    }

    fn add_application(&self) {
        store::Store::add_application(&*self.memory);
    }
}

/// A limiter in memory, and one whose store takes its time.
fn near_and_far(config: &config::Limiter) -> [Limiter; 2] {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    let memory = Arc::new(memory::Memory::new(config.clone(), Arc::clone(&clock)));
    let far = Core::new(Box::new(Far { memory, clock: Arc::clone(&clock) }), clock, config.max_wait);
    let application = far.application(None);
    [limiter(config), Limiter::of(Arc::new(far), application)]
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
                let first = acquire(&limiter).await;
                first.sending();
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
                limiter.member.core.clock.sleep(MS(10)).await;
                assert_eq!(limiter.calls_spent(), 1 + ahead + behind, "{shown}");
                let in_flight = limiter.snapshot().await.unwrap().in_flight;
                assert_eq!((limiter.member.core.queue().len(), in_flight), (0, 0), "{shown}");
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
