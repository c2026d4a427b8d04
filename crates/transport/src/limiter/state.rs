//! The decision: may a call be sent now, and if not, when and why not?
//!
//! All of it is plain data and arithmetic. Time comes in; whoever keeps the state sees to it that one decision is made
//! at a time.

use std::time::Duration;

use super::forecast::{Bound, Forecast, Line};
use super::rejection::Rejection;
use super::scope::{Scope, Windows};
use super::snapshot::{Closed, WindowSnapshot};
use crate::clock::Instant;
use crate::config;

/// The longest hold after 429s that name no time; each further one doubles it up to here.
const LONGEST_HOLD: Duration = Duration::from_mins(15);
/// A window that is longer than this is only believed in where it is configured: its text comes from the network, and
/// one call of it can take as long.
const LONGEST_UNKNOWN: Duration = Duration::from_hours(24);
/// The longest pause between calls that 429s for calls at the same time lead to.
const WIDEST_GAP: Duration = Duration::from_secs(2);

/// One of the applications that share a limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApplicationId(pub(super) usize);

/// What a store is asked to do, all of it or nothing.
#[derive(Debug)]
pub(crate) enum Step {
    /// A turn: the gate, and a call of every window.
    Take(ApplicationId),
    /// A turn is over.
    Settle(Turn, Outcome),
    /// The settings are others from now on. What was spent stays spent.
    Reconfigure(Box<config::Limiter>),
}

/// What it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The turn that was asked for.
    Granted(Turn),
    /// Not yet; nothing was taken.
    Wait(Wait),
    /// The turn is over, or the settings are others.
    Done,
}

/// A turn that was taken and must be settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(super) application: ApplicationId,
    pub(super) number: u64,
    pub(super) taken_at: Instant,
}

/// Why there is no turn yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// When to ask again; `None` where only the end of another turn can help.
    pub(super) time: Option<Duration>,
    pub(super) bound: Bound,
}

/// How an attempt ended, as far as the limiter cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There was an answer.
    Answered,
    /// There was a 429.
    Rejected(Rejection),
    /// Nothing was sent.
    Unsent,
    /// Its end was not seen: the server may have counted it, and may still be at it.
    Unknown,
}

/// What is known of the quota.
#[derive(Debug)]
pub(super) struct State {
    /// Apart, so that what changes with each call is close together.
    config: Box<config::Limiter>,
    address: Windows,
    applications: Vec<Windows>,
    in_flight: u32,
    /// The latest turn's.
    number: u64,
    /// The number of the turn that can be put back: the latest, as long as nothing else has changed the windows.
    undo: Option<u64>,
    /// Nothing is sent before.
    not_before: Instant,
    because: Bound,
    /// The pause between calls; more than configured after 429s for calls at the same time.
    gap: Duration,
    /// 429s since the last answer that was none.
    rejections: u32,
    /// The number of the latest turn at the latest 429: only an answer to a later one shows that it is over.
    rejected_at: u64,
    /// A running mean of how long a call takes, its gap included; `None` before the first one.
    service_time: Option<Duration>,
}

/// What a forecast and a snapshot are made of, as it was at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(super) lines: Vec<Line>,
    pub(super) windows: Vec<WindowSnapshot>,
    pub(super) closed: Option<Closed>,
    pub(super) in_flight: u32,
    pub(super) gap: Duration,
    pub(super) service_time: Option<Duration>,
    pub(super) rejections: u32,
    now: Instant,
}

impl Standing {
    /// When `calls` calls will have been sent.
    pub(super) fn forecast(&self, calls: u32) -> Forecast {
        Forecast::new(&self.lines, calls, self.now, self.service_time.unwrap_or(self.gap))
    }
}

impl State {
    pub(super) fn new(config: config::Limiter) -> Self {
        Self {
            address: Windows::new(config.of_address(), config.spare),
            applications: Vec::new(),
            in_flight: 0,
            number: 0,
            undo: None,
            not_before: Instant::START,
            because: Bound::GuardGap,
            gap: config.guard_gap,
            rejections: 0,
            rejected_at: 0,
            service_time: None,
            config: Box::new(config),
        }
    }

