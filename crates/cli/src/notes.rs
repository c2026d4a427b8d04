//! Notes, warnings and errors on stderr.

use std::io::{self, Write as _};

use crate::failure::Failure;
use crate::text::terminal;

/// Writes notes and warnings to stderr, one a line, unless `--quiet` is set. Write errors are ignored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notes {
    quiet: bool,
}

impl Notes {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    pub(crate) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Writes a note, such as the progress of a review.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            line("", text);
        }
    }

    /// Writes a warning: something may be wrong.
    pub(crate) fn warning(self, text: &str) {
        if !self.quiet {
            line("warning: ", text);
        }
    }
}

/// Writes why the command failed, even with `--quiet`.
pub(crate) fn failure(failure: &Failure) {
    if failure.what.is_empty() {
        return;
    }
    line("error: ", &failure.what);
    for why in &failure.why {
        line("  why: ", why);
    }
    for help in &failure.help {
        line("  help: ", help);
    }
}

fn line(before: &str, text: &str) {
    _ = writeln!(io::stderr().lock(), "{before}{}", terminal(text));
}
