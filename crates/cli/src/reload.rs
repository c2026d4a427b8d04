//! Settings that are read again while a command runs.

use ultracart_client::limiter::Limiter;

use crate::global::Global;
use crate::notes::Notes;

/// Reads the configuration again at each SIGHUP, and tunes the limiter by it. What was spent of the quota stays spent.
///
/// It ends with the runtime.
#[cfg(unix)]
pub(crate) fn on_hangup(limiter: Limiter, global: &Global, notes: Notes) {
    use tokio::signal::unix::{SignalKind, signal};

    // A signal that cannot be listened for ends the process, as it does elsewhere.
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
            notes.warning(
                "the configuration was read again, and nothing is changed, since it cannot be used:",
            );
            failure.why.iter().for_each(|why| notes.warning(why));
            return;
        }
    };
    match limiter.reconfigure(&loaded.config.limiter).await {
        Ok(()) => notes.note("the configuration was read again: `[limiter]` holds from now on"),
        Err(error) => notes.warning(&format!("the limiter could not be tuned: {error}")),
    }
}
