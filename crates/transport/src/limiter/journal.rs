//! The journal of sent calls: evidence of how the server counts.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Instant;

/// The times of our latest calls, oldest first, without the calls that the server rejected.
#[derive(Debug)]
pub(super) struct Journal {
    at: VecDeque<Instant>,
    capacity: usize,
}

impl Journal {
    /// Returns an empty journal for windows of up to `calls` calls. It stores twice as many calls, but at
    /// least 16 and at most 100,000 (0.8 MB).
    pub(super) fn for_windows_of(calls: u32) -> Self {
        let capacity = (calls as usize).saturating_mul(2).clamp(16, 100_000);
        Self { at: VecDeque::new(), capacity }
    }

    pub(super) fn push(&mut self, at: Instant) {
        if self.at.len() >= self.capacity {
            self.at.pop_front();
        }
        self.at.push_back(at);
    }

    /// Removes the call at `at`, which the server did not accept.
    pub(super) fn remove(&mut self, at: Instant) {
        if let Some(place) = self.at.iter().rposition(|other| *other == at) {
            self.at.remove(place);
        }
    }

    /// Grows the journal for larger windows. It never shrinks, since larger windows may be configured again.
    pub(super) fn grow_for_windows_of(&mut self, calls: u32) {
        self.capacity = self.capacity.max(Self::for_windows_of(calls).capacity);
    }

    /// Returns the instant at which all calls of the journal have drained from a bucket. The bucket drains
    /// one call every `interval`.
    pub(super) fn drained_at(&self, interval: Duration) -> Instant {
        self.at.iter().fold(Instant::START, |drained, at| drained.max(*at) + interval)
    }

    /// Returns the number of calls in the period of length `per` that ends at `now`.
    pub(super) fn count_within(&self, per: Duration, now: Instant) -> usize {
        self.at.iter().rev().take_while(|at| now.since(**at) < per).count()
    }

    /// Whether the server has accepted more than `calls` calls in any period of length `per`. If so, it does
    /// not count a sliding window of `calls` per `per`.
    pub(super) fn has_exceeded(&self, calls: u32, per: Duration) -> bool {
        let calls = calls as usize;
        self.at.iter().zip(self.at.iter().skip(calls)).any(|(first, last)| last.since(*first) < per)
    }

    /// Whether a leaky bucket of `calls` per `per` is full after the calls of the journal and one more call
    /// at `now`. Because of network delays, a bucket with room for less than half a call counts as full.
    pub(super) fn fills_bucket(&self, calls: u32, per: Duration, now: Instant) -> bool {
        let drains = f64::from(calls) / per.as_secs_f64();
        let (mut level, mut before) = (0.0_f64, Instant::START);
        for at in self.at.iter().chain([&now]) {
            level = (level - at.since(before).as_secs_f64() * drains).max(0.0) + 1.0;
            before = *at;
        }
        level + 0.5 > f64::from(calls)
    }

    /// Returns the instant from which one call may be sent every `interval`. Together with the calls of the
    /// journal, these calls satisfy a sliding window of `calls` per `per`.
    ///
    /// Let `t` be the time of the `m`-th latest call. Until `t + per`, this call and the `m − 1` later ones
    /// are in the window. So at most `calls − m` new calls may be sent by then.
    pub(super) fn has_room_from(&self, calls: u32, per: Duration, interval: Duration) -> Instant {
        let counted = self.at.iter().rev().zip(1_u32..).take(calls as usize);
        let clear = counted.map(|(at, m)| *at + per - interval * (calls - m));
        clear.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn at(seconds: u64) -> Instant {
        Instant::START + S(seconds)
    }

    fn journal(seconds: &[u64]) -> Journal {
        let mut journal = Journal::for_windows_of(100);
        for sent in seconds {
            journal.push(at(*sent));
        }
        journal
    }

    #[test]
    fn journal_counts_calls_within_a_period() {
        let mut journal = journal(&[0, 1, 5, 9]);
        assert_eq!(
            (
                journal.count_within(S(5), at(9)),
                journal.count_within(S(9), at(9)),
                journal.count_within(S(10), at(9))
            ),
            (2, 3, 4)
        );
        assert!(
            journal.has_exceeded(2, S(6))
                && !journal.has_exceeded(2, S(5))
                && !journal.has_exceeded(4, S(100))
        );
        journal.remove(at(5));
        assert_eq!(journal.count_within(S(10), at(9)), 3);
    }

    #[test]
    fn full_journal_drops_the_oldest_calls() {
        let mut small = Journal::for_windows_of(1);
        (0..40).for_each(|sent| small.push(at(sent)));
        assert_eq!(small.count_within(S(100), at(40)), 16);
        small.grow_for_windows_of(20);
        (40..80).for_each(|sent| small.push(at(sent)));
        small.grow_for_windows_of(1);
        assert_eq!(small.count_within(S(100), at(80)), 40);
    }

    #[test]
    fn full_bucket_has_room_after_draining() {
        // Ten at once fill a bucket of ten; five seconds later five have drained.
        let full = journal(&[0; 10]);
        assert!(full.fills_bucket(10, S(10), at(0)));
        assert!(!full.fills_bucket(10, S(10), at(5)));
    }

    proptest! {
        #[test]
        fn sliding_window_has_room_after_clear_at(
            calls in 2..12_u32, gaps in prop::collection::vec(0..3_000_u64, 0..30),
        ) {
            let per = S(10);
            let interval = per / (calls - 1);
            let (mut log, mut now) = (Vec::new(), Instant::START);
            let mut journal = Journal::for_windows_of(100);
            let in_window = |log: &[Instant], now: Instant| log.iter().filter(|at| **at + per > now).count();
            for gap in gaps {
                now += Duration::from_millis(gap);
                if in_window(&log, now) < calls as usize {
                    log.push(now);
                    journal.push(now);
                }
            }
            let clear = journal.has_room_from(calls, per, interval).max(now);
            for n in 0..40 {
                let at = clear + interval * n;
                prop_assert!(in_window(&log, at) < calls as usize, "call {n} after {clear:?}");
                log.push(at);
            }
        }
    }
}
