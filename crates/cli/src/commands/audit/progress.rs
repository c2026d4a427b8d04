//! How far the review is.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use ultracart_client::audit::{Observer, Plan, Progress};
use ultracart_client::config::Human;
use ultracart_client::limiter::{Constraint, Forecast};
use ultracart_client::{Clock as _, Instant, TokioClock};

use crate::notes::Notes;

/// Without a terminal a line is written this often at the most.
const EVERY: Duration = Duration::from_secs(10);

/// Tells on stderr how far the review is: with a bar on a terminal, else with a line now and then.
#[derive(Clone, Debug)]
pub(super) struct Teller(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    notes: Notes,
    clock: Arc<TokioClock>,
    /// Whether a bar would be seen, and undisturbed by logs.
    draws: bool,
    /// Whether what was read is not kept any more.
    lost: Arc<AtomicBool>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bar: Option<ProgressBar>,
    /// When it is likely to be done, by the clock. The bar reads it too.
    done_at: Arc<Mutex<Instant>>,
    started_at: Instant,
    said_at: Instant,
}

impl Teller {
    /// `lost` becomes true when what was read is not kept any more.
    pub(super) fn new(notes: Notes, verbose: u8, lost: Arc<AtomicBool>) -> Self {
        let draws = io::stderr().is_terminal() && !notes.is_quiet() && verbose == 0;
        let clock = Arc::new(TokioClock::new());
        Self(Arc::new(Inner { notes, clock, draws, lost, state: Mutex::default() }))
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = lock(&self.0.state).bar.take() {
            bar.finish_and_clear();
        }
    }

    /// A bar that counts the time down by itself: a turn can be an hour away.
    fn bar(&self, calls: u32, done_at: Arc<Mutex<Instant>>) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(calls.into()), ProgressDrawTarget::stderr());
        let clock = Arc::clone(&self.0.clock);
        let left = move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let left = lock(&done_at).since(clock.now());
            // The bar is not there to fail.
            _ = write!(out, "about {} left", time(left));
        };
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} histories, {msg}{left}") {
            bar.set_style(style.progress_chars("━╸─").with_key("left", left));
        }
        bar.enable_steady_tick(Duration::from_secs(1));
        bar
    }
}

impl Observer for Teller {
    fn on_plan(&self, plan: &Plan) {
        self.0.notes.note(&told(plan));
        let now = self.0.clock.now();
        let mut state = lock(&self.0.state);
        (state.started_at, state.said_at) = (now, now);
        *lock(&state.done_at) = now + plan.forecast.done_in();
        if plan.calls > 0 && self.0.draws {
            state.bar = Some(self.bar(plan.calls, Arc::clone(&state.done_at)));
        }
    }

    fn on_call_done(&self, progress: &Progress) {
        let now = self.0.clock.now();
        let mut state = lock(&self.0.state);
        *lock(&state.done_at) = now + progress.left;
        let message = how_far(progress, now.since(state.started_at));
        if let Some(bar) = &state.bar {
            bar.set_message(message);
            bar.set_position(progress.done.into());
        } else if now.since(state.said_at) >= EVERY || progress.done == progress.total {
            state.said_at = now;
            let Progress { done, total, left, .. } = progress;
            let text = format!("{done} of {total} histories, {message}about {} left", time(*left));
            self.0.notes.note(&text);
        }
    }

    fn on_checkpoint_lost(&self, error: &io::Error) {
        self.0.lost.store(true, Ordering::Relaxed);
        let text =
            format!("the checkpoint cannot be written on, so what is read from here on is not kept: {error}");
        match &lock(&self.0.state).bar {
            Some(bar) => bar.suspend(|| self.0.notes.warning(&text)),
            None => self.0.notes.warning(&text),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn told(plan: &Plan) -> String {
    let mut parts = vec![count(plan.users, "user")];
    for (n, how) in [(plan.with_list, "came with the list"), (plan.resumed, "were read before")] {
        if n > 0 {
            parts.push(format!("{n} histories {how}"));
        }
    }
    parts.push(match plan.calls {
        0 => "no more calls to make".to_owned(),
        calls => format!("{calls} more calls to make, one for each history that is to be read"),
    });
    if plan.calls > 0 {
        parts.push(format!(
            "about {} at what is left of the quota{}",
            time(plan.forecast.done_in()),
            pace(&plan.forecast)
        ));
    }
    parts.join("; ")
}

/// How the calls go, where a window of the quota holds them up: `: 1004 calls at once, then one every 3.6s (1000 in 1h)`.
fn pace(forecast: &Forecast) -> String {
    let phases = &forecast.phases;
    let next = phases.iter().skip(1).map(|next| Some(next.first)).chain([None]);
    let said = phases.iter().zip(next).filter_map(|(phase, next)| match (phase.constraint, next) {
        (Constraint::Window { window, .. }, _) => {
            let every = match phase.every.as_secs_f64() {
                seconds if seconds < 60.0 => format!("{seconds:.1}s"),
                _ => time(phase.every),
            };
            Some(format!("one every {every} ({} in {})", window.calls, Human(window.per)))
        }
        (_, Some(next)) => Some(format!("{} at once", count((next - phase.first) as usize, "call"))),
        // One after the other, and nothing comes after it: that goes without saying.
        (_, None) => None,
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() { String::new() } else { format!(": {}", said.join(", then ")) }
}

fn how_far(progress: &Progress, elapsed: Duration) -> String {
    let rate = f64::from(progress.done) / elapsed.as_secs_f64().max(0.001);
    // Below one a second a rate by the minute says more.
    let rate = if rate >= 1.0 { format!("{rate:.1}/s") } else { format!("{:.1}/min", rate * 60.0) };
    let failed = if progress.failed > 0 { format!(", {} failed", progress.failed) } else { String::new() };
    let spent = progress.calls_spent;
    format!("{rate}, {spent} calls spent{failed}, ")
}

/// `1h 5m`: no finer than it can be known.
fn time(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

fn count(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_no_finer_than_it_can_be_known() {
        for (millis, shown) in
            [(0, "0s"), (1, "1s"), (59_001, "1m 0s"), (3_725_000, "1h 2m"), (90_000_000, "1d 1h")]
        {
            assert_eq!(time(Duration::from_millis(millis)), shown);
        }
    }
}
