//! Where the state of the quota is kept.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::quota_state::QuotaState;
use super::request::ApplicationKey;
use super::reservation::{Decision, Outcome, Reservation};
use crate::config;
use crate::error::Error;

/// Keeps the state of the quota and makes one change at a time, whoever shares the store.
///
/// A store may be shared by processes. Such a store
/// - notifies the [`Wakeup`] that its limiter was made with when another process changed something that a caller may wait
///   for: it released a reservation, was held by a 429 or changed the settings. Else a wait without a time never ends;
/// - answers a reservation no earlier than its start. It may commit one a little ahead, to hide its own latency;
/// - repeats a request whose reply was lost under the same nonce, so that it is charged once.
pub(crate) trait Store: fmt::Debug + Send + Sync + 'static {
    /// Takes the gate and a call of every window for an attempt, or nothing.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it reserves nothing: the store itself releases what it had granted already.
    fn reserve(&self, application: &ApplicationKey) -> Pending<Decision>;

    /// Gives a reservation back and learns from how its attempt ended.
    fn release(
        &self,
        application: &ApplicationKey,
        reservation: Reservation,
        outcome: &Outcome,
    ) -> Pending<()>;

    /// Replaces the settings. What was spent stays spent.
    fn reconfigure(&self, config: config::Limiter) -> Pending<()>;

    /// Returns what is known of the quota of one application.
    fn state(&self, application: &ApplicationKey) -> Pending<QuotaState>;
}

/// A store's answer, which is there or comes later. Memory answers at once, and then nothing is allocated.
pub(crate) enum Pending<T> {
    Ready(Result<T, Error>),
    #[cfg_attr(not(test), expect(dead_code, reason = "for stores that do I/O; a test has one"))]
    Later(Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>),
}

impl<T> Pending<T> {
    /// Waits for the answer.
    pub(super) async fn answer(self) -> Result<T, Error> {
        match self {
            Self::Ready(answer) => answer,
            Self::Later(answer) => answer.await,
        }
    }
}
