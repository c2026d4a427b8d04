//! Who waits for a turn, and in which order.
//!
//! A ticket is a place in a line, not a time: a hold that comes later moves them all. Each application has a line of
//! its own, since one of them can be out of calls while another is not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::oneshot;

use super::forecast::Bound;
use super::permit::Permit;
use super::state::ApplicationId;
use crate::clock::Instant;
use crate::config::Human;
use crate::error::{Error, ErrorKind};

/// Whoever waits in the background goes before those who came so much later.
const AGEING: Duration = Duration::from_mins(1);

/// Who goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Priority {
    /// Somebody waits for it.
    #[default]
    Foreground,
    /// Nobody waits for it yet: what is refreshed ahead of time. It lets those go first that come up to a minute later.
    Background,
}

/// A place in the order: when it is due by its class, and then by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    due: Instant,
    number: u64,
}

/// Until when a turn must have come, and what says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Latest {
    pub(crate) at: Instant,
    pub(crate) limit: WaitLimit,
}

/// What limits a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WaitLimit {
    /// `limiter.max_wait`, which is so long.
    MaxWait(Duration),
    /// `retry.deadline`, which is so long.
    Deadline(Duration),
}

/// One who waits.
#[derive(Debug)]
struct Ticket {
    answer: oneshot::Sender<Result<Permit, Error>>,
    latest: Option<Latest>,
    priority: Priority,
}

/// Those who wait with one credential.
#[derive(Debug, Default)]
struct Line {
    tickets: BTreeMap<Place, Ticket>,
    /// Of those, how many wait in the foreground.
    foreground: usize,
    /// What the first of them waited for last.
    bound: Option<Bound>,
}

/// All who wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lines: Vec<Line>,
    /// Those whose turn must come in time, the most pressing first.
    pressing: BTreeSet<(Latest, ApplicationId, Place)>,
    next: u64,
}

impl Queue {
    /// A place in the line for one who came at `since`.
    pub(super) fn enter(
        &mut self,
        application: ApplicationId,
        priority: Priority,
        since: Instant,
        latest: Option<Latest>,
    ) -> (Place, oneshot::Receiver<Result<Permit, Error>>) {
        self.next += 1;
        let place = Place { due: due(priority, since), number: self.next };
        let (answer, answered) = oneshot::channel();
        if self.lines.len() <= application.0 {
            self.lines.resize_with(application.0 + 1, Line::default);
        }
        let line = &mut self.lines[application.0];
        line.foreground += usize::from(priority == Priority::Foreground);
        line.tickets.insert(place, Ticket { answer, latest, priority });
        self.pressing.extend(latest.map(|latest| (latest, application, place)));
        (place, answered)
    }

    /// Gives a place up; the answer is whether it was still held.
    pub(super) fn leave(&mut self, application: ApplicationId, place: Place) -> bool {
        self.remove(application, place).is_some()
    }

    /// The first of each line, in the order in which they are due.
    pub(super) fn firsts(&self) -> Vec<(Place, ApplicationId)> {
        let firsts = self.lines.iter().enumerate();
        let firsts =
            firsts.filter_map(|(at, line)| Some((*line.tickets.first_key_value()?.0, ApplicationId(at))));
        let mut firsts: Vec<_> = firsts.collect();
        firsts.sort_unstable();
        firsts
    }

    /// How many of a line go before one who would come to it.
    pub(super) fn before(&self, application: ApplicationId, priority: Priority, since: Instant) -> usize {
        let Some(line) = self.lines.get(application.0) else { return 0 };
        let place = Place { due: due(priority, since), number: self.next + 1 };
        match line.tickets.last_key_value() {
            // The usual case, which need not look at each.
            Some((last, _)) if *last < place => line.tickets.len(),
            _ => line.tickets.range(..place).count(),
        }
    }

    /// The first of a line has to wait for this. The answer is when it must have had its turn.
    pub(super) fn held_up(&mut self, application: ApplicationId, bound: Bound) -> Option<Latest> {
        let line = self.lines.get_mut(application.0)?;
        line.bound = Some(bound);
        line.tickets.first_key_value()?.1.latest
    }

    /// Gives the first of a line its answer. If it is gone, the next one gets it.
    pub(super) fn answer_first(&mut self, application: ApplicationId, answer: Result<Permit, Error>) {
        let bound = self.lines.get(application.0).and_then(|line| line.bound);
        let mut answer = match bound {
            Some(bound) => answer.map(|permit| permit.after_waiting_for(bound)),
            None => answer,
        };
        while let Some(ticket) = self.first(application).and_then(|place| self.remove(application, place)) {
            match ticket.answer.send(answer) {
                Ok(()) => return,
                Err(unread) => answer = unread,
            }
        }
    }

