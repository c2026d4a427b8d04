//! Reload of the limiter's settings while a command runs.

use ultracart_client::limiter::Limiter;

use crate::global::Global;
use crate::notes::Notes;

/// Starts a task that reloads the configuration at each SIGHUP and applies `[limiter]` to the limiter. Calls
/// that were sent before a reload count in the new windows, too.
///
/// The task runs until the runtime is shut down.
#[cfg(unix)]
pub(crate) fn on_hangup(limiter: Limiter, global: &Global, notes: Notes) {
    use tokio::signal::unix::{SignalKind, signal};

    // Without a handler SIGHUP ends the process, which is its default.
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    let global = global.clone();
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            reload(&limiter, &global, notes).await;
        }
    });
}

#[cfg(not(unix))]
pub(crate) fn on_hangup(_: Limiter, _: &Global, _: Notes) {}

#[cfg(unix)]
async fn reload(limiter: &Limiter, global: &Global, notes: Notes) {
    let loaded = match crate::settings::load(global, notes) {
        Ok(loaded) => loaded,
        Err(failure) => {
            notes
                .warning("the configuration was reloaded and is invalid; the previous settings stay in use:");
            failure.why.iter().for_each(|why| notes.warning(why));
            return;
        }
    };
    match limiter.reconfigure(&loaded.config.limiter).await {
        Ok(()) => {
            notes.note("the configuration was reloaded; the new `[limiter]` settings apply from now on");
        }
        Err(error) => notes.warning(&format!("the new `[limiter]` settings cannot be applied: {error}")),
    }
}
