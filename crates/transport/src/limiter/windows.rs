//! The windows of one application or address, and what 429s teach about them.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::warn;

use super::cell::Cell;
use super::journal::Journal;
use crate::clock::Instant;
use crate::config::{Human, Window};
use crate::error::RejectedWindow;

/// This many refusals in a row are not a neighbour's doing: while the holds between them doubled, a leaky bucket has drained.
const ENOUGH: u32 = 4;

/// Every window of one application or address. UltraCart counts a call in all of them.
#[derive(Debug)]
pub(super) struct Windows {
    cells: Vec<Cell>,
    journal: Journal,
    /// Refusals by the length of the window that was named.
    refusals: BTreeMap<Duration, Refusals>,
}

/// How often the server refused a call because of one window.
#[derive(Clone, Copy, Debug, Default)]
struct Refusals {
    /// The latest refusal that a leaky bucket of our calls alone does not explain.
    unexplained: Option<Instant>,
    /// Refusals since the server took a call.
    in_a_row: u32,
}

/// What a refusal shows about a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    /// It is full, by our calls or by somebody else's.
    IsFull,
    /// It is a sliding or fixed window and not a leaky bucket.
    IsNoLeakyBucket,
}

impl Windows {
    pub(super) fn new(windows: &[Window], spare: u32) -> Self {
        let most = windows.iter().map(|window| window.calls).max().unwrap_or_default();
        Self {
            cells: windows.iter().map(|window| Cell::new(*window, spare)).collect(),
            journal: Journal::for_windows_of(most),
            refusals: BTreeMap::new(),
        }
    }

    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Whether every window has a call.
    #[inline]
    pub(super) fn are_ready(&self, now: Instant) -> bool {
        self.cells.iter().all(|cell| cell.is_ready(now))
    }

    /// Takes a call from every window, after [`are_ready`](Self::are_ready).
    #[inline]
    pub(super) fn take(&mut self, now: Instant) {
        for cell in &self.cells {
            let taken = cell.take(now);
            debug_assert!(taken, "every window has been asked under the same lock");
        }
        self.journal.push(now);
    }

    /// Puts back the call that was taken at `at`, the latest one: it was not sent.
    pub(super) fn put_back(&mut self, at: Instant) {
        self.cells.iter().for_each(Cell::put_back);
        self.journal.remove(at);
    }

    /// Notes that the server refused the call that was taken at `at`, for another reason than a window.
    pub(super) fn forget(&mut self, at: Instant) {
        self.journal.remove(at);
    }

    /// Moves the call that was taken at `at` to `until`, the latest moment at which the server may count it. The caller sees
    /// to it that no call is taken before `until`.
    pub(super) fn count_at(&mut self, at: Instant, until: Instant) {
        self.cells.iter().for_each(|cell| cell.drain_at(until + cell.period()));
        self.journal.remove(at);
        self.journal.push(until);
    }

    /// Notes that the server took a call.
    #[inline]
    pub(super) fn accepted(&mut self) {
        if !self.refusals.is_empty() {
            self.refusals.values_mut().for_each(|refusals| refusals.in_a_row = 0);
        }
    }

    /// The place of the window of this length.
    pub(super) fn position(&self, per: Duration) -> Option<usize> {
        self.cells.iter().position(|cell| cell.window().per == per)
    }

    /// Whether there is a window of exactly this size.
    pub(super) fn has(&self, named: RejectedWindow) -> bool {
        let is_same = |window: Window| (window.calls, window.per) == (named.calls, named.per);
        self.cells.iter().any(|cell| is_same(cell.window()))
    }

    /// Learns from a 429 that names a window as full, to the call that was taken at `sent_at`.
    pub(super) fn refused(&mut self, named: RejectedWindow, sent_at: Instant, now: Instant, spare: u32) {
        self.journal.remove(sent_at);
        let evidence = self.evidence(named, now);
        let position = self.adopt(named, spare);
        let cell = &self.cells[position];
        if evidence == Evidence::IsNoLeakyBucket && !cell.is_strict() {
            let window = cell.window();
            warn!(window = %shown(window), "UltraCart counts a sliding or fixed window, not a leaky bucket");
            let strict = strict(window, spare);
            let clear_at = self.journal.clear_at(named.calls, named.per, strict.period());
            strict.fill_until(clear_at.max(now + strict.period()));
            self.cells[position] = strict;
        } else {
            cell.fill_until(now + cell.period());
        }
    }

    /// Judges why a window is full.
    ///
    /// If it should have had room by our count, which is a leaky bucket's, there are two explanations: somebody else
    /// spends the same quota, or the server counts a sliding or fixed window. The latter means to wait until the window is
    /// over, so it takes strong evidence: the first such refusal came just when our own calls filled the window, or one call
    /// after the other was refused while holds doubled.
    fn evidence(&mut self, named: RejectedWindow, now: Instant) -> Evidence {
        let RejectedWindow { calls, per } = named;
        let refusals = self.refusals.entry(per).or_default();
        refusals.in_a_row += 1;
        if self.journal.fills_bucket(calls, per, now) {
            return Evidence::IsFull;
        }
        let is_first = refusals.unexplained.replace(now).is_none_or(|earlier| now.since(earlier) >= per);
        let ours = self.journal.within(per, now);
        let calls_in_window = calls as usize;
        if ours < calls_in_window {
            return Evidence::IsFull;
        }
        let is_just_filled = ours == calls_in_window && !self.journal.exceeded(calls, per);
        if refusals.in_a_row >= ENOUGH || is_first && is_just_filled {
            return Evidence::IsNoLeakyBucket;
        }
        Evidence::IsFull
    }

    /// Believes a window that a 429 names, if it is smaller than configured or not configured at all. Returns its position.
    fn adopt(&mut self, named: RejectedWindow, spare: u32) -> usize {
        let window = Window::new(named.calls, named.per);
        let Some(position) = self.position(named.per) else {
            warn!(window = %shown(window), "UltraCart has a window that is not configured: it is kept from now on");
            self.cells.push(Cell::learned(window, spare));
            return self.cells.len() - 1;
        };
        let configured = self.cells[position].window();
        if named.calls < configured.calls {
            warn!(configured = %shown(configured), allowed = %shown(window), "UltraCart allows less than configured");
            let burst = configured.burst.map(|burst| {
                let in_proportion = u64::from(burst) * u64::from(named.calls) / u64::from(configured.calls);
                u32::try_from(in_proportion).unwrap_or(burst).max(1)
            });
            self.cells[position] = Cell::learned(Window { burst, ..window }, spare);
        }
        position
    }

    /// Replaces the windows; what was spent of the old ones stays spent.
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

/// The window with so small a burst that it keeps a sliding window too.
fn strict(window: Window, spare: u32) -> Cell {
    let burst = (window.calls / 100).max(spare + 1).min(window.calls.saturating_sub(1)).max(1);
    Cell::learned(Window { burst: Some(burst), ..window }, spare)
}

fn shown(window: Window) -> String {
    format!("{} calls per {}", window.calls, Human(window.per))
}
