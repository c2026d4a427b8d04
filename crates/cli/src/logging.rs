//! Logs on stderr, enabled by `-v` and `RUST_LOG`.

use std::io::{self, IsTerminal as _};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::notes::Notes;

/// The crates whose logs may be shown at every level, because these crates never log a credential.
///
/// Other crates are shown at `warn` and `error` only, even if `RUST_LOG` asks for more: an HTTP library may
/// log the headers that it sends.
const OWN_CRATES: [&str; 4] = ["ultracart", "ultracart_client", "ultracart_transport", "ultracart_sim"];

/// Starts logging to stderr, at the levels that `RUST_LOG` sets. The flag `-v` overrides them for
/// [`OWN_CRATES`]. Without `RUST_LOG` and `-v`, nothing is logged.
pub(crate) fn start(verbose: u8, notes: Notes) {
    let mut filter = EnvFilter::default().add_directive(LevelFilter::OFF.into());
    if let Some(directives) = std::env::var("RUST_LOG").ok().filter(|directives| !directives.is_empty()) {
        match EnvFilter::try_new(&directives) {
            Ok(from_env) => filter = from_env,
            Err(error) => notes.warning(&format!("RUST_LOG is ignored because it is invalid: {error}")),
        }
    }
    let level = match verbose {
        0 => None,
        1 => Some("info"),
        2 => Some("debug"),
        _ => Some("trace"),
    };
    for (level, target) in level.into_iter().flat_map(|level| OWN_CRATES.map(|target| (level, target))) {
        if let Ok(directive) = format!("{target}={level}").parse() {
            filter = filter.add_directive(directive);
        }
    }
    let quiet_others = filter_fn(|metadata| {
        let root = metadata.target().split("::").next().unwrap_or_default();
        OWN_CRATES.contains(&root) || *metadata.level() <= tracing::Level::WARN
    });
    let colours =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colours);
    let logs = tracing_subscriber::registry().with(lines.with_filter(quiet_others)).with(filter);
    // Fails only if a subscriber is already set, and this is the only place that sets one.
    _ = logs.try_init();
}