    /// Sends away whoever's time is up. The answer is when the next one's is.
    pub(super) fn send_away_late(&mut self, now: Instant) -> Option<Instant> {
        while let Some(&(latest, application, place)) = self.pressing.first() {
            if latest.at > now {
                return Some(latest.at);
            }
            if let Some(ticket) = self.remove(application, place) {
                _ = ticket.answer.send(Err(latest.limit.error(None)));
            }
        }
        None
    }

    /// Sends everybody of an application away.
    pub(super) fn send_all_away(&mut self, application: ApplicationId, error: &Error) {
        while let Some(ticket) = self.first(application).and_then(|place| self.remove(application, place)) {
            _ = ticket.answer.send(Err(error.clone()));
        }
    }

    /// Those who wait of a class.
    pub(super) fn count(&self, priority: Priority) -> usize {
        let foreground = self.lines.iter().map(|line| line.foreground).sum();
        match priority {
            Priority::Foreground => foreground,
            Priority::Background => self.len() - foreground,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lines.iter().map(|line| line.tickets.len()).sum()
    }

    fn first(&self, application: ApplicationId) -> Option<Place> {
        Some(*self.lines.get(application.0)?.tickets.first_key_value()?.0)
    }

    fn remove(&mut self, application: ApplicationId, place: Place) -> Option<Ticket> {
        let line = self.lines.get_mut(application.0)?;
        let ticket = line.tickets.remove(&place)?;
        line.foreground -= usize::from(ticket.priority == Priority::Foreground);
        if let Some(latest) = ticket.latest {
            self.pressing.remove(&(latest, application, place));
        }
        Some(ticket)
    }
}

/// When one who came at `since` is due.
fn due(priority: Priority, since: Instant) -> Instant {
    match priority {
        Priority::Foreground => since,
        Priority::Background => since + AGEING,
    }
}

impl WaitLimit {
    /// The error of one whose turn would come in `wait`, where that is known.
    pub(super) fn error(self, wait: Option<Duration>) -> Error {
        let (kind, name, limit) = match self {
            Self::MaxWait(limit) => (ErrorKind::MaxWait, "limiter.max_wait", limit),
            Self::Deadline(limit) => (ErrorKind::Deadline, "retry.deadline", limit),
        };
        let limit = Human(limit);
        let Some(wait) = wait else {
            return Error::new(kind, format!("its turn did not come in time: `{name}` is {limit}"));
        };
        // No finer than anybody wants to know.
        let shown = if wait < Duration::from_mins(1) {
            Human(Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
        } else {
            Human(Duration::from_secs(wait.as_secs()))
        };
        Error::new(kind, format!("its turn would come in {shown} and `{name}` is {limit}"))
            .with_retry_after(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: ApplicationId = ApplicationId(0);

    #[test]
    fn the_background_lets_others_go_first_for_a_minute() {
        let mut queue = Queue::default();
        let s = |seconds| Instant::START + Duration::from_secs(seconds);
        let (background, _a) = queue.enter(APP, Priority::Background, s(0), None);
        let (early, _b) = queue.enter(APP, Priority::Foreground, s(59), None);
        let (late, _c) = queue.enter(APP, Priority::Foreground, s(61), None);
        assert_eq!((queue.count(Priority::Background), queue.count(Priority::Foreground)), (1, 2));
        let mut order = Vec::new();
        while let Some((first, _)) = queue.firsts().first() {
            order.push(*first);
            assert!(queue.leave(APP, *first));
        }
        assert_eq!(order, [early, background, late]);
    }

    #[test]
    fn each_line_has_a_first_and_the_one_due_earliest_comes_first() {
        let mut queue = Queue::default();
        let other = ApplicationId(2);
        let (second, _a) =
            queue.enter(other, Priority::Foreground, Instant::START + Duration::from_secs(2), None);
        let (first, _b) =
            queue.enter(APP, Priority::Foreground, Instant::START + Duration::from_secs(1), None);
        let (_, _c) = queue.enter(APP, Priority::Foreground, Instant::START + Duration::from_secs(1), None);
        assert_eq!(queue.firsts(), [(first, APP), (second, other)]);
        assert_eq!(queue.len(), 3);
    }
}
