//! Clocks that jump, and the cost of many waiters.

use super::*;

/// A clock that can jump, and that counts its timers.
#[derive(Debug)]
struct JumpingClock {
    tokio: TokioClock,
    /// Seconds during which the machine slept.
    slept_seconds: AtomicI64,
    /// Seconds by which the time of day was changed.
    wall_offset: AtomicI64,
    /// Timers that exist now.
    timers: Arc<AtomicUsize>,
    /// The most timers that existed at the same time.
    max_timers: AtomicUsize,
}

/// A sleep, and the number of existing timers. Dropping the sleep reduces the number by 1.
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

impl JumpingClock {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            tokio: TokioClock::new(),
            slept_seconds: AtomicI64::new(0),
            wall_offset: AtomicI64::new(0),
            timers: Arc::default(),
            max_timers: AtomicUsize::new(0),
        })
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Instant {
        self.tokio.now() + S(self.slept_seconds.load(Ordering::Relaxed).unsigned_abs())
    }

    fn wall(&self) -> SystemTime {
        let wall_offset = self.wall_offset.load(Ordering::Relaxed);
        let offset = S(wall_offset.unsigned_abs());
        if wall_offset < 0 { self.tokio.wall() - offset } else { self.tokio.wall() + offset }
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let timers = self.timers.fetch_add(1, Ordering::Relaxed) + 1;
        self.max_timers.fetch_max(timers, Ordering::Relaxed);
        Box::pin(Timer(self.tokio.sleep(duration), Arc::clone(&self.timers)))
    }
}

#[tokio::test(start_paused = true)]
async fn time_of_day_does_not_affect_the_limiter() {
    let clock = JumpingClock::new();
    let limiter = Limiter::with_clock(&small_windows(), clock.clone()).unwrap();
    let mut at = Vec::new();
    for step in [0, 86_400, -86_400, 86_400, 0] {
        clock.wall_offset.store(step, Ordering::Relaxed);
        at.push(call(&limiter, Outcome::Responded).await.as_millis());
    }
    assert_eq!(at, [0, 25, 50, 10_000, 20_000]);
}

#[tokio::test(start_paused = true)]
async fn waiter_after_machine_sleep_needs_30_seconds() {
    let clock = JumpingClock::new();
    let windows = vec![Window::new(1, HOUR)];
    let limiter =
        Limiter::with_clock(&config::Limiter { windows, ..small_windows() }, clock.clone()).unwrap();
    call(&limiter, Outcome::Responded).await;
    let waiter = tokio::spawn({
        let limiter = limiter.clone();
        async move { call(&limiter, Outcome::Responded).await }
    });
    clock.tokio.sleep(S(100)).await;
    clock.slept_seconds.store(8 * 3_600, Ordering::Relaxed);
    let before = clock.tokio.now();
    waiter.await.unwrap();
    let after = clock.tokio.now();
    assert!(after <= before + S(30), "{after:?} after {before:?}");
}

#[tokio::test(start_paused = true)]
async fn hundred_thousand_waiters_share_one_timer() {
    const WAITERS: u32 = 100_000;
    let clock = JumpingClock::new();
    let limiter = Limiter::with_clock(&config::Limiter::default(), clock.clone()).unwrap();
    let forecast = limiter.forecast(WAITERS).await.unwrap();
    let mut waiters = tokio::task::JoinSet::new();
    for _ in 0..WAITERS {
        let limiter = limiter.clone();
        waiters.spawn(async move { call(&limiter, Outcome::Responded).await });
    }
    let mut last = Duration::ZERO;
    while let Some(at) = waiters.join_next().await {
        let at = at.unwrap();
        assert!(at >= last);
        last = at;
    }
    assert_eq!(Some(last), forecast.sent_in(WAITERS));
    assert_eq!(clock.max_timers.load(Ordering::Relaxed), 1);
    assert_eq!(limiter.calls_spent(), u64::from(WAITERS));
}
