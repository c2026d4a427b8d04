//! Interruption by Ctrl-C or SIGTERM.

use std::future::Future;

/// Returns a future that completes at Ctrl-C (SIGINT) or SIGTERM.
///
/// The signal handlers are installed by this call, not by the first poll. From then on these signals no
/// longer end the process.
#[cfg(unix)]
pub(crate) fn interrupt() -> impl Future<Output = ()> {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Waits for the signal. If its handler could not be installed (`None`), the signal still ends the
    /// process, and the returned future never completes.
    async fn wait(signal: Option<Signal>) {
        match signal {
            Some(mut signal) => _ = signal.recv().await,
            None => std::future::pending().await,
        }
    }

    let interrupt = signal(SignalKind::interrupt()).ok();
    let terminate = signal(SignalKind::terminate()).ok();
    async {
        tokio::select! {
            () = wait(interrupt) => {}
            () = wait(terminate) => {}
        }
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
