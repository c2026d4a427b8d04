//! The time at which a review started, and the calls spent since.

use jiff::Timestamp;

use crate::UserApi;

/// State of the client at the start of a review.
#[derive(Debug)]
pub(super) struct ReviewStart {
    /// Time at which the list of users was read.
    pub(super) taken_at: Timestamp,
    /// Number of calls that the client had spent before it read the users.
    pub(super) spent_before: u64,
}

impl ReviewStart {
    /// Returns the number of calls that the client has spent since the start, including those of other
    /// callers that use the same client.
    pub(super) fn calls_spent(&self, api: &UserApi) -> u64 {
        calls_spent(api).saturating_sub(self.spent_before)
    }
}

/// Returns the number of calls that the client has spent so far.
pub(super) fn calls_spent(api: &UserApi) -> u64 {
    api.client().transport.limiter().calls_spent()
}

/// Returns the current time of the client's clock.
pub(super) fn now(api: &UserApi) -> Timestamp {
    Timestamp::try_from(api.client().transport.clock().wall()).unwrap_or_default()
}
