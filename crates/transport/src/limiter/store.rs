//! Where the state of the limits is kept.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::state::{ApplicationId, Outcome, Reply, Standing, Step, Turn};
use crate::error::Error;

/// Keeps the state of the limits and carries one [`Step`] at a time out on it.
///
/// A step takes or gives back the gate and all windows at once, whoever else shares the store. Whoever takes a turn from
/// it owes it a [`Step::Settle`].
pub(crate) trait Store: fmt::Debug + Send + Sync + 'static {
    /// Carries a step out.
    fn apply(&self, step: Step) -> Pending<Reply>;

    /// The same as [`Step::Take`] where there is a turn and the store need not wait for anything: the way of most calls.
    /// `None` means nothing.
    fn take_at_once(&self, _: ApplicationId) -> Option<Turn> {
        None
    }

    /// The same as [`Step::Settle`] where the store need not wait for anything. The answer is whether that was so.
    fn settle_at_once(&self, _: &Turn, _: &Outcome) -> bool {
        false
    }

    /// How things stand for an application.
    fn standing(&self, application: ApplicationId) -> Pending<Standing>;

    /// Makes room for one more application.
    fn add_application(&self);
}

/// An answer that is there, or that comes. Memory answers at once, and then nothing is allocated.
pub(crate) enum Pending<T> {
    Ready(Option<Result<T, Error>>),
    #[cfg_attr(not(test), expect(dead_code, reason = "for stores that do I/O; a test has one"))]
    Later(Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>),
}

impl<T> Pending<T> {
    pub(super) fn ready(value: T) -> Self {
        Self::Ready(Some(Ok(value)))
    }
}

impl<T: Unpin> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Ready(value) => value.take().map_or(Poll::Pending, Poll::Ready),
            Self::Later(future) => future.as_mut().poll(context),
        }
    }
}
