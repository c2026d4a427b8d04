//! When calls were sent: the evidence for how the server counts.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Instant;

/// The times of the latest calls that the server took, oldest first.
#[derive(Debug)]
pub(super) struct Journal {
    at: VecDeque<Instant>,
    capacity: usize,
}

impl Journal {
    /// Remembers enough to judge windows of this many calls, and never more than 100,000 calls (0.8 MB).
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

    /// Forgets a call, which the server did not take.
    pub(super) fn remove(&mut self, at: Instant) {
        if let Some(place) = self.at.iter().rposition(|other| *other == at) {
            self.at.remove(place);
        }
    }

    /// Remembers enough for larger windows, too. It never forgets for smaller ones: larger ones may come back.
    pub(super) fn grow_for_windows_of(&mut self, calls: u32) {
        self.capacity = self.capacity.max(Self::for_windows_of(calls).capacity);
    }

    /// When a bucket that drains a call every `period` has drained all of these.
    pub(super) fn drained_at(&self, period: Duration) -> Instant {
        self.at.iter().fold(Instant::START, |drained, at| drained.max(*at) + period)
    }

    /// Calls in the `per` before `now`.
    pub(super) fn within(&self, per: Duration, now: Instant) -> usize {
        self.at.iter().rev().take_while(|at| now.since(**at) < per).count()
    }

    /// Whether more than `calls` calls were taken in some span of `per`: then it is no sliding window of `calls`.
    pub(super) fn exceeded(&self, calls: u32, per: Duration) -> bool {
        let calls = calls as usize;
        self.at.iter().zip(self.at.iter().skip(calls)).any(|(first, last)| last.since(*first) < per)
    }

    /// Whether a leaky bucket of `calls` per `per` that saw these calls and no others has no room for one more, give
    /// or take half a call for the way there.
    pub(super) fn fills_bucket(&self, calls: u32, per: Duration, now: Instant) -> bool {
        let drains = f64::from(calls) / per.as_secs_f64();
        let (mut level, mut before) = (0.0_f64, Instant::START);
        for at in self.at.iter().chain([&now]) {
            level = (level - at.since(before).as_secs_f64() * drains).max(0.0) + 1.0;
            before = *at;
        }
        level + 0.5 > f64::from(calls)
    }

    /// From when on one call every `period` keeps a sliding window of `calls` per `per`, whatever of these calls is still
    /// in it.
    ///
    /// Just before the call at `t` leaves, at `t + per`, it and the `m − 1` after it are in the window, so no more than
    /// `calls − m` may have been added.
    pub(super) fn clear_at(&self, calls: u32, per: Duration, period: Duration) -> Instant {
        let counted = self.at.iter().rev().zip(1_u32..).take(calls as usize);
        let clear = counted.map(|(at, m)| *at + per - period * (calls - m));
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
    fn what_was_sent_is_counted() {
        let mut journal = journal(&[0, 1, 5, 9]);
        assert_eq!(
            (journal.within(S(5), at(9)), journal.within(S(9), at(9)), journal.within(S(10), at(9))),
            (2, 3, 4)
        );
        assert!(journal.exceeded(2, S(6)) && !journal.exceeded(2, S(5)) && !journal.exceeded(4, S(100)));
        journal.remove(at(5));
        assert_eq!(journal.within(S(10), at(9)), 3);
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut small = Journal::for_windows_of(1);
        (0..40).for_each(|sent| small.push(at(sent)));
        assert_eq!(small.within(S(100), at(40)), 16);
        small.grow_for_windows_of(20);
        (40..80).for_each(|sent| small.push(at(sent)));
        small.grow_for_windows_of(1);
        assert_eq!(small.within(S(100), at(80)), 40);
    }

    #[test]
    fn a_bucket_that_drains_takes_more_than_a_window() {
        // Ten at once fill a bucket of ten; five seconds later five have drained.
        let full = journal(&[0; 10]);
        assert!(full.fills_bucket(10, S(10), at(0)));
        assert!(!full.fills_bucket(10, S(10), at(5)));
    }

    proptest! {
        #[test]
        fn after_it_is_clear_a_sliding_window_has_room(
            calls in 2..12_u32, gaps in prop::collection::vec(0..3_000_u64, 0..30),
        ) {
            let per = S(10);
            let period = per / (calls - 1);
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
            let clear = journal.clear_at(calls, per, period).max(now);
            for n in 0..40 {
                let at = clear + period * n;
                prop_assert!(in_window(&log, at) < calls as usize, "call {n} after {clear:?}");
                log.push(at);
            }
        }
    }
}
