//! Releases reservations: updates the gate, the windows and the learned limits from the outcome of an
//! attempt.

use std::time::Duration;

use super::bucket::Bucket;
use super::constraint::Constraint;
use super::quota::Quota;
use super::request::ApplicationKey;
use super::reservation::{Outcome, Reservation};
use super::windows::Windows;
use crate::clock::{Instant, nanos};
use crate::error::{RejectedWindow, Rejection};

/// Longest hold after 429s without a `Retry-After`. Each further 429 doubles the hold up to this time.
const MAX_HOLD: Duration = Duration::from_mins(15);
/// Longest window that a 429 can add to the configured ones. The text of a 429 is not trusted: a window of
/// one call a year would block the limiter for a year.
const MAX_UNCONFIGURED_WINDOW: Duration = Duration::from_hours(24);
/// Longest guard gap after the server rejected concurrent calls.
const MAX_GUARD_GAP: Duration = Duration::from_secs(2);

impl Quota {
    /// Releases a reservation and updates the quota from the attempt's outcome.
    pub(super) fn release(
        &mut self,
        application: &ApplicationKey,
        reservation: Reservation,
        outcome: &Outcome,
        now: Instant,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let index = self.index_or_insert(application);
        match *outcome {
            Outcome::Responded => self.responded(index, reservation, now),
            Outcome::Unsent if self.revocable_nonce == Some(reservation.nonce) => {
                self.revocable_nonce = None;
                self.scopes_mut(index).into_iter().for_each(|windows| windows.put_back(reservation.start));
                return;
            }
            // The windows have changed since, so the call cannot be undone and counts as sent.
            Outcome::Unsent => {}
            Outcome::Unknown => self.outcome_unknown(index, reservation, now),
            Outcome::Rejected(rejection) => self.rejected(index, reservation, rejection, now),
        }
        self.close_gate(now + self.guard_gap, Constraint::GuardGap);
    }

    fn responded(&mut self, index: usize, reservation: Reservation, now: Instant) {
        self.scopes_mut(index).into_iter().for_each(Windows::note_accepted);
        if reservation.nonce > self.latest_nonce_at_rejection {
            self.rejections_in_a_row = 0;
        }
        let extra = self.guard_gap.saturating_sub(self.config.guard_gap);
        if !extra.is_zero() {
            self.guard_gap -= (extra / 64).max(Duration::from_micros(1)).min(extra);
        }
        let took = now.since(reservation.start) + self.guard_gap;
        self.service_time = Some(self.service_time.map_or(took, |mean| mean_of(mean, took)));
    }

    /// Closes the gate for the quarantine. The server may count the call as late as the quarantine's end. So
    /// the windows count it as if it were sent then.
    fn outcome_unknown(&mut self, index: usize, reservation: Reservation, now: Instant) {
        self.revocable_nonce = None;
        let until = now + self.config.quarantine;
        self.scopes_mut(index).into_iter().for_each(|windows| windows.postpone(reservation.start, until));
        self.close_gate(until, Constraint::Quarantine);
    }

    fn rejected(&mut self, index: usize, reservation: Reservation, rejection: Rejection, now: Instant) {
        self.revocable_nonce = None;
        self.latest_nonce_at_rejection = self.latest_nonce;
        let spare = self.config.spare;
        let scopes = self.scopes_mut(index);
        let named = rejection.window.filter(|named| {
            named.per <= MAX_UNCONFIGURED_WINDOW
                || scopes.iter().any(|windows| windows.position(named.per).is_some())
        });
        // A 429 does not say which scope's window is full. If only one scope has a window of that size, that
        // one is full.
        let is_known = named.is_some_and(|named| scopes.iter().any(|windows| windows.contains(named)));
        for windows in scopes {
            match named {
                Some(named) if !is_known || windows.contains(named) => {
                    windows.learn_from_rejection(named, reservation.start, now, spare);
                }
                _ => windows.remove_from_journal(reservation.start),
            }
        }
        if named.is_none() {
            self.rejected_for_concurrency();
        }
        let doubled =
            self.first_hold(named).saturating_mul(1 << self.rejections_in_a_row.min(16)).min(MAX_HOLD);
        self.close_gate(now + rejection.retry_after.unwrap_or(doubled), Constraint::Hold);
        self.rejections_in_a_row = self.rejections_in_a_row.saturating_add(1);
    }

    /// Handles a 429 that names no window. Such a 429 was for concurrent calls or for suspected abuse. So the
    /// guard gap grows. If `n` other calls were in flight, at most `n` calls may be in flight from now on.
    fn rejected_for_concurrency(&mut self) {
        let wider = (self.guard_gap * 2).max(Duration::from_millis(50)).min(MAX_GUARD_GAP);
        self.guard_gap = wider.max(self.config.guard_gap);
        // The other calls in flight may be the reason. So fewer are allowed until the limiter is
        // reconfigured.
        if self.in_flight > 0 && self.in_flight < self.config.max_concurrency {
            tracing::warn!(
                at_once = self.in_flight,
                "UltraCart accepts fewer concurrent calls than configured"
            );
            self.config.max_concurrency = self.in_flight;
        }
    }

    /// Returns how long calls are held after a 429 without a `Retry-After`, before the hold is doubled for
    /// earlier 429s. This is the time in which one call drains from the window that the 429 names. If the 429
    /// names no window, the slowest window counts.
    fn first_hold(&self, named: Option<RejectedWindow>) -> Duration {
        let applications = self.applications.iter().map(|application| &application.windows);
        let buckets = applications.chain([&self.address_windows]).flat_map(Windows::buckets);
        let buckets = buckets.filter(|bucket| named.is_none_or(|named| named.per == bucket.window().per));
        buckets.map(Bucket::interval).max().unwrap_or(self.config.quarantine).min(MAX_HOLD)
    }

    /// Closes the gate until `until`, unless it is already closed for longer.
    fn close_gate(&mut self, until: Instant, constraint: Constraint) {
        if until > self.gate_opens_at {
            (self.gate_opens_at, self.gate_closed_by) = (until, constraint);
        }
    }

    fn scopes_mut(&mut self, index: usize) -> [&mut Windows; 2] {
        [&mut self.applications[index].windows, &mut self.address_windows]
    }
}

/// Returns the mean after it has moved an eighth of the way to the latest value. This runs for each call:
/// with nanoseconds it needs one division, with durations it would need four.
fn mean_of(mean: Duration, latest: Duration) -> Duration {
    Duration::from_nanos((nanos(mean).saturating_mul(7).saturating_add(nanos(latest))) / 8)
}
