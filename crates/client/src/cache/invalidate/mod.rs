//! What makes cached values invalid: writes of this client ([`write`](mod@write)) and webhook events.

pub(super) mod effect;
#[cfg(feature = "webhook")]
mod webhook;
pub(super) mod write;
