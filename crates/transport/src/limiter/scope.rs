//! Whom UltraCart counts: an application, or an IP address. Each has every window once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tracing::warn;

use super::cell::Cell;
use super::journal::Journal;
use crate::clock::Instant;
use crate::config::{Human, Window};

/// Whom UltraCart counts a call for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scope {
    /// The credential.
    Application,
    /// The IP address, whatever the credential.
    Address,
}

/// The windows of one application or address.
#[derive(Debug)]
pub(super) struct Windows {
    pub(super) cells: Vec<Cell>,
    journal: Journal,
    /// Refusals by the time of the window that was named.
    refusals: BTreeMap<Duration, Refusals>,
}

/// How often a window has been full.
#[derive(Clone, Copy, Debug, Default)]
struct Refusals {
    /// The latest one that a leaky bucket of our calls alone does not explain.
    unexplained: Option<Instant>,
    /// Since the server took a call.
    in_a_row: u32,
}

/// So many refusals in a row are no neighbour's doing: while the holds between them doubled, a leaky bucket has drained.
const ENOUGH: u32 = 4;

impl Windows {
    pub(super) fn new(windows: &[Window], spare: u32) -> Self {
        let most = windows.iter().map(|window| window.calls).max().unwrap_or_default();
        Self {
            cells: windows.iter().map(|window| Cell::new(*window, spare)).collect(),
            journal: Journal::for_windows_of(most),
            refusals: BTreeMap::new(),
        }
    }

    /// Whether every window has a call.
    pub(super) fn are_ready(&self, now: Instant) -> bool {
        self.cells.iter().all(|cell| cell.is_ready(now))
    }

    /// Takes a call out of every window; each has been asked for one.
    pub(super) fn take(&mut self, now: Instant) {
        for cell in &self.cells {
            let taken = cell.take(now);
            debug_assert!(taken, "every window has been asked under the same lock");
        }
        self.journal.push(now);
    }

    /// The call that was taken at `at`, the latest one, was not sent.
    pub(super) fn put_back(&mut self, at: Instant) {
        self.cells.iter().for_each(Cell::put_back);
        self.journal.remove(at);
    }

    /// The server refused the call that was taken at `at`, and no window was the reason.
    pub(super) fn forget(&mut self, at: Instant) {
        self.journal.remove(at);
    }

    /// The server may count the call that was taken at `at` as late as `until`; none is taken in between.
    pub(super) fn count_at(&mut self, at: Instant, until: Instant) {
        self.cells.iter().for_each(|cell| cell.drain_at(until + cell.period()));
        self.journal.remove(at);
        self.journal.push(until);
    }

    /// Whether there is a window of this time.
    pub(super) fn has_time(&self, per: Duration) -> bool {
        self.cells.iter().any(|cell| cell.window().per == per)
    }

    /// Whether there is a window of exactly this size.
    pub(super) fn has(&self, window: Window) -> bool {
        let is_same = |other: Window| (other.calls, other.per) == (window.calls, window.per);
        self.cells.iter().any(|cell| is_same(cell.window()))
    }

    /// The server took a call.
    pub(super) fn accepted(&mut self) {
        if !self.refusals.is_empty() {
            self.refusals.values_mut().for_each(|refusals| refusals.in_a_row = 0);
        }
    }

    /// The server refused the call that was sent at `sent_at`, and says that `window` is full.
    ///
    /// If it names fewer calls than we know of, or a time that we do not know, it is believed. And if its window should
    /// have had room by our count, which is a leaky bucket's, there are two explanations: somebody else spends the
    /// same quota, or the server counts the calls of a sliding or a fixed window. The latter is only believed on strong
    /// evidence, since it means to wait until the window is over: the first such refusal came just when our own calls
    /// filled such a window, or call after call was refused while holds doubled.
    pub(super) fn refused(&mut self, window: Window, sent_at: Instant, now: Instant, spare: u32) {
        let Window { calls, per, .. } = window;
        self.journal.remove(sent_at);
        let refusals = self.refusals.entry(per).or_default();
        refusals.in_a_row += 1;
        let persists = refusals.in_a_row >= ENOUGH;
        let is_explained = self.journal.fills_bucket(calls, per, now);
        let is_first = refusals.unexplained.is_none_or(|latest| now.since(latest) >= per);
        if !is_explained {
            refusals.unexplained = Some(now);
        }
        let ours = self.journal.within(per, now);
        let just_filled = || ours == calls as usize && !self.journal.exceeded(calls, per);
        let is_window = ours >= calls as usize && !is_explained && (is_first && just_filled() || persists);

        let place = self.place(window, spare);
        let cell = &self.cells[place];
        let window = cell.window();
        let is_strict = window.burst.is_some_and(|burst| burst < window.calls);
        if is_window && !is_strict {
            let burst = (window.calls / 100).max(spare + 1).min(window.calls.saturating_sub(1)).max(1);
            let strict = Cell::learned(Window { burst: Some(burst), ..window }, spare);
            strict.fill_until(self.journal.clear_at(calls, per, strict.period()).max(now + strict.period()));
            warn!(window = %shown(window), "UltraCart counts a sliding or fixed window, not a leaky bucket");
            self.cells[place] = strict;
        } else {
            cell.fill_until(now + cell.period());
        }
    }

    /// The place of the cell for a window that the server named.
    fn place(&mut self, named: Window, spare: u32) -> usize {
        let known = self.cells.iter().position(|cell| cell.window().per == named.per);
        let Some(place) = known else {
            warn!(window = %shown(named), "UltraCart has a window that is not configured: it is kept from now on");
            self.cells.push(Cell::learned(named, spare));
            return self.cells.len() - 1;
        };
        let configured = self.cells[place].window();
        if named.calls < configured.calls {
            warn!(configured = %shown(configured), allowed = %shown(named), "UltraCart allows less than configured");
            let burst = configured.burst.map(|burst| {
                let in_proportion = u64::from(burst) * u64::from(named.calls) / u64::from(configured.calls);
                u32::try_from(in_proportion).unwrap_or(burst).max(1)
            });
            let smaller = Cell::learned(Window { burst, ..named }, spare);
            self.cells[place] = smaller;
        }
        place
    }

    /// Other windows, with what was spent of those they replace.
    pub(super) fn reconfigure(&mut self, windows: &[Window], spare: u32, now: Instant) {
        let cells: Vec<_> = windows.iter().map(|window| Cell::new(*window, spare)).collect();
        for cell in &cells {
            for old in self.cells.iter().filter(|old| old.window().per == cell.window().per) {
                cell.fill_like(old, now);
            }
            cell.drain_by(self.journal.drained_at(cell.period()), now);
            self.journal.grow_for_windows_of(cell.window().calls);
        }
        self.cells = cells;
    }
}

fn shown(window: Window) -> String {
    format!("{} calls per {}", window.calls, Human(window.per))
}
