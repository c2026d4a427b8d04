//! The summary of a review on stdout.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::Serialize;
use ultracart_client::audit::Review;

use crate::failure::{Exit, Failure};
use crate::global::Format;
use crate::output::{Output, Record};
use crate::text::terminal;

/// Maximum number of missing parts that the failure message of an incomplete review lists. The report lists
/// all of them.
const MAX_SHOWN: usize = 10;

/// The summary of a review: its files, counts and findings.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    /// Paths of the files. Bytes that are not UTF-8 are replaced.
    files: Vec<Cow<'a, str>>,
    calls: u64,
    users: usize,
    groups: usize,
    is_complete: bool,
    findings: Vec<FindingRow<'a>>,
}

#[derive(Debug, Serialize)]
struct FindingRow<'a> {
    severity: &'static str,
    kind: &'static str,
    title: &'a str,
    subjects: usize,
    not_checked: Option<&'a str>,
}

impl Record for FindingRow<'_> {
    const COLUMNS: &'static [&'static str] = &["SEVERITY", "KIND", "TITLE", "SUBJECTS", "NOT CHECKED"];
    const FIELDS: &'static [&'static str] = &["severity", "kind", "title", "subjects", "not_checked"];

    fn row(&self) -> Vec<String> {
        self.fields()
    }

    fn fields(&self) -> Vec<String> {
        vec![
            self.severity.to_owned(),
            self.kind.to_owned(),
            self.title.to_owned(),
            self.subjects.to_string(),
            self.not_checked.unwrap_or_default().to_owned(),
        ]
    }
}

impl<'a> Summary<'a> {
    pub(super) fn new(review: &'a Review, files: &'a [PathBuf], calls: u64) -> Self {
        let rows = review.findings.iter().map(|finding| FindingRow {
            severity: finding.severity.as_str(),
            kind: finding.kind.as_str(),
            title: &finding.title,
            subjects: finding.subjects.len(),
            not_checked: finding.not_checked.as_deref(),
        });
        Self {
            files: files.iter().map(|file| file.to_string_lossy()).collect(),
            calls,
            users: review.users.len(),
            groups: review.groups.len(),
            is_complete: review.is_complete(),
            findings: rows.collect(),
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
        // The findings are sorted by severity, highest first.
        for FindingRow { severity, title, subjects, .. } in
            self.findings.iter().filter(|row| row.subjects > 0)
        {
            output.line(&format!("  {severity:<8}{subjects:>5}  {}", terminal(title)))?;
        }
        for file in &self.files {
            output.line(&terminal(file))?;
        }
        Ok(())
    }
}

/// Returns the failure of an incomplete review, with the data that is missing.
pub(super) fn missing(review: &Review) -> Failure {
    let mut failure = Failure::new(Exit::Incomplete, "the report is written, but it is incomplete");
    for missing in review.incomplete.iter().take(MAX_SHOWN) {
        failure = failure.why(format!("{}: {}", missing.what, missing.why));
    }
    if let Some(more) = review.incomplete.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
        failure = failure.why(format!("and {more} more, which the report lists"));
    }
    failure
}
