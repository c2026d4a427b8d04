//! A clock that stands still until a test moves it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use ultracart_client::{Clock, Instant};

/// Shows the time that the test has set. Sleepers wake when the test moves it far enough.
pub(crate) struct ManualClock(watch::Sender<Duration>);

impl ManualClock {
    /// A clock that does not start at 0, so that a duration measured from 0 is visibly wrong.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(Duration::from_hours(1))))
    }

    /// Returns the time since the clock's start.
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
