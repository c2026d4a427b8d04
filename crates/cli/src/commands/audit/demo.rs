//! Protects the report of a real account from being overwritten by `audit --demo`.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;

/// The part of `audit.json` that shows whether the account is simulated: the host. The other fields are not
/// decoded.
#[derive(Deserialize)]
struct ReportOrigin {
    host: String,
}

/// Fails if the folder holds a report, unless it is the report of a simulated account.
pub(super) fn check(out: &Path) -> Result<(), Failure> {
    let path = out.join("audit.json");
    let report: io::Result<ReportOrigin> = match File::open(&path) {
        Ok(file) => serde_json::from_reader(BufReader::new(file)).map_err(Into::into),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error),
    };
    let why = match report {
        // Simulated accounts listen on 127.0.0.1 only.
        Ok(report) if report.host.starts_with("127.0.0.1:") => return Ok(()),
        Ok(report) => format!("{} is the review of {}", path.display(), report.host),
        Err(error) => {
            format!("{} cannot be read, so it may be the report of a real account: {error}", path.display())
        }
    };
    Err(Failure::usage(format!("`audit --demo` would overwrite the report in {}", out.display()))
        .why(why)
        .help("choose another folder with --out"))
}
