//! The progress of a review on stderr.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use ultracart_client::audit::{Observer, Plan, Progress};
use ultracart_client::config::HumanDuration;
use ultracart_client::limiter::{Constraint, Forecast};
use ultracart_client::{Clock as _, Instant, TokioClock};

use crate::notes::Notes;

/// Minimum time between two progress lines. These lines are written only if no bar is shown. The line for the
/// last login history is written at once.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows the progress of a review on stderr: a bar on a terminal, else lines that are at least ten seconds
/// apart.
#[derive(Clone, Debug)]
pub(super) struct ProgressDisplay(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    notes: Notes,
    clock: Arc<TokioClock>,
    /// Whether to show a bar: stderr is a terminal, and neither `--quiet` nor `-v` is given.
    shows_bar: bool,
    /// Becomes true when the checkpoint cannot be written during the review. Data read from then on is not
    /// kept.
    checkpoint_failed: Arc<AtomicBool>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bar: Option<ProgressBar>,
    /// Predicted end of the review, shared with the bar.
    done_at: Arc<Mutex<Instant>>,
    started_at: Instant,
    last_line_at: Instant,
}

impl ProgressDisplay {
    /// Creates the display. It sets `checkpoint_failed` when writing the checkpoint fails.
    pub(super) fn new(notes: Notes, verbose: u8, checkpoint_failed: Arc<AtomicBool>) -> Self {
        let shows_bar = io::stderr().is_terminal() && !notes.is_quiet() && verbose == 0;
        let clock = Arc::new(TokioClock::new());
        Self(Arc::new(Inner { notes, clock, shows_bar, checkpoint_failed, state: Mutex::default() }))
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        if let Some(bar) = lock(&self.0.state).bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Returns a bar whose remaining time counts down every second. The next call may be an hour away, so an
    /// update at the end of each call is not enough.
    fn bar(&self, calls: u32, done_at: Arc<Mutex<Instant>>) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(calls.into()), ProgressDrawTarget::stderr());
        let clock = Arc::clone(&self.0.clock);
        let left = move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let left = lock(&done_at).since(clock.now());
            // A formatting error is ignored: only the bar would be incomplete.
            _ = write!(out, "about {} left", rounded(left));
        };
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} login histories, {msg}{left}")
        {
            bar.set_style(style.progress_chars("━╸─").with_key("left", left));
        }
        bar.enable_steady_tick(Duration::from_secs(1));
        bar
    }
}

impl Observer for ProgressDisplay {
    fn on_plan(&self, plan: &Plan) {
        self.0.notes.note(&plan_line(plan));
        let now = self.0.clock.now();
        let mut state = lock(&self.0.state);
        (state.started_at, state.last_line_at) = (now, now);
        *lock(&state.done_at) = now + plan.forecast.done_in();
        if plan.calls > 0 && self.0.shows_bar {
            state.bar = Some(self.bar(plan.calls, Arc::clone(&state.done_at)));
        }
    }

    fn on_history_done(&self, progress: &Progress) {
        let now = self.0.clock.now();
        let mut state = lock(&self.0.state);
        *lock(&state.done_at) = now + progress.time_left;
        let message = rate_and_calls(progress, now.since(state.started_at));
        if let Some(bar) = &state.bar {
            bar.set_message(message);
            bar.set_position(progress.done.into());
        } else if now.since(state.last_line_at) >= LINE_INTERVAL || progress.done == progress.total {
            state.last_line_at = now;
            let Progress { done, total, time_left, .. } = progress;
            let text =
                format!("{done} of {total} login histories, {message}about {} left", rounded(*time_left));
            self.0.notes.note(&text);
        }
    }

    fn on_checkpoint_failed(&self, error: &io::Error) {
        self.0.checkpoint_failed.store(true, Ordering::Relaxed);
        let text = format!("the checkpoint cannot be written, so data read from now on is not kept: {error}");
        match &lock(&self.0.state).bar {
            Some(bar) => bar.suspend(|| self.0.notes.warning(&text)),
            None => self.0.notes.warning(&text),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn plan_line(plan: &Plan) -> String {
    let mut parts = vec![count(plan.users, "user")];
    for (n, source) in
        [(plan.from_list, "came with the list of users"), (plan.from_checkpoint, "came from the checkpoint")]
    {
        if n > 0 {
            parts.push(format!("{n} login histories {source}"));
        }
    }
    parts.push(match plan.calls {
        0 => "no more calls to make".to_owned(),
        calls => format!("{calls} more calls to make, one for each remaining login history"),
    });
    if plan.calls > 0 {
        parts.push(format!(
            "about {} with the remaining quota{}",
            rounded(plan.forecast.done_in()),
            pace(&plan.forecast)
        ));
    }
    parts.join("; ")
}

/// Returns the pace of the calls, such as `: 1004 calls at once, then one every 3.6s (1000 in 1h)`. Returns
/// an empty string if no window limits the calls.
fn pace(forecast: &Forecast) -> String {
    let phases = &forecast.phases;
    let next = phases.iter().skip(1).map(|next| Some(next.first)).chain([None]);
    let parts = phases.iter().zip(next).filter_map(|(phase, next)| match (phase.constraint, next) {
        (Constraint::Window { window, .. }, _) => {
            let every = match phase.interval.as_secs_f64() {
                seconds if seconds < 60.0 => format!("{seconds:.1}s"),
                _ => rounded(phase.interval),
            };
            Some(format!("one every {every} ({} in {})", window.calls, HumanDuration(window.per)))
        }
        (_, Some(next)) => Some(format!("{} at once", count((next - phase.first) as usize, "call"))),
        // The last phase is not limited by a window: nothing to show.
        (_, None) => None,
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", then ")) }
}

fn rate_and_calls(progress: &Progress, elapsed: Duration) -> String {
    let rate = f64::from(progress.done) / elapsed.as_secs_f64().max(0.001);
    // A rate below one a second is shown per minute.
    let rate = if rate >= 1.0 { format!("{rate:.1}/s") } else { format!("{:.1}/min", rate * 60.0) };
    let failed = if progress.failed > 0 { format!(", {} failed", progress.failed) } else { String::new() };
    let spent = progress.calls_spent;
    format!("{rate}, {spent} calls spent{failed}, ")
}

/// Returns a duration in its two largest units, such as `1h 5m`.
fn rounded(duration: Duration) -> String {
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
    fn rounded_duration_has_two_units() {
        for (millis, shown) in
            [(0, "0s"), (1, "1s"), (59_001, "1m 0s"), (3_725_000, "1h 2m"), (90_000_000, "1d 1h")]
        {
            assert_eq!(rounded(Duration::from_millis(millis)), shown);
        }
    }
}