    /// Makes room for one more application.
    pub(super) fn add_application(&mut self) {
        self.applications.push(Windows::new(&self.config.windows, self.config.spare));
    }

    pub(super) fn apply(&mut self, step: Step, now: Instant) -> Reply {
        match step {
            Step::Take(application) => match self.take_at_once(application, now) {
                Some(turn) => Reply::Granted(turn),
                None => Reply::Wait(self.wait(application, now)),
            },
            Step::Settle(turn, outcome) => {
                self.settle(&turn, &outcome, now);
                Reply::Done
            }
            Step::Reconfigure(config) => {
                self.address.reconfigure(config.of_address(), config.spare, now);
                let applications = self.applications.iter_mut();
                applications.for_each(|each| each.reconfigure(&config.windows, config.spare, now));
                self.gap = config.guard_gap;
                self.config = config;
                self.undo = None;
                Reply::Done
            }
        }
    }

    /// Calls that may be in flight: after a 429 one alone, to find out whether the server takes calls again.
    fn places(&self) -> u32 {
        if self.rejections > 0 { 1 } else { self.config.max_concurrency.max(1) }
    }

    /// Takes a call out of every window of both scopes, if all of them have one, and otherwise out of none.
    pub(super) fn take_at_once(&mut self, application: ApplicationId, now: Instant) -> Option<Turn> {
        if self.in_flight >= self.places() || self.not_before > now {
            return None;
        }
        let windows = self.applications.get_mut(application.0)?;
        if !windows.are_ready(now) || !self.address.are_ready(now) {
            return None;
        }
        windows.take(now);
        self.address.take(now);
        self.in_flight += 1;
        self.number += 1;
        self.undo = Some(self.number);
        Some(Turn { application, number: self.number, taken_at: now })
    }

    /// What a call has to wait for that cannot go now.
    fn wait(&self, application: ApplicationId, now: Instant) -> Wait {
        let (mut ready_at, mut bound) = (self.not_before, self.because);
        let Some(windows) = self.applications.get(application.0).filter(|_| self.in_flight < self.places())
        else {
            return Wait { time: None, bound: Bound::InFlight };
        };
        for (scope, windows) in [(Scope::Application, windows), (Scope::Address, &self.address)] {
            for cell in &windows.cells {
                let cell_ready_at = cell.ready_at(now);
                // Of a hold and a window that end together, the window says more.
                let ends_together = cell_ready_at == ready_at && !matches!(bound, Bound::Window { .. });
                if cell_ready_at > now && (cell_ready_at > ready_at || ends_together) {
                    (ready_at, bound) = (cell_ready_at, Bound::Window { scope, window: cell.window() });
                }
            }
        }
        Wait { time: Some(ready_at.since(now)), bound }
    }

