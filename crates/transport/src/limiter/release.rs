//! What the outcome of an attempt changes: the gate, the windows, and what is known of the server.

use std::time::Duration;

use super::cell::Cell;
use super::constraint::Constraint;
use super::quota::Quota;
use super::request::ApplicationKey;
use super::reservation::{Outcome, Reservation};
use super::windows::Windows;
use crate::clock::{Instant, nanos};
use crate::error::{RejectedWindow, Rejection};

/// The longest hold after 429s that name no time; each further 429 doubles the hold up to here.
const LONGEST_HOLD: Duration = Duration::from_mins(15);
/// A longer window is only believed where one of its length is configured: its name comes from the network, and one call of
/// it can take as long.
const LONGEST_UNKNOWN: Duration = Duration::from_hours(24);
/// The longest pause between calls that 429s for concurrent calls lead to.
const WIDEST_GAP: Duration = Duration::from_secs(2);

impl Quota {
    /// Gives a reservation back and learns from how its attempt ended.
    pub(super) fn release(
        &mut self,
        application: &ApplicationKey,
        reservation: Reservation,
        outcome: &Outcome,
        now: Instant,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let index = self.index_of(application);
        match *outcome {
            Outcome::Answered => self.answered(index, reservation, now),
            Outcome::Unsent if self.revocable_nonce == Some(reservation.nonce) => {
                self.revocable_nonce = None;
                self.scopes_mut(index).into_iter().for_each(|windows| windows.put_back(reservation.start));
                return;
            }
            // Where the windows have changed since, the call counts as sent.
            Outcome::Unsent => {}
            Outcome::Unknown => self.unseen(index, reservation, now),
            Outcome::Rejected(rejection) => self.rejected(index, reservation, rejection, now),
        }
        self.close(now + self.gap, Constraint::GuardGap);
    }

    fn answered(&mut self, index: usize, reservation: Reservation, now: Instant) {
        self.scopes_mut(index).into_iter().for_each(Windows::accepted);
        if reservation.nonce > self.rejected_nonce {
            self.rejections = 0;
        }
        let extra = self.gap.saturating_sub(self.config.guard_gap);
        if !extra.is_zero() {
            self.gap -= (extra / 64).max(Duration::from_micros(1)).min(extra);
        }
        let took = now.since(reservation.start) + self.gap;
        self.service_time = Some(self.service_time.map_or(took, |mean| mean_of(mean, took)));
    }

    /// The server may count the call as late as the quarantine ends.
    fn unseen(&mut self, index: usize, reservation: Reservation, now: Instant) {
        self.revocable_nonce = None;
        let until = now + self.config.quarantine;
        self.scopes_mut(index).into_iter().for_each(|windows| windows.count_at(reservation.start, until));
        self.close(until, Constraint::Quarantine);
    }

    fn rejected(&mut self, index: usize, reservation: Reservation, rejection: Rejection, now: Instant) {
        self.revocable_nonce = None;
        self.rejected_nonce = self.latest_nonce;
        let spare = self.config.spare;
        let scopes = self.scopes_mut(index);
        let named = rejection.window.filter(|named| {
            named.per <= LONGEST_UNKNOWN || scopes.iter().any(|windows| windows.position(named.per).is_some())
        });
        // A 429 does not say whose window is full. If only one scope has a window of that size, it is that one's.
        let is_known = named.is_some_and(|named| scopes.iter().any(|windows| windows.has(named)));
        for windows in scopes {
            match named {
                Some(named) if !is_known || windows.has(named) => {
                    windows.refused(named, reservation.start, now, spare);
                }
                _ => windows.forget(reservation.start),
            }
        }
        if named.is_none() {
            self.rejected_for_concurrency();
        }
        let doubled = self.first_hold(named).saturating_mul(1 << self.rejections.min(16)).min(LONGEST_HOLD);
        self.close(now + rejection.retry_after.unwrap_or(doubled), Constraint::Hold);
        self.rejections = self.rejections.saturating_add(1);
    }

    /// A 429 that names no window was for concurrent calls, or for what UltraCart takes for abuse.
    fn rejected_for_concurrency(&mut self) {
        let wider = (self.gap * 2).max(Duration::from_millis(50)).min(WIDEST_GAP);
        self.gap = wider.max(self.config.guard_gap);
        // The calls in flight beside it may have been the reason: fewer from now on, until the settings say otherwise.
        if self.in_flight > 0 && self.in_flight < self.config.max_concurrency {
            tracing::warn!(at_once = self.in_flight, "UltraCart takes fewer calls at a time than configured");
            self.config.max_concurrency = self.in_flight;
        }
    }

    /// The first hold after a 429 that names no time: until a call of the named window has drained, or of the slowest one.
    fn first_hold(&self, named: Option<RejectedWindow>) -> Duration {
        let applications = self.applications.iter().map(|application| &application.windows);
        let cells = applications.chain([&self.address]).flat_map(Windows::cells);
        let cells = cells.filter(|cell| named.is_none_or(|named| named.per == cell.window().per));
        cells.map(Cell::period).max().unwrap_or(self.config.quarantine).min(LONGEST_HOLD)
    }

    fn close(&mut self, until: Instant, constraint: Constraint) {
        if until > self.not_before {
            (self.not_before, self.closed_by) = (until, constraint);
        }
    }

    fn scopes_mut(&mut self, index: usize) -> [&mut Windows; 2] {
        [&mut self.applications[index].windows, &mut self.address]
    }
}

/// The mean, moved an eighth of the way to the latest value. Each call pays for this, and nanoseconds need one division where
/// durations need four.
fn mean_of(mean: Duration, latest: Duration) -> Duration {
    Duration::from_nanos((nanos(mean).saturating_mul(7).saturating_add(nanos(latest))) / 8)
}
