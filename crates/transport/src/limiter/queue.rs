//! Who waits for a permit, and in which order.
//!
//! A waiter has a position and not a time: a hold that comes later moves all of them. Each application has a lane of its
//! own, since one of them can be out of calls while another is not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::oneshot;

use super::constraint::Constraint;
use super::request::{ApplicationKey, Deadline, Priority};
use crate::clock::Instant;
use crate::error::Error;

/// A background waiter goes before foreground waiters that come more than this much later.
const AGEING: Duration = Duration::from_mins(1);

/// A position in the queue: when it is due by its priority, and then by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    due: Instant,
    arrival: u64,
}

/// What a waiter gets, and what held it up in the queue.
#[derive(Debug)]
pub(super) struct Granted<T> {
    pub(super) value: T,
    pub(super) constraint: Option<Constraint>,
}

type Answer<T> = Result<Granted<T>, Error>;

#[derive(Debug)]
struct Waiter<T> {
    answer: oneshot::Sender<Answer<T>>,
    deadline: Option<Deadline>,
    priority: Priority,
}

/// The waiters of one application. There is a lane only while it has some.
#[derive(Debug)]
struct Lane<T> {
    waiters: BTreeMap<Position, Waiter<T>>,
    /// What held the first of them up last.
    constraint: Option<Constraint>,
}

/// All waiters. Each of them gets a `T`.
#[derive(Debug)]
pub(super) struct Queue<T> {
    lanes: BTreeMap<ApplicationKey, Lane<T>>,
    /// The waiters with a deadline, the most pressing first.
    deadlines: BTreeSet<(Deadline, ApplicationKey, Position)>,
    foreground: usize,
    len: usize,
    arrivals: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { lanes: BTreeMap::new(), deadlines: BTreeSet::new(), foreground: 0, len: 0, arrivals: 0 }
    }
}

impl<T> Queue<T> {
    /// Adds a waiter that came at `since`.
    pub(super) fn enter(
        &mut self,
        application: ApplicationKey,
        priority: Priority,
        since: Instant,
        deadline: Option<Deadline>,
    ) -> (Position, oneshot::Receiver<Answer<T>>) {
        let position = self.next_position(priority, since);
        self.arrivals += 1;
        let (answer, answered) = oneshot::channel();
        let lane = self.lanes.entry(application);
        let lane = lane.or_insert_with(|| Lane { waiters: BTreeMap::new(), constraint: None });
        lane.waiters.insert(position, Waiter { answer, deadline, priority });
        self.len += 1;
        self.foreground += usize::from(priority == Priority::Foreground);
        self.deadlines.extend(deadline.map(|deadline| (deadline, application, position)));
        (position, answered)
    }

    /// Removes a waiter. Returns whether it was still in the queue.
    pub(super) fn leave(&mut self, application: &ApplicationKey, position: Position) -> bool {
        self.remove(application, position).is_some()
    }

    /// The lanes, the one whose first waiter is due earliest first.
    pub(super) fn lanes(&self) -> Vec<ApplicationKey> {
        let heads =
            self.lanes.iter().filter_map(|(key, lane)| Some((*lane.waiters.first_key_value()?.0, *key)));
        let mut heads: Vec<_> = heads.collect();
        heads.sort_unstable();
        heads.into_iter().map(|(_, application)| application).collect()
    }

    /// How many waiters of a lane would go before one who came at `since`.
    pub(super) fn ahead_of(&self, application: &ApplicationKey, priority: Priority, since: Instant) -> usize {
        let Some(lane) = self.lanes.get(application) else { return 0 };
        let position = self.next_position(priority, since);
        match lane.waiters.last_key_value() {
            // The usual case, which need not look at each of them.
            Some((last, _)) if *last < position => lane.waiters.len(),
            _ => lane.waiters.range(..position).count(),
        }
    }

    /// Notes what holds the first waiter of a lane up. Returns that waiter's deadline.
    pub(super) fn hold_up(
        &mut self,
        application: &ApplicationKey,
        constraint: Constraint,
    ) -> Option<Deadline> {
        let lane = self.lanes.get_mut(application)?;
        lane.constraint = Some(constraint);
        lane.waiters.first_key_value()?.1.deadline
    }

    /// Answers the first waiter of a lane; if it has gone, the next one.
    pub(super) fn answer_first(&mut self, application: &ApplicationKey, result: Result<T, Error>) {
        let constraint = self.lanes.get(application).and_then(|lane| lane.constraint);
        let mut answer = result.map(|value| Granted { value, constraint });
        while let Some(waiter) = self.remove_first(application) {
            match waiter.answer.send(answer) {
                Ok(()) => return,
                Err(unread) => answer = unread,
            }
        }
    }

