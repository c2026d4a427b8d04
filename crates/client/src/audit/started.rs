//! When a review began, and the calls it has spent since.

use jiff::Timestamp;

use crate::UserApi;

/// The start of a review.
#[derive(Debug)]
pub(super) struct Started {
    /// The time at which the users had been read.
    pub(super) taken_at: Timestamp,
    /// The client's [`calls_spent`] before the users were read.
    pub(super) spent_before: u64,
}

impl Started {
    /// Returns the calls spent since then, including those of others that use the same client.
    pub(super) fn calls_spent(&self, api: &UserApi) -> u64 {
        calls_spent(api).saturating_sub(self.spent_before)
    }
}

/// Returns the calls that the client has spent so far.
pub(super) fn calls_spent(api: &UserApi) -> u64 {
    api.client().transport.limiter().calls_spent()
}

/// Returns the time of day by the client's clock.
pub(super) fn now(api: &UserApi) -> Timestamp {
    Timestamp::try_from(api.client().transport.clock().wall()).unwrap_or_default()
}
