//! Clocks that jump, and what a crowd of waiters costs.

use super::*;

/// A machine whose clocks do what they should not, and a count of its timers.
#[derive(Debug)]
struct Machine {
    tokio: TokioClock,
    /// Seconds that passed while the machine slept.
    slept: AtomicI64,
    /// Seconds that somebody set the time of day by.
    set_by: AtomicI64,
    timers: Arc<AtomicUsize>,
    most_timers: AtomicUsize,
}

struct Timer(Pin<Box<dyn Future<Output = ()> + Send>>, Arc<AtomicUsize>);

impl Future for Timer {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Machine {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            tokio: TokioClock::new(),
            slept: AtomicI64::new(0),
            set_by: AtomicI64::new(0),
            timers: Arc::default(),
            most_timers: AtomicUsize::new(0),
        })
    }
}

impl Clock for Machine {
    fn now(&self) -> Instant {
        self.tokio.now() + S(self.slept.load(Ordering::Relaxed).unsigned_abs())
    }

    fn wall(&self) -> SystemTime {
        let set_by = self.set_by.load(Ordering::Relaxed);
        let by = S(set_by.unsigned_abs());
        if set_by < 0 { self.tokio.wall() - by } else { self.tokio.wall() + by }
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let timers = self.timers.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_timers.fetch_max(timers, Ordering::Relaxed);
        Box::pin(Timer(self.tokio.sleep(duration), Arc::clone(&self.timers)))
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_of_day_does_not_matter() {
    let machine = Machine::new();
    let limiter = Limiter::with_clock(&small(), machine.clone()).unwrap();
    let mut at = Vec::new();
    for step in [0, 86_400, -86_400, 86_400, 0] {
        machine.set_by.store(step, Ordering::Relaxed);
        at.push(call(&limiter, Outcome::Answered).await.as_millis());
    }
    assert_eq!(at, [0, 25, 50, 10_000, 20_000]);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_eight_hours_is_ready_half_a_minute_later() {
    let machine = Machine::new();
    let windows = vec![Window::new(1, HOUR)];
    let limiter = Limiter::with_clock(&config::Limiter { windows, ..small() }, machine.clone()).unwrap();
    call(&limiter, Outcome::Answered).await;
    let waiter = tokio::spawn({
        let limiter = limiter.clone();
        async move { call(&limiter, Outcome::Answered).await }
    });
    machine.tokio.sleep(S(100)).await;
    machine.slept.store(8 * 3_600, Ordering::Relaxed);
    let before = machine.tokio.now();
    waiter.await.unwrap();
    let after = machine.tokio.now();
    assert!(after <= before + S(30), "{after:?} after {before:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_wait_with_one_timer_and_the_last_one_is_served() {
    const WAITERS: u32 = 100_000;
    let machine = Machine::new();
    let limiter = Limiter::with_clock(&config::Limiter::default(), machine.clone()).unwrap();
    let forecast = limiter.forecast(WAITERS).await.unwrap();
    let mut waiters = tokio::task::JoinSet::new();
    for _ in 0..WAITERS {
        let limiter = limiter.clone();
        waiters.spawn(async move { call(&limiter, Outcome::Answered).await });
    }
    let mut last = Duration::ZERO;
    while let Some(at) = waiters.join_next().await {
        let at = at.unwrap();
        assert!(at >= last);
        last = at;
    }
    assert_eq!(Some(last), forecast.sent_in(WAITERS));
    assert_eq!(machine.most_timers.load(Ordering::Relaxed), 1);
    assert_eq!(limiter.calls_spent(), u64::from(WAITERS));
}