    /// Fails every waiter whose deadline has passed. Returns the next deadline.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        while let Some(&(deadline, application, position)) = self.deadlines.first() {
            if deadline.at > now {
                return Some(deadline.at);
            }
            if let Some(waiter) = self.remove(&application, position) {
                _ = waiter.answer.send(Err(deadline.limit.error(None)));
            }
        }
        None
    }

    /// Fails every waiter of an application.
    pub(super) fn fail_all(&mut self, application: &ApplicationKey, error: &Error) {
        while let Some(waiter) = self.remove_first(application) {
            _ = waiter.answer.send(Err(error.clone()));
        }
    }

    /// How many wait with a priority.
    pub(super) fn count(&self, priority: Priority) -> usize {
        match priority {
            Priority::Foreground => self.foreground,
            Priority::Background => self.len - self.foreground,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The position of one who came at `since` and enters next.
    fn next_position(&self, priority: Priority, since: Instant) -> Position {
        let due = match priority {
            Priority::Foreground => since,
            Priority::Background => since + AGEING,
        };
        Position { due, arrival: self.arrivals }
    }

    fn remove_first(&mut self, application: &ApplicationKey) -> Option<Waiter<T>> {
        let position = *self.lanes.get(application)?.waiters.first_key_value()?.0;
        self.remove(application, position)
    }

    fn remove(&mut self, application: &ApplicationKey, position: Position) -> Option<Waiter<T>> {
        let lane = self.lanes.get_mut(application)?;
        let waiter = lane.waiters.remove(&position)?;
        if lane.waiters.is_empty() {
            self.lanes.remove(application);
        }
        self.len -= 1;
        self.foreground -= usize::from(waiter.priority == Priority::Foreground);
        if let Some(deadline) = waiter.deadline {
            self.deadlines.remove(&(deadline, *application, position));
        }
        Some(waiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: ApplicationKey = ApplicationKey([0; 32]);

    fn at(seconds: u64) -> Instant {
        Instant::START + Duration::from_secs(seconds)
    }

    #[test]
    fn the_background_lets_others_go_first_for_a_minute() {
        let mut queue = Queue::default();
        let (_, mut background) = queue.enter(APP, Priority::Background, at(0), None);
        let (_, mut early) = queue.enter(APP, Priority::Foreground, at(59), None);
        let (_, mut late) = queue.enter(APP, Priority::Foreground, at(61), None);
        assert_eq!((queue.count(Priority::Background), queue.count(Priority::Foreground)), (1, 2));
        for n in 0..3 {
            queue.answer_first(&APP, Ok(n));
        }
        let order =
            [&mut early, &mut background, &mut late].map(|answer| answer.try_recv().unwrap().unwrap().value);
        assert_eq!(order, [0, 1, 2]);
        assert_eq!((queue.len(), queue.lanes()), (0, vec![]));
    }

    #[test]
    fn each_lane_has_a_first_and_the_one_due_earliest_comes_first() {
        let mut queue = Queue::<()>::default();
        let other = ApplicationKey([2; 32]);
        let (_second, _a) = queue.enter(other, Priority::Foreground, at(2), None);
        let (first, _b) = queue.enter(APP, Priority::Foreground, at(1), None);
        let (_, _c) = queue.enter(APP, Priority::Foreground, at(3), None);
        assert_eq!(queue.lanes(), [APP, other]);
        assert_eq!(queue.len(), 3);
        assert!(queue.leave(&APP, first) && !queue.leave(&APP, first));
        assert_eq!(queue.lanes(), [other, APP]);
    }

    #[test]
    fn a_constraint_is_of_those_who_waited_for_it() {
        let mut queue = Queue::default();
        let (_, mut first) = queue.enter(APP, Priority::Foreground, at(0), None);
        let (_, mut behind) = queue.enter(APP, Priority::Foreground, at(0), None);
        assert_eq!(queue.hold_up(&APP, Constraint::Hold), None);
        queue.answer_first(&APP, Ok(()));
        queue.answer_first(&APP, Ok(()));
        let (_, mut later) = queue.enter(APP, Priority::Foreground, at(0), None);
        queue.answer_first(&APP, Ok(()));
        let constraints = [&mut first, &mut behind, &mut later]
            .map(|answer| answer.try_recv().unwrap().unwrap().constraint);
        assert_eq!(constraints, [Some(Constraint::Hold), Some(Constraint::Hold), None]);
    }
}
