//! What a demonstration must not write over.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;

/// Of a report, so much as says whose it is.
#[derive(Deserialize)]
struct Report {
    host: String,
}

/// Sees to it that no report of a real account is in the folder: one of made-up people must not take its place.
pub(super) fn check(out: &Path) -> Result<(), Failure> {
    let path = out.join("audit.json");
    let report: io::Result<Report> = match File::open(&path) {
        Ok(file) => serde_json::from_reader(BufReader::new(file)).map_err(Into::into),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error),
    };
    let why = match report {
        // Every simulated account is on this machine.
        Ok(report) if report.host.starts_with("127.0.0.1:") => return Ok(()),
        Ok(report) => format!("{} is the review of {}", path.display(), report.host),
        Err(error) => format!("{} cannot be read, so it may be of a real account: {error}", path.display()),
    };
    Err(Failure::usage(format!("a demonstration would write over the report in {}", out.display()))
        .why(why)
        .help("give another folder with --out"))
}
