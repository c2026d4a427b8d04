//! What a review comes to, in short.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::Serialize;
use ultracart_client::audit::Review;

use crate::failure::{Exit, Failure};
use crate::global::Format;
use crate::output::{Output, Record};
use crate::text::terminal;

/// Of what is missing, so much is said here; all of it is in the report.
const SAID: usize = 10;

/// What a review comes to.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    /// As far as their names are text.
    files: Vec<Cow<'a, str>>,
    calls: u64,
    users: usize,
    groups: usize,
    is_complete: bool,
    findings: Vec<Line<'a>>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    severity: &'static str,
    kind: &'static str,
    title: &'a str,
    subjects: usize,
    not_judged: Option<&'a str>,
}

impl Record for Line<'_> {
    const COLUMNS: &'static [&'static str] = &["SEVERITY", "KIND", "TITLE", "SUBJECTS", "NOT JUDGED"];
    const FIELDS: &'static [&'static str] = &["severity", "kind", "title", "subjects", "not_judged"];

    fn row(&self) -> Vec<String> {
        self.fields()
    }

    fn fields(&self) -> Vec<String> {
        vec![
            self.severity.to_owned(),
            self.kind.to_owned(),
            self.title.to_owned(),
            self.subjects.to_string(),
            self.not_judged.unwrap_or_default().to_owned(),
        ]
    }
}

impl<'a> Summary<'a> {
    pub(super) fn new(review: &'a Review, files: &'a [PathBuf], calls: u64) -> Self {
        let lines = review.findings.iter().map(|finding| Line {
            severity: finding.severity.as_str(),
            kind: finding.kind.as_str(),
            title: &finding.title,
            subjects: finding.subjects.len(),
            not_judged: finding.not_judged.as_deref(),
        });
        Self {
            files: files.iter().map(|file| file.to_string_lossy()).collect(),
            calls,
            users: review.users.len(),
            groups: review.groups.len(),
            is_complete: review.is_complete(),
            findings: lines.collect(),
        }
    }

    pub(super) fn write(&self, output: &mut Output) -> Result<(), Failure> {
        match output.format() {
            Format::Table => {}
            Format::Csv => return output.list(&self.findings),
            Format::Json | Format::Ndjson => return output.object(self),
        }
        output.line(&format!(
            "{} users and {} groups reviewed with {} calls",
            self.users, self.groups, self.calls
        ))?;
        // A review has them gravest first.
        for Line { severity, title, subjects, .. } in self.findings.iter().filter(|line| line.subjects > 0) {
            output.line(&format!("  {severity:<8}{subjects:>5}  {}", terminal(title)))?;
        }
        for file in &self.files {
            output.line(&terminal(file))?;
        }
        Ok(())
    }
}

/// Says what is missing.
pub(super) fn missing(review: &Review) -> Failure {
    let mut failure = Failure::new(Exit::Incomplete, "the report is written, and it is not complete");
    for missing in review.incomplete.iter().take(SAID) {
        failure = failure.why(format!("{}: {}", missing.what, missing.why));
    }
    if let Some(more) = review.incomplete.len().checked_sub(SAID).filter(|more| *more > 0) {
        failure = failure.why(format!("and {more} more, which the report names"));
    }
    failure
}