    pub(super) fn settle(&mut self, turn: &Turn, outcome: &Outcome, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let Some(application) = self.applications.get_mut(turn.application.0) else { return };
        let scopes = [application, &mut self.address];
        match *outcome {
            // Where the windows have gone on since, the call counts as sent.
            Outcome::Unsent if self.undo == Some(turn.number) => {
                self.undo = None;
                for windows in scopes {
                    windows.put_back(turn.taken_at);
                }
                return;
            }
            Outcome::Unsent => {}
            Outcome::Answered => {
                scopes.into_iter().for_each(Windows::accepted);
                if turn.number > self.rejected_at {
                    self.rejections = 0;
                }
                let extra = self.gap.saturating_sub(self.config.guard_gap);
                if !extra.is_zero() {
                    self.gap -= (extra / 64).max(Duration::from_micros(1)).min(extra);
                }
                let took = now.since(turn.taken_at) + self.gap;
                self.service_time = Some(self.service_time.map_or(took, |mean| mean_of(mean, took)));
            }
            Outcome::Unknown => {
                self.undo = None;
                // The server may take note of the call as late as then.
                let until = now + self.config.quarantine;
                for windows in scopes {
                    windows.count_at(turn.taken_at, until);
                }
                self.close(until, Bound::Quarantine);
            }
            Outcome::Rejected(mut rejection) => {
                (self.undo, self.rejected_at) = (None, self.number);
                let believed = |window: &config::Window| {
                    window.per <= LONGEST_UNKNOWN || scopes.iter().any(|each| each.has_time(window.per))
                };
                rejection.window = rejection.window.filter(believed);
                // The text does not say whose window it is. Where only one has a window of that size, it is that one's.
                let is_known =
                    rejection.window.is_some_and(|window| scopes.iter().any(|each| each.has(window)));
                for windows in scopes {
                    match rejection.window {
                        Some(window) if !is_known || windows.has(window) => {
                            windows.refused(window, turn.taken_at, now, self.config.spare);
                        }
                        _ => windows.forget(turn.taken_at),
                    }
                }
                if rejection.window.is_none() {
                    let wider = (self.gap * 2).max(Duration::from_millis(50)).min(WIDEST_GAP);
                    self.gap = wider.max(self.config.guard_gap);
                    // Calls beside it may be what it was for: fewer from now on, until the settings say otherwise.
                    if self.in_flight > 0 && self.in_flight < self.config.max_concurrency {
                        tracing::warn!(
                            at_once = self.in_flight,
                            "UltraCart takes fewer calls at a time than configured"
                        );
                        self.config.max_concurrency = self.in_flight;
                    }
                }
                let first =
                    self.period(rejection).saturating_mul(1 << self.rejections.min(16)).min(LONGEST_HOLD);
                self.close(now + rejection.retry_after.unwrap_or(first), Bound::Hold);
                self.rejections = self.rejections.saturating_add(1);
            }
        }
        self.close(now + self.gap, Bound::GuardGap);
    }

    /// How long the first hold is where the server names no time: until the window that it names has drained by a
    /// call; where it names none, the slowest of all.
    fn period(&self, rejection: Rejection) -> Duration {
        let named = |per: Duration| rejection.window.is_none_or(|window| window.per == per);
        let cells = self.applications.iter().chain([&self.address]).flat_map(|windows| &windows.cells);
        let cells = cells.filter(|cell| named(cell.window().per));
        cells.map(super::cell::Cell::period).max().unwrap_or(self.config.quarantine).min(LONGEST_HOLD)
    }

    fn close(&mut self, until: Instant, because: Bound) {
        if until > self.not_before {
            (self.not_before, self.because) = (until, because);
        }
    }

    /// How things stand for an application.
    pub(super) fn standing(&self, application: ApplicationId, now: Instant) -> Standing {
        let service_time = self.service_time.unwrap_or(self.gap) / self.places();
        let start = now.max(self.not_before);
        let mut lines = vec![Line::new(start, service_time, Bound::Pace)];
        let mut windows = Vec::new();
        let own = self.applications.get(application.0).map(|windows| (Scope::Application, windows));
        for (scope, each) in own.into_iter().chain([(Scope::Address, &self.address)]) {
            for cell in &each.cells {
                let bound = Bound::Window { scope, window: cell.window() };
                lines.push(Line::of(cell, start, bound));
                windows.push(WindowSnapshot::of(scope, cell, now));
            }
        }
        let closed = Closed { time: self.not_before.since(now), because: self.because };
        Standing {
            lines,
            windows,
            closed: Some(closed).filter(|closed| !closed.time.is_zero()),
            in_flight: self.in_flight,
            gap: self.gap,
            service_time: self.service_time,
            rejections: self.rejections,
            now,
        }
    }
}

/// The mean, moved an eighth of the way to the latest.
fn mean_of(mean: Duration, latest: Duration) -> Duration {
    (mean * 7 + latest) / 8
}
