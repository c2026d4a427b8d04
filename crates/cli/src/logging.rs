//! Logs, for whoever wants to know what happens.

use std::io::{self, IsTerminal as _};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::notes::Notes;

/// Whose logs may be shown at every level: they are written so that no credential is in them. Others are shown from
/// `warn` up, whatever `RUST_LOG` asks for, since an HTTP library may log what it sends.
const OURS: [&str; 4] = ["ultracart", "ultracart_client", "ultracart_transport", "ultracart_sim"];

/// Logs go to stderr: as much as `RUST_LOG` says, and our own with -v.
pub(crate) fn start(verbose: u8, notes: Notes) {
    let mut filter = EnvFilter::default().add_directive(LevelFilter::OFF.into());
    if let Some(wanted) = std::env::var("RUST_LOG").ok().filter(|wanted| !wanted.is_empty()) {
        match EnvFilter::try_new(&wanted) {
            Ok(wanted) => filter = wanted,
            Err(error) => notes.warning(&format!("RUST_LOG is left alone: {error}")),
        }
    }
    let level = match verbose {
        0 => None,
        1 => Some("info"),
        2 => Some("debug"),
        _ => Some("trace"),
    };
    for (level, target) in level.into_iter().flat_map(|level| OURS.map(|target| (level, target))) {
        if let Ok(directive) = format!("{target}={level}").parse() {
            filter = filter.add_directive(directive);
        }
    }
    let quiet_others = filter_fn(|metadata| {
        let root = metadata.target().split("::").next().unwrap_or_default();
        OURS.contains(&root) || *metadata.level() <= tracing::Level::WARN
    });
    let colours =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colours);
    let logs = tracing_subscriber::registry().with(lines.with_filter(quiet_others)).with(filter);
    // It fails if somebody else is listening already, and nobody is.
    _ = logs.try_init();
}
