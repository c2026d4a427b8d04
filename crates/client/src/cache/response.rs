//! Responses of reads, and their freshness.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_utils::CachePadded;
use ultracart_transport::{ErrorKind, Instant};

use super::logical_clock::ReadStamp;

/// A shared, immutable response with its freshness, age and cost in calls.
///
/// ```
/// use ultracart_client::{Client, Served};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sim = ultracart_sim::Sim::builder().users(3).simple_key("key").build();
/// let api = Client::builder().simple_key("key").service(sim.service()).build()?.user_api();
/// let users = api.get_users().await?;
/// assert_eq!((users.len(), users.served(), users.calls()), (3, Served::Fresh, 1));
/// assert_eq!(api.get_users().await?.calls(), 0); // from the cache
/// # Ok(())
/// # }
/// ```
pub struct Cached<T: ?Sized> {
    value: SharedValue<T>,
    stamp: ReadStamp,
    /// Age of the value in nanoseconds.
    age: u64,
    calls: u32,
    served: Served,
}

/// A reference to a shared value.
pub(super) enum SharedValue<T: ?Sized> {
    One(Arc<T>),
    /// A reference whose count is on a cache line that few threads use.
    Striped(Arc<CachePadded<Arc<T>>>),
}

/// Whether a returned value is fresh or stale. [`CachePolicy`](crate::CachePolicy) decides when stale values
/// are returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Served {
    /// The value is new from the server, or it is cached and neither expired nor invalidated.
    Fresh,
    /// The value is expired or invalidated.
    Stale(Stale),
}

/// Why a stale value was returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stale {
    /// The value is expired, and the call for a newer one failed with this kind of error.
    Failed(ErrorKind),
    /// The value is expired, and is being refreshed in the background.
    Refreshing,
    /// A write or a webhook invalidated the value. The value is being refreshed in the background, unless a
    /// refresh failed a short time ago.
    Invalidated,
}

impl<T: ?Sized> Cached<T> {
    /// Creates a response that is served at `now`.
    #[inline]
    pub(super) fn new(
        value: SharedValue<T>,
        stamp: ReadStamp,
        now: Instant,
        served: Served,
        calls: u32,
    ) -> Self {
        let age = now.as_nanos().saturating_sub(stamp.at.as_nanos());
        Self { value, stamp, age, calls, served }
    }

    /// Returns the stamp of the call that returned the value.
    pub(crate) fn stamp(&self) -> ReadStamp {
        self.stamp
    }

    /// Adds the number of earlier calls of the same read.
    pub(super) fn after_calls(self, calls: u32) -> Self {
        Self { calls: self.calls + calls, ..self }
    }

    /// Returns a part of this response, with the freshness, age and calls of the whole.
    pub(crate) fn part<U: ?Sized>(&self, part: Arc<U>) -> Cached<U> {
        Cached {
            value: SharedValue::One(part),
            stamp: self.stamp,
            age: self.age,
            calls: self.calls,
            served: self.served,
        }
    }

    /// Returns whether the value is fresh, or why a stale one was returned.
    pub fn served(&self) -> Served {
        self.served
    }

    /// Returns the time since the call that returned this value was sent, accurate to 50 ms.
    ///
    /// If the value is the response to a write of this client, the age is the time since the write was sent.
    pub fn age(&self) -> Duration {
        Duration::from_nanos(self.age)
    }

    /// Returns the number of calls that this read made, including failed ones. The number is 0 if the value
    /// was served without a call, or came from the call of another read.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// Returns the shared value.
    pub fn into_inner(self) -> Arc<T> {
        Arc::clone(self.as_ref())
    }
}

impl<T: ?Sized> Deref for Cached<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.as_ref()
    }
}

impl<T: ?Sized> AsRef<Arc<T>> for Cached<T> {
    fn as_ref(&self) -> &Arc<T> {
        match &self.value {
            SharedValue::One(value) => value,
            SharedValue::Striped(value) => value,
        }
    }
}

impl<T: ?Sized> Clone for SharedValue<T> {
    fn clone(&self) -> Self {
        match self {
            Self::One(value) => Self::One(Arc::clone(value)),
            Self::Striped(value) => Self::Striped(Arc::clone(value)),
        }
    }
}

impl<T: ?Sized> Clone for Cached<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), ..*self }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Cached<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("value", self.as_ref())
            .field("served", &self.served)
            .field("age", &self.age())
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}
