//! The queue: callers that wait for a permit, in order.
//!
//! A waiter has a position, not a scheduled time: each new hold would change the times of all waiters. Each
//! application has its own lane: one application may have no calls left while another has some.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::oneshot;

use super::constraint::Constraint;
use super::request::{ApplicationKey, Deadline, Priority};
use crate::clock::Instant;
use crate::error::Error;

/// A background waiter precedes foreground waiters that arrive more than this much later.
const BACKGROUND_DELAY: Duration = Duration::from_mins(1);

/// A position in the queue, ordered by due time and then by arrival. The due time depends on the priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    due: Instant,
    arrival: u64,
}

/// The value that a waiter receives, and the reason why it waited.
#[derive(Debug)]
pub(super) struct Granted<T> {
    pub(super) value: T,
    /// The latest reason why the waiter's lane had to wait; `None` if the lane never had to wait.
    pub(super) constraint: Option<Constraint>,
}

type GrantResult<T> = Result<Granted<T>, Error>;

#[derive(Debug)]
struct Waiter<T> {
    sender: oneshot::Sender<GrantResult<T>>,
    deadline: Option<Deadline>,
    priority: Priority,
}

/// The waiters of one application. A lane exists only while it has waiters.
#[derive(Debug)]
struct Lane<T> {
    waiters: BTreeMap<Position, Waiter<T>>,
    /// The latest reason why the first waiter had to wait.
    constraint: Option<Constraint>,
}

/// All waiters, each of which waits for a `T`.
#[derive(Debug)]
pub(super) struct Queue<T> {
    lanes: BTreeMap<ApplicationKey, Lane<T>>,
    /// The waiters with a deadline, the earliest deadline first.
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
    /// Adds a waiter that has waited since `since`.
    pub(super) fn enter(
        &mut self,
        application: ApplicationKey,
        priority: Priority,
        since: Instant,
        deadline: Option<Deadline>,
    ) -> (Position, oneshot::Receiver<GrantResult<T>>) {
        let position = self.next_position(priority, since);
        self.arrivals += 1;
        let (sender, receiver) = oneshot::channel();
        let lane = self.lanes.entry(application);
        let lane = lane.or_insert_with(|| Lane { waiters: BTreeMap::new(), constraint: None });
        lane.waiters.insert(position, Waiter { sender, deadline, priority });
        self.len += 1;
        self.foreground += usize::from(priority == Priority::Foreground);
        self.deadlines.extend(deadline.map(|deadline| (deadline, application, position)));
        (position, receiver)
    }

    /// Removes a waiter. Returns whether it was still in the queue.
    pub(super) fn leave(&mut self, application: &ApplicationKey, position: Position) -> bool {
        self.remove(application, position).is_some()
    }

    /// Returns the applications that have lanes, ordered by the position of the first waiter in each lane.
    pub(super) fn lanes(&self) -> Vec<ApplicationKey> {
        let heads =
            self.lanes.iter().filter_map(|(key, lane)| Some((*lane.waiters.first_key_value()?.0, *key)));
        let mut heads: Vec<_> = heads.collect();
        heads.sort_unstable();
        heads.into_iter().map(|(_, application)| application).collect()
    }

    /// Returns how many waiters of a lane would precede a new waiter. `since` is the time at which its wait
    /// began.
    pub(super) fn count_ahead(
        &self,
        application: &ApplicationKey,
        priority: Priority,
        since: Instant,
    ) -> usize {
        let Some(lane) = self.lanes.get(application) else { return 0 };
        let position = self.next_position(priority, since);
        match lane.waiters.last_key_value() {
            // The common case: no need to count the waiters one by one.
            Some((last, _)) if *last < position => lane.waiters.len(),
            _ => lane.waiters.range(..position).count(),
        }
    }

    /// Records why the first waiter of a lane has to wait. Returns that waiter's deadline.
    pub(super) fn record_constraint(
        &mut self,
        application: &ApplicationKey,
        constraint: Constraint,
    ) -> Option<Deadline> {
        let lane = self.lanes.get_mut(application)?;
        lane.constraint = Some(constraint);
        lane.waiters.first_key_value()?.1.deadline
    }

    /// Sends the result to the first waiter of a lane. If that waiter was dropped, the next one receives it.
    pub(super) fn complete_first(&mut self, application: &ApplicationKey, result: Result<T, Error>) {
        let constraint = self.lanes.get(application).and_then(|lane| lane.constraint);
        let mut granted = result.map(|value| Granted { value, constraint });
        while let Some(waiter) = self.remove_first(application) {
            match waiter.sender.send(granted) {
                Ok(()) => return,
                Err(unread) => granted = unread,
            }
        }
    }

    /// Fails every waiter whose deadline has passed. Returns the next deadline; `None` if no other waiter has
    /// one.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        while let Some(&(deadline, application, position)) = self.deadlines.first() {
            if deadline.at > now {
                return Some(deadline.at);
            }
            if let Some(waiter) = self.remove(&application, position) {
                _ = waiter.sender.send(Err(deadline.limit.error(None)));
            }
        }
        None
    }

    /// Fails every waiter of an application.
    pub(super) fn fail_all(&mut self, application: &ApplicationKey, error: &Error) {
        while let Some(waiter) = self.remove_first(application) {
            _ = waiter.sender.send(Err(error.clone()));
        }
    }

    /// Returns the number of waiters with a priority.
    pub(super) fn count(&self, priority: Priority) -> usize {
        match priority {
            Priority::Foreground => self.foreground,
            Priority::Background => self.len - self.foreground,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns the position of a new waiter. `since` is the time at which its wait began.
    fn next_position(&self, priority: Priority, since: Instant) -> Position {
        let due = match priority {
            Priority::Foreground => since,
            Priority::Background => since + BACKGROUND_DELAY,
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
    fn background_waiter_is_due_a_minute_later() {
        let mut queue = Queue::default();
        let (_, mut background) = queue.enter(APP, Priority::Background, at(0), None);
        let (_, mut early) = queue.enter(APP, Priority::Foreground, at(59), None);
        let (_, mut late) = queue.enter(APP, Priority::Foreground, at(61), None);
        assert_eq!((queue.count(Priority::Background), queue.count(Priority::Foreground)), (1, 2));
        for n in 0..3 {
            queue.complete_first(&APP, Ok(n));
        }
        let order = [&mut early, &mut background, &mut late]
            .map(|receiver| receiver.try_recv().unwrap().unwrap().value);
        assert_eq!(order, [0, 1, 2]);
        assert_eq!((queue.len(), queue.lanes()), (0, vec![]));
    }

    #[test]
    fn lanes_are_ordered_by_their_first_waiter() {
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
    fn constraint_ends_with_the_lane() {
        let mut queue = Queue::default();
        let (_, mut first) = queue.enter(APP, Priority::Foreground, at(0), None);
        let (_, mut behind) = queue.enter(APP, Priority::Foreground, at(0), None);
        assert_eq!(queue.record_constraint(&APP, Constraint::Hold), None);
        queue.complete_first(&APP, Ok(()));
        queue.complete_first(&APP, Ok(()));
        let (_, mut later) = queue.enter(APP, Priority::Foreground, at(0), None);
        queue.complete_first(&APP, Ok(()));
        let constraints = [&mut first, &mut behind, &mut later]
            .map(|receiver| receiver.try_recv().unwrap().unwrap().constraint);
        assert_eq!(constraints, [Some(Constraint::Hold), Some(Constraint::Hold), None]);
    }
}
