//! The windows of one application or IP address, and their changes after 429s.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::warn;

use super::bucket::Bucket;
use super::journal::Journal;
use crate::clock::Instant;
use crate::config::{HumanDuration, Window};
use crate::error::RejectedWindow;

/// This many rejections in a row prove that the server does not count a window as a leaky bucket. The hold
/// doubles after each rejection. During these holds a leaky bucket would have drained, even if another
/// program uses the same quota.
const REJECTIONS_AS_PROOF: u32 = 4;

/// All windows of one application or IP address. Each call counts in every window.
#[derive(Debug)]
pub(super) struct Windows {
    buckets: Vec<Bucket>,
    journal: Journal,
    /// The 429s that named each window. The key is the period of the window.
    rejections: BTreeMap<Duration, WindowRejections>,
}

/// The server's rejections because of one window.
#[derive(Clone, Copy, Debug, Default)]
struct WindowRejections {
    /// Time of the latest rejection that came although our own calls had not filled a leaky bucket.
    unexplained: Option<Instant>,
    /// Number of rejections since the server last accepted a call.
    in_a_row: u32,
}

/// What a rejection shows about a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    /// The window is full, with our calls or those of another program.
    Full,
    /// The server counts a sliding or fixed window, not a leaky bucket.
    NotLeakyBucket,
}

impl Windows {
    pub(super) fn new(windows: &[Window], spare: u32) -> Self {
        let most = windows.iter().map(|window| window.calls).max().unwrap_or_default();
        Self {
            buckets: windows.iter().map(|window| Bucket::new(*window, spare)).collect(),
            journal: Journal::for_windows_of(most),
            rejections: BTreeMap::new(),
        }
    }

    pub(super) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// Whether every window has a call left.
    #[inline]
    pub(super) fn are_ready(&self, now: Instant) -> bool {
        self.buckets.iter().all(|bucket| bucket.is_ready(now))
    }

    /// Adds a call to every window. Call [`are_ready`](Self::are_ready) first.
    #[inline]
    pub(super) fn take(&mut self, now: Instant) {
        for bucket in &self.buckets {
            let taken = bucket.take(now);
            debug_assert!(taken, "are_ready was called under the same lock");
        }
        self.journal.push(now);
    }

    /// Undoes the latest [`take`](Self::take), because its call was not sent. `at` is the time of that take.
    pub(super) fn put_back(&mut self, at: Instant) {
        self.buckets.iter().for_each(Bucket::put_back);
        self.journal.remove(at);
    }

    /// Removes the call at `at` from the journal: the server rejected it, but not because of one of these
    /// windows.
    pub(super) fn remove_from_journal(&mut self, at: Instant) {
        self.journal.remove(at);
    }

    /// Moves the call at `at` to `until`, the latest time at which the server may count it. The caller must
    /// not add a call before `until`.
    pub(super) fn postpone(&mut self, at: Instant, until: Instant) {
        self.buckets.iter().for_each(|bucket| bucket.raise_to_empty_at(until + bucket.interval()));
        self.journal.remove(at);
        self.journal.push(until);
    }

    /// Notes that the server accepted a call.
    #[inline]
    pub(super) fn note_accepted(&mut self) {
        if !self.rejections.is_empty() {
            self.rejections.values_mut().for_each(|rejections| rejections.in_a_row = 0);
        }
    }

    /// Returns the index of the window with this period.
    pub(super) fn position(&self, per: Duration) -> Option<usize> {
        self.buckets.iter().position(|bucket| bucket.window().per == per)
    }

    /// Whether one of the windows has this number of calls and this period.
    pub(super) fn contains(&self, named: RejectedWindow) -> bool {
        let has_size = |window: Window| (window.calls, window.per) == (named.calls, named.per);
        self.buckets.iter().any(|bucket| has_size(bucket.window()))
    }

