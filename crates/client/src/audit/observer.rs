//! What a review says while it is made.

use std::fmt;
use std::io;
use std::time::Duration;

use ultracart_transport::limiter::Forecast;

/// What is still to be done, said before the first history is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// Users of the account.
    pub users: usize,
    /// Histories that came with the list of users, at no cost.
    pub with_list: usize,
    /// Histories that an earlier run read.
    pub resumed: usize,
    /// Calls that are still to be made, one for each other history.
    pub calls: u32,
    /// When they will have been sent, at what is left of the quota.
    pub forecast: Forecast,
}

/// How far it is, said after every history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Histories that were asked for, those that failed included.
    pub done: u32,
    /// Histories to ask for: the plan's calls.
    pub total: u32,
    /// Histories that could not be read.
    pub failed: u32,
    /// Calls that the review has spent so far, retries included.
    pub calls_spent: u64,
    /// How long the rest takes at the configured quota.
    pub left: Duration,
}

/// Is told how a review goes on. It is called in the middle of the work, so it should not take long.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// The lists are there; the histories come next.
    fn on_plan(&self, plan: &Plan) {
        _ = plan;
    }

    /// One more history was asked for.
    fn on_call_done(&self, progress: &Progress) {
        _ = progress;
    }

    /// The checkpoint could not be written on. The review goes on, and what it reads from here on is not kept.
    fn on_checkpoint_lost(&self, error: &io::Error) {
        _ = error;
    }
}

/// Nobody wants to know.
#[derive(Debug)]
pub(super) struct Nobody;

impl Observer for Nobody {}
