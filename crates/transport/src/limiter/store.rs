//! The store: keeps the state of the quota.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::quota_state::QuotaState;
use super::request::ApplicationKey;
use super::reservation::{Decision, Outcome, Reservation};
use crate::config;
use crate::error::Error;

/// Keeps the state of the quota and applies one change at a time.
///
/// The state is a gate and windows. The gate is the limiter's single entry: it limits the reservations in
/// flight, and the guard gap, a quarantine or a hold closes it. The windows count the calls of an application
/// or an IP address.
///
/// Several processes may share a store. Such a store must
/// - notify the [`Wakeup`] of each limiter when another process releases a reservation, receives a 429 or
///   changes the settings. Otherwise a wait without a known duration never ends;
/// - return a reservation no earlier than its start. To hide its own latency, the store may record the
///   reservation slightly before the start;
/// - use the same nonce when it repeats a request whose response was lost, so that the call is charged once.
pub(crate) trait Store: fmt::Debug + Send + Sync + 'static {
    /// Reserves one place at the gate and one call of every window for an attempt. If any of them is
    /// unavailable, reserves nothing.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, nothing stays reserved: the store releases a reservation
    /// that it has already granted.
    fn reserve(&self, application: &ApplicationKey) -> Pending<Decision>;

    /// Releases a reservation and updates the quota from the attempt's outcome.
    fn release(
        &self,
        application: &ApplicationKey,
        reservation: Reservation,
        outcome: &Outcome,
    ) -> Pending<()>;

    /// Replaces the settings. Calls that were sent stay counted.
    fn reconfigure(&self, config: config::Limiter) -> Pending<()>;

    /// Returns the state of one application's quota.
    fn state(&self, application: &ApplicationKey) -> Pending<QuotaState>;
}

/// The result of a store's operation, ready at once or later. A result that is ready needs no allocation.
pub(crate) enum Pending<T> {
    Ready(Result<T, Error>),
    #[cfg_attr(not(test), expect(dead_code, reason = "for stores that do I/O; a test has one"))]
    Later(Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>),
}

impl<T> Pending<T> {
    /// Waits for the result.
    pub(super) async fn wait(self) -> Result<T, Error> {
        match self {
            Self::Ready(result) => result,
            Self::Later(result) => result.await,
        }
    }
}
