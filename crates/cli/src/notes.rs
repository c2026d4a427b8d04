//! What is said on stderr.

use std::io::{self, Write as _};

use crate::failure::Failure;
use crate::text::terminal;

/// Says things on stderr, a line each. Where stderr is gone nobody is told.
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

    /// Something good to know.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            line("", text);
        }
    }

    /// Something that may be wrong.
    pub(crate) fn warning(self, text: &str) {
        if !self.quiet {
            line("warning: ", text);
        }
    }
}

/// Says why the command ended, however quiet it is to be.
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