    /// Updates the windows after a 429 that names a window. The rejected call was sent at `sent_at`.
    pub(super) fn learn_from_rejection(
        &mut self,
        named: RejectedWindow,
        sent_at: Instant,
        now: Instant,
        spare: u32,
    ) {
        self.journal.remove(sent_at);
        let evidence = self.evidence(named, now);
        let position = self.adopt(named, spare);
        let bucket = &self.buckets[position];
        if evidence == Evidence::NotLeakyBucket && !bucket.is_strict() {
            let window = bucket.window();
            warn!(window = %shown(window), "UltraCart counts a sliding or fixed window, not a leaky bucket");
            let strict = strict(window, spare);
            let has_room_from = self.journal.has_room_from(named.calls, named.per, strict.interval());
            strict.fill_until(has_room_from.max(now + strict.interval()));
            self.buckets[position] = strict;
        } else {
            bucket.fill_until(now + bucket.interval());
        }
    }

    /// Records a rejection and judges why the server considers the window full.
    ///
    /// We count the window as a leaky bucket. If that bucket is not full, there are two explanations: another
    /// program uses the same quota, or the server counts a sliding or fixed window. In the second case all
    /// calls have to wait for up to the whole period, so this explanation needs strong evidence. The number
    /// of our own calls within the period must be at least `calls`. In addition, one of these must be true:
    /// - The number is exactly `calls`, and the server has never accepted more than that in a period. Also,
    ///   our bucket was full at every earlier rejection in this period.
    /// - At least [`REJECTIONS_AS_PROOF`] calls in a row were rejected, although the hold doubled after each.
    fn evidence(&mut self, named: RejectedWindow, now: Instant) -> Evidence {
        let RejectedWindow { calls, per } = named;
        let rejections = self.rejections.entry(per).or_default();
        rejections.in_a_row += 1;
        if self.journal.fills_bucket(calls, per, now) {
            return Evidence::Full;
        }
        let is_first = rejections.unexplained.replace(now).is_none_or(|earlier| now.since(earlier) >= per);
        let ours = self.journal.count_within(per, now);
        let calls_in_window = calls as usize;
        if ours < calls_in_window {
            return Evidence::Full;
        }
        let is_just_filled = ours == calls_in_window && !self.journal.has_exceeded(calls, per);
        if rejections.in_a_row >= REJECTIONS_AS_PROOF || is_first && is_just_filled {
            return Evidence::NotLeakyBucket;
        }
        Evidence::Full
    }

    /// Adopts the window that a 429 names, if there is no window of the same period yet. An existing window
    /// of the same period is replaced only if the named window allows fewer calls. Returns the index of the
    /// window with that period.
    fn adopt(&mut self, named: RejectedWindow, spare: u32) -> usize {
        let window = Window::new(named.calls, named.per);
        let Some(position) = self.position(named.per) else {
            warn!(window = %shown(window), "UltraCart has a window that is not configured; the limiter applies it from now on");
            self.buckets.push(Bucket::learned(window, spare));
            return self.buckets.len() - 1;
        };
        let configured = self.buckets[position].window();
        if named.calls < configured.calls {
            warn!(configured = %shown(configured), allowed = %shown(window), "UltraCart allows fewer calls than configured");
            let burst = configured.burst.map(|burst| {
                let in_proportion = u64::from(burst) * u64::from(named.calls) / u64::from(configured.calls);
                u32::try_from(in_proportion).unwrap_or(burst).max(1)
            });
            self.buckets[position] = Bucket::learned(Window { burst, ..window }, spare);
        }
        position
    }

    /// Replaces the windows. Calls that were sent stay counted.
    pub(super) fn reconfigure(&mut self, windows: &[Window], spare: u32, now: Instant) {
        let buckets: Vec<_> = windows.iter().map(|window| Bucket::new(*window, spare)).collect();
        for bucket in &buckets {
            for old in self.buckets.iter().filter(|old| old.window().per == bucket.window().per) {
                bucket.fill_from(old, now);
            }
            bucket.raise_to_empty_at_capped(self.journal.drained_at(bucket.interval()), now);
            self.journal.grow_for_windows_of(bucket.window().calls);
        }
        self.buckets = buckets;
    }
}

/// Returns a bucket for the window. Its burst is small, so that the bucket also satisfies a sliding window.
fn strict(window: Window, spare: u32) -> Bucket {
    let burst = (window.calls / 100).max(spare + 1).min(window.calls.saturating_sub(1)).max(1);
    Bucket::learned(Window { burst: Some(burst), ..window }, spare)
}

fn shown(window: Window) -> String {
    format!("{} calls per {}", window.calls, HumanDuration(window.per))
}
