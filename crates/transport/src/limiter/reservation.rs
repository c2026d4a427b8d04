//! What a store grants and takes back.

use std::time::Duration;

use super::constraint::Constraint;
use crate::clock::Instant;
use crate::error::Rejection;

/// The gate and a call of every window, taken for one attempt. It must be released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// Tells reservations of one store apart, whichever process made them; a later one has a higher nonce.
    pub(super) nonce: u64,
    /// From when on the attempt may be sent.
    pub(super) start: Instant,
}

/// A store's answer to a request for a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The attempt may be sent.
    Granted(Reservation),
    /// The attempt has to wait. Nothing was taken.
    Wait(Wait),
}

/// Why there is no reservation yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// How long until it is worth asking again; `None` where only the release of another reservation can help.
    pub(super) time: Option<Duration>,
    pub(super) constraint: Constraint,
}

/// How an attempt ended, as far as the limiter cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server answered.
    Answered,
    /// The server answered with a 429.
    Rejected(Rejection),
    /// Nothing was sent.
    Unsent,
    /// The end was not seen: the server may have counted the call, and may still be working on it.
    Unknown,
}
