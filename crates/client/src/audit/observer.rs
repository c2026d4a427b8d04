//! Progress of a review.

use std::fmt;
use std::io;
use std::time::Duration;

use ultracart_transport::limiter::Forecast;

/// The work ahead, reported before the first history is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// Users of the account.
    pub users: usize,
    /// Histories that came with the list of users, at no cost.
    pub with_list: usize,
    /// Histories from the checkpoint of an earlier run.
    pub resumed: usize,
    /// Calls to make, one for each other history.
    pub calls: u32,
    /// Forecast of those calls by the limiter.
    pub forecast: Forecast,
}

/// The progress, reported after every history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Histories requested so far, failures included.
    pub done: u32,
    /// Histories to request: the plan's calls.
    pub total: u32,
    /// Histories that could not be read.
    pub failed: u32,
    /// Calls that the review has spent so far, retries included.
    pub calls_spent: u64,
    /// Time that the remaining calls take by the configured quota.
    pub left: Duration,
}

/// Observes a review. The methods are called between two calls to UltraCart, so they should return quickly.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// Called when the lists have been read, before the histories.
    fn on_plan(&self, plan: &Plan) {
        _ = plan;
    }

    /// Called after each history, also after one that failed.
    fn on_call_done(&self, progress: &Progress) {
        _ = progress;
    }

    /// Called when the checkpoint cannot be written. The review continues without it.
    fn on_checkpoint_lost(&self, error: &io::Error) {
        _ = error;
    }
}

/// An observer that does nothing.
#[derive(Debug)]
pub(super) struct Nobody;

impl Observer for Nobody {}
