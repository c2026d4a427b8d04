//! An answer, and where it came from.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use ultracart_transport::ErrorKind;

use super::threads::{Lent, Loan};

/// What was read, shared with all who read it, with how fresh it is and what it cost. It stays as it is, for as long as it
/// is held.
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
/// assert_eq!(api.get_users().await?.calls(), 0); // the same once more
/// # Ok(())
/// # }
/// ```
pub struct Cached<T: ?Sized> {
    value: Value<T>,
    served: Served,
    age: Duration,
    calls: u32,
}

enum Value<T: ?Sized> {
    /// With the latest change that it can have seen.
    Own(Arc<T>, u64),
    Lent(Arc<Loan<T>>),
}

/// Whether an answer is as new as was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Served {
    /// It is.
    Fresh,
    /// It is not.
    Stale(Stale),
}

/// Why an answer is older than was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stale {
    /// It is too old, and a new one could not be had for this reason.
    Failed(ErrorKind),
    /// It is too old, and a new one is on its way.
    Refreshing,
    /// A write or a webhook has made it invalid since it was read.
    Invalidated,
}

impl<T: ?Sized> Cached<T> {
    pub(crate) fn new(value: Arc<T>, served: Served, age: Duration, calls: u32, generation: u64) -> Self {
        Self { value: Value::Own(value, generation), served, age, calls }
    }

    fn value(&self) -> &Arc<T> {
        match &self.value {
            Value::Own(value, _) => value,
            Value::Lent(loan) => loan.value(),
        }
    }

    /// The latest change that it can have seen.
    pub(crate) fn generation(&self) -> u64 {
        match &self.value {
            Value::Own(_, generation) => *generation,
            Value::Lent(loan) => loan.generation(),
        }
    }

    /// A part of it.
    pub(crate) fn part<U: ?Sized>(&self, part: Arc<U>) -> Cached<U> {
        Cached::new(part, self.served, self.age, self.calls, self.generation())
    }

    /// How fresh it is.
    pub fn served(&self) -> Served {
        self.served
    }

    /// How long ago the server was asked for it, but for the last 50 ms; where it is what a write was answered with, how long ago
    /// that was sent.
    pub fn age(&self) -> Duration {
        self.age
    }

    /// What this read spent of the quota: 0 where it was remembered, or where somebody else was asking already.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// What was read, shared.
    pub fn into_inner(self) -> Arc<T> {
        match self.value {
            Value::Own(value, _) => value,
            Value::Lent(loan) => Arc::clone(loan.value()),
        }
    }
}

impl<T: ?Sized> From<Lent<T>> for Cached<T> {
    #[inline]
    fn from(lent: Lent<T>) -> Self {
        let age = Duration::from_nanos(lent.age);
        Self { value: Value::Lent(lent.loan), served: Served::Fresh, age, calls: 0 }
    }
}

impl<T: ?Sized> Deref for Cached<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.value()
    }
}

impl<T: ?Sized> AsRef<Arc<T>> for Cached<T> {
    fn as_ref(&self) -> &Arc<T> {
        self.value()
    }
}

impl<T: ?Sized> Clone for Cached<T> {
    fn clone(&self) -> Self {
        let value = match &self.value {
            Value::Own(value, generation) => Value::Own(Arc::clone(value), *generation),
            Value::Lent(loan) => Value::Lent(Arc::clone(loan)),
        };
        Self { value, ..*self }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Cached<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("value", self.value())
            .field("served", &self.served)
            .field("age", &self.age)
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}
