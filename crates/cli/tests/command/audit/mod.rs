//! The `audit` command.

mod checkpoint;

use std::io::Read as _;

use ultracart_sim::{Fault, Operation, Sim};

use crate::account::Account;
use crate::support::{Home, SimProcess, text};

fn file_names(home: &Home, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(home.path(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Replaces the measured rate in progress lines by `RATE`.
fn without_rate(stderr: &str) -> String {
    let words = stderr.split(' ').map(|word| if word.ends_with("/s,") { "RATE," } else { word });
    words.collect::<Vec<_>>().join(" ")
}

const REPORT: [&str; 4] = ["audit.html", "audit.json", "logins.csv", "users.csv"];

#[test]
fn demo_runs_without_a_valid_configuration() {
    // The demonstration ignores the configured account, even an invalid one.
    let home = Home::empty()
        .var("ULTRACART_SIMPLE_KEY", "not a key\n")
        .var("ULTRACART_BASE_URL", "http://example.com");
    // The report of an earlier demonstration is overwritten.
    home.write("audit/audit.json", r#"{"schema_version": "1", "host": "127.0.0.1:8080"}"#);
    let ran = home.run(&["-v", "audit", "--demo", "--out", "audit"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("cache: 0 hits, 0 joined loads, 202 misses, 0 stale, "), "{}", ran.stderr);
    assert_eq!(file_names(&home, "audit"), REPORT);
    assert!(ran.stdout.starts_with("200 users and 12 groups reviewed with 202 calls\n"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("audit/audit.html\naudit/users.csv\naudit/logins.csv\naudit/audit.json\n"));
    let plan = "200 users; 200 more calls to make, one for each remaining login history; about ";
    assert!(ran.stderr.contains(plan), "{}", ran.stderr);
    assert!(
        !ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\r'),
        "no bar without a terminal: {}",
        ran.stderr
    );
    assert_eq!(text(&home.path("audit/users.csv")).lines().count(), 201);
}

#[test]
fn demo_does_not_overwrite_a_real_report() {
    let home = Home::empty();
    let messages: Vec<String> = [
        r#"{"schema_version": "1", "host": "secure.ultracart.com", "users": []}"#,
        r#"{"schema_version": "1", "host": "127.0.0.1.example.com"}"#,
        r#"{"schema_version": "1", "host"#,
    ]
    .map(|report| {
        let path = home.write("audit/audit.json", report);
        let ran = home.run(&["audit", "--demo", "--out", "audit"]);
        assert_eq!(text(&path), report);
        assert_eq!(file_names(&home, "audit"), ["audit.json"]);
        ran.failure(&home)
    })
    .into();
    insta::assert_snapshot!(messages.join("\n"), @r"
    2
    error: `audit --demo` would overwrite the report in audit
      why: audit/audit.json is the review of secure.ultracart.com
      help: choose another folder with --out

    2
    error: `audit --demo` would overwrite the report in audit
      why: audit/audit.json is the review of 127.0.0.1.example.com
      help: choose another folder with --out

    2
    error: `audit --demo` would overwrite the report in audit
      why: audit/audit.json cannot be read, so it may be the report of a real account: EOF while parsing a string at line 1 column 29
      help: choose another folder with --out
    ");
}

#[test]
fn audit_of_configured_account_writes_the_report() {
    let sim = SimProcess::start(&["--users", "40", "--histories-in-list"]);
    let home = sim.home();
    let ran = home.run(&["audit", "--out", "deep/audit", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(file_names(&home, "deep/audit"), REPORT, "the report without a checkpoint");
    let summary: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&summary["users"], &summary["calls"]), (&40.into(), &2.into()));
    assert_eq!(summary["is_complete"], true);
    assert_eq!(
        ran.stderr,
        "40 users; 40 login histories came with the list of users; no more calls to make\n"
    );

    let ran = home.run(&["audit", "--out", "quiet", "--quiet"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn audit_summary_is_written_in_every_format() {
    let sim = SimProcess::start(&["--users", "40", "--histories-in-list"]);
    let home = sim.home();
    let data = |format: &str| home.stdout(&["audit", "--out", "audit", "--quiet", "--format", format]);
    let json: serde_json::Value = serde_json::from_str(&data("json")).unwrap();
    let ndjson = data("ndjson");
    assert_eq!(ndjson.lines().count(), 1);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&ndjson).unwrap(), json);
    let table = data("table");
    assert!(table.starts_with("40 users and "));

    let csv = data("csv");
    let mut csv = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(csv.headers().unwrap(), vec!["severity", "kind", "title", "subjects", "not_checked"]);
    let records: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    let findings = json["findings"].as_array().unwrap();
    assert_eq!(records.len(), findings.len(), "every check, even without subjects");
    for (record, finding) in records.iter().zip(findings) {
        for (field, name) in record.iter().zip(["severity", "kind", "title"]) {
            assert_eq!(field, finding[name]);
        }
        assert_eq!(record[3], finding["subjects"].to_string());
        assert_eq!(table.contains(&record[2]), &record[3] != "0", "{} in {table}", &record[2]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn audit_accepts_a_folder_name_that_is_not_utf8() {
    use std::os::unix::ffi::OsStrExt as _;
    let sim = SimProcess::start(&["--users", "3", "--histories-in-list"]);
    let home = sim.home();
    for format in ["table", "json", "csv", "ndjson"] {
        let mut command = home.command(&["audit", "--quiet", "--format", format, "--out"]);
        let output = command.arg(std::ffi::OsStr::from_bytes(b"r\xe9port")).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "{format}");
        let message = String::from_utf8(output.stdout).unwrap();
        assert_eq!(message.contains("r\u{fffd}port/audit.html"), format != "csv", "{message}");
    }
}

#[test]
fn base_url_with_password_is_not_printed() {
    let home = Home::without_account();
    home.write("audit/.audit.checkpoint", "{}\n{}\n");
    let ran = home.run(&["audit", "--out", "audit", "--base-url", "https://ada:s3cret@example.com/rest/v2"]);
    assert_eq!(ran.code, Some(2));
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
}

#[test]
fn summary_is_printed_before_missing_data() {
    let account = Account::from_builder(Sim::builder().users(3));
    account.sim.fault(Fault::status_500().on(Operation::GetUserLogins).nth(2));
    let home = account.home();
    // One pipe for stdout and stderr, as on a terminal.
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = home.command(&["audit", "--out", "audit", "--quiet"]);
    let mut child = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    // `command` holds writers of the pipe, and the read below ends only when all writers are closed.
    drop(command);
    let mut message = String::new();
    reader.read_to_string(&mut message).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(message.starts_with("3 users and 12 groups reviewed"), "{message}");
    assert!(message.contains("audit/audit.json\nerror: the report is written"), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn output_error_is_reported_once() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let account = Account::from_builder(Sim::builder().users(3));
    account.sim.fault(Fault::status_500().on(Operation::GetUserLogins).nth(2));
    let home = account.home();
    let exit_and_stderr = |arguments: &[&str], out: std::process::Stdio| {
        let output = home.command(arguments).stdout(out).output().unwrap();
        format!("{}\n{}", output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let audit = ["audit", "--resume", "--out", "audit", "--quiet"];
    insta::assert_snapshot!(exit_and_stderr(&audit, full().into()), @r"
    3
    error: the output cannot be written
      why: No space left on device (os error 28)
    error: the report is written, but it is incomplete
      why: the login history of hgupta: get_user_logins: 500 Internal Server Error: An internal error occurred.
      help: the data read so far is kept: continue with `ultracart audit --resume --out audit`
    ");
    // A closed pipe is no failure, but missing data is.
    account.sim.fault(Fault::status_500().on(Operation::GetUserLogins));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    insta::assert_snapshot!(exit_and_stderr(&audit, writer.into()), @r"
    3
    error: the report is written, but it is incomplete
      why: the login history of hgupta: get_user_logins: 500 Internal Server Error: An internal error occurred.
      help: the data read so far is kept: continue with `ultracart audit --resume --out audit`
    ");
    // The error is reported once, although the final flush fails again.
    insta::assert_snapshot!(exit_and_stderr(&["users", "list", "--format", "csv"], full().into()), @r"
    1
    error: the output cannot be written
      why: No space left on device (os error 28)
    ");
}

#[test]
fn unwritable_folder_makes_no_call() {
    let account = Account::new();
    let home = account.home();
    home.write("taken", "a file");
    for (folder, demo) in [("taken", false), ("taken/below", false), ("taken", true)] {
        let arguments = ["audit", "--out", folder, "--demo"];
        let ran = home.run(if demo { &arguments } else { &arguments[..3] });
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(
            ran.stderr.starts_with("error: the report cannot be written\n  why: the folder taken"),
            "{}",
            ran.stderr
        );
    }
    home.write("audit/logins.csv/in a folder", "");
    let ran = home.run(&["audit", "--out", "audit"]);
    insta::assert_snapshot!(ran.failure(&home), @"
    2
    error: the report cannot be written
      why: audit/logins.csv cannot be written: something other than a file has this name; move or delete it
      help: choose another folder with --out
    ");
    assert_eq!(account.sim.calls(), 0);
}
