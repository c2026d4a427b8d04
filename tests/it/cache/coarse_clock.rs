//! Promise 1 with a clock whose `coarse_now` lags behind its exact time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use ultracart_client::{COARSE_LAG, CachePolicy, Client, Clock, Config, Instant, TokioClock};
use ultracart_sim::Sim;

use crate::support::{MINUTE, SECOND, user_id};

/// A clock whose `coarse_now` lags behind its exact time by [`COARSE_LAG`], the allowed maximum.
#[derive(Debug)]
struct LaggingClock {
    clock: TokioClock,
    /// Number of reads of the exact time.
    exact: AtomicU64,
}

impl LaggingClock {
    fn new() -> Arc<Self> {
        Arc::new(Self { clock: TokioClock::new(), exact: AtomicU64::default() })
    }
}

impl Clock for LaggingClock {
    fn now(&self) -> Instant {
        self.exact.fetch_add(1, Ordering::Relaxed);
        self.clock.now()
    }

    fn coarse_now(&self) -> Instant {
        self.clock.now() - COARSE_LAG
    }

    fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.clock.sleep(duration)
    }
}

#[tokio::test(start_paused = true)]
async fn lagging_clock_serves_no_expired_value() {
    let sim = Sim::builder().users(5).build();
    let mut config = Config::default();
    config.auth.simple_key = Some(sim.simple_key().expose().into());
    config.cache.users.ttl = MINUTE;
    config.cache.users.refresh_at = 1.0;
    config.cache.logins = config.cache.users.clone();
    // The clock does not start at 0, so that a wrong origin cannot give the right result by chance.
    tokio::time::advance(MINUTE).await;
    let clock = LaggingClock::new();
    tokio::time::advance(MINUTE).await;
    let client = Client::builder().config(config).clock(clock).service(sim.service()).build().unwrap();
    let api = client.user_api().cache_policy(CachePolicy::NeverStale);
    let id = user_id(&sim, 0);
    let calls = async || {
        let users = api.get_users().await.unwrap().calls();
        let user = api.get_user(id).await.unwrap().calls();
        [users, user, api.get_user_logins(id).await.unwrap().calls()]
    };
    api.get_user_logins(id).await.unwrap();
    tokio::time::advance(SECOND).await;
    api.get_user(id).await.unwrap();
    tokio::time::advance(SECOND).await;
    api.get_users().await.unwrap();
    // Each value lives for a minute by the exact time, not by the coarse one.
    tokio::time::advance(Duration::from_millis(57_975)).await;
    assert_eq!(calls().await, [0, 0, 0]);
    let age = api.get_users().await.unwrap().age();
    assert!((57 * SECOND..58 * SECOND).contains(&age), "{age:?}");
    tokio::time::advance(COARSE_LAG / 2).await;
    assert_eq!(calls().await, [0, 0, 1]);
    tokio::time::advance(SECOND).await;
    assert_eq!(calls().await, [0, 1, 0]);
    tokio::time::advance(SECOND).await;
    assert_eq!(calls().await, [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn list_hits_read_only_the_coarse_clock() {
    let sim = Sim::builder().users(5).groups(2).build();
    tokio::time::advance(MINUTE).await;
    let clock = LaggingClock::new();
    let builder = Client::builder().simple_key(sim.simple_key().expose()).clock(Arc::clone(&clock) as _);
    let client = builder.service(sim.service()).build().unwrap();
    let api = client.user_api();
    api.get_users().await.unwrap();
    api.get_groups().await.unwrap();
    tokio::time::advance(MINUTE).await;
    let before = clock.exact.load(Ordering::Relaxed);
    assert!(before > 0);
    for policy in [CachePolicy::Default, CachePolicy::NeverStale, CachePolicy::StaleAllowed] {
        let api = api.cache_policy(policy);
        assert_eq!(api.get_users().await.unwrap().calls(), 0);
        assert_eq!(api.get_groups().await.unwrap().calls(), 0);
    }
    assert_eq!(clock.exact.load(Ordering::Relaxed), before);
}
