//! A clock that only the test advances.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use ultracart_client::{Clock, Instant};

/// A clock that only the test advances. Sleepers wake when their time has come.
pub(crate) struct ManualClock(watch::Sender<Duration>);

impl ManualClock {
    /// Creates a clock that starts at one hour, so that a duration wrongly measured from 0 is noticed.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(Duration::from_hours(1))))
    }

    /// Returns the clock's time, which is one hour at first.
    pub(crate) fn time(&self) -> Duration {
        *self.0.borrow()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now += by);
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").finish_non_exhaustive()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant::START + self.time()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.time()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (mut now, until) = (self.0.subscribe(), self.time() + duration);
        Box::pin(async move {
            _ = now.wait_for(|now| *now >= until).await;
        })
    }
}
