//! Promise 1, where the clock has a cheaper reading that lags.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ultracart_client::{COARSE_LAG, CachePolicy, Client, Clock, Config, Instant, TokioClock};
use ultracart_sim::Sim;

use crate::support::{MINUTE, SECOND, user_id};

/// A clock whose coarse reading lags by as much as is allowed.
#[derive(Debug)]
struct LaggingClock(TokioClock);

impl Clock for LaggingClock {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn coarse_now(&self) -> Instant {
        self.now() - COARSE_LAG
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.sleep(duration)
    }
}

#[tokio::test(start_paused = true)]
async fn lagging_clock_serves_nothing_expired() {
    let sim = Sim::builder().users(5).build();
    let mut config = Config::default();
    config.auth.simple_key = Some(sim.simple_key().expose().into());
    config.cache.users.ttl = MINUTE;
    config.cache.users.refresh_at = 1.0;
    config.cache.logins = config.cache.users.clone();
    // The clock does not start at 0, so that a wrong origin cannot give the right result by chance.
    tokio::time::advance(MINUTE).await;
    let clock = Arc::new(LaggingClock(TokioClock::new()));
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
