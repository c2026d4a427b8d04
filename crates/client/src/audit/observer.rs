//! Reports of a review's cost and progress to the caller.

use std::fmt;
use std::io;
use std::time::Duration;

use ultracart_transport::limiter::Forecast;

/// Cost of a review, reported before the first login history is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// Number of users of the account.
    pub users: usize,
    /// Number of login histories that were in the list of users and cost no call.
    pub from_list: usize,
    /// Number of login histories that are reused from the checkpoint of an earlier run.
    pub from_checkpoint: usize,
    /// Number of calls to make: one for each remaining login history.
    pub calls: u32,
    /// The limiter's forecast of when these calls can be made.
    pub forecast: Forecast,
}

/// Progress of a review, reported after each login history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Number of login histories requested so far, including those that failed.
    pub done: u32,
    /// Number of login histories to request: the same as [`Plan::calls`].
    pub total: u32,
    /// Number of login histories requested so far that could not be read.
    pub failed: u32,
    /// Number of calls that the client has spent since the review started. Includes retries, and calls of
    /// other callers that use the same client.
    pub calls_spent: u64,
    /// The limiter's forecast of the time until the last of the remaining calls is done. 0 if the forecast
    /// fails.
    pub time_left: Duration,
}

/// Observes the progress of a review.
///
/// The review waits for each method to return before it makes the next call, so the methods should return
/// quickly.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// Called once: after the lists of users and groups were requested, and before the first login history is
    /// requested.
    fn on_plan(&self, plan: &Plan) {
        _ = plan;
    }

    /// Called after each login history that was requested, including those that failed.
    fn on_history_done(&self, progress: &Progress) {
        _ = progress;
    }

    /// Called when the checkpoint cannot be written. The review continues without a checkpoint.
    fn on_checkpoint_failed(&self, error: &io::Error) {
        _ = error;
    }
}

/// An observer that does nothing.
#[derive(Debug)]
pub(super) struct NoObserver;

impl Observer for NoObserver {}
