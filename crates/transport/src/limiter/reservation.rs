//! Reservations: what a store grants and releases.

use std::time::Duration;

use super::constraint::Constraint;
use crate::clock::Instant;
use crate::error::Rejection;

/// One place at the gate and one call of every window, reserved for one attempt. It must be released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// Identifies the reservation among those of all processes that share the store. Later reservations have
    /// higher nonces.
    pub(super) nonce: u64,
    /// Time from which the attempt may be sent.
    pub(super) start: Instant,
}

/// A store's decision on a request for a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The attempt may be sent.
    Granted(Reservation),
    /// The attempt has to wait. Nothing was reserved.
    Wait(Wait),
}

/// Why and for how long an attempt has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// Time until a new request for a reservation can succeed; `None` if only the release of another
    /// reservation can help.
    pub(super) duration: Option<Duration>,
    pub(super) constraint: Constraint,
}

/// How an attempt ended, as far as it matters to the limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server responded, with any status except 429.
    Responded,
    /// The server rejected the attempt with a 429.
    Rejected(Rejection),
    /// Nothing was sent.
    Unsent,
    /// No complete response was received. The server may have counted the call and may still process it.
    Unknown,
}
