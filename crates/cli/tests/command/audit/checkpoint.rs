//! Incomplete reviews and their checkpoints.

use http::StatusCode;
use ultracart_sim::{Fault, Operation, Sim};

use super::{REPORT, file_names, without_rate};
use crate::account::Account;
use crate::support::{Home, text};

#[test]
fn incomplete_review_can_be_resumed() {
    let account = Account::from_builder(Sim::builder().users(5));
    let bad_request = Fault::error(StatusCode::BAD_REQUEST, "not today");
    account.sim.fault(bad_request.on(Operation::GetUserLogins).nth(2).times(2));
    let home = account.home();
    let ran = home.run(&["audit", "--out", "audit"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("5 users and 12 groups reviewed with 7 calls\n"), "{}", ran.stdout);
    insta::assert_snapshot!(without_rate(&ran.stderr), @r"
    5 users; 5 more calls to make, one for each remaining login history; about 1s with the remaining quota
    5 of 5 login histories, RATE, 7 calls spent, 2 failed, about 0s left
    error: the report is written, but it is incomplete
      why: the login history of hgupta: get_user_logins: 400 Bad Request: not today
      why: the login history of framirez: get_user_logins: 400 Bad Request: not today
      help: the data read so far is kept: continue with `ultracart audit --resume --out audit`
    ");
    assert_eq!(file_names(&home, "audit").len(), 5, "the report and the checkpoint");

    let again = home.run(&["audit", "--out", "audit"]);
    insta::assert_snapshot!(again.failure(&home), @r"
    2
    error: audit holds an unfinished review
      help: continue with `ultracart audit --resume --out audit`
      help: or delete audit/.audit.checkpoint and start again
    ");

    let before = account.sim.calls();
    let ran = home.run(&["audit", "--resume", "--out", "audit"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(account.sim.calls() - before, 4, "two lists and two login histories");
    assert_eq!(file_names(&home, "audit"), REPORT);
    insta::assert_snapshot!(without_rate(&ran.stderr), @r"
    5 users; 3 login histories came from the checkpoint; 2 more calls to make, one for each remaining login history; about 1s with the remaining quota
    2 of 2 login histories, RATE, 4 calls spent, about 0s left
    ");
}

#[test]
fn locked_checkpoint_is_left_unchanged() {
    let account = Account::new();
    let home = account.home();
    // The checkpoint of another review before its first login history.
    let header = r#"{"ultracart_audit_checkpoint":1,"base_url":"","started_at":""}"#.to_owned() + "\n";
    let path = home.write("audit/.audit.checkpoint", &header);
    let other = std::fs::File::open(&path).unwrap();
    other.lock().unwrap();
    for arguments in [&["audit", "--out", "audit"][..], &["audit", "--out", "audit", "--resume"]] {
        let ran = home.run(arguments);
        insta::allow_duplicates!(insta::assert_snapshot!(ran.failure(&home), @r"
        2
        error: the checkpoint audit/.audit.checkpoint cannot be used: another review is writing to it; wait until that review has ended
        "));
        assert_eq!(text(&path), header);
    }
    assert_eq!(account.sim.calls(), 0);
    drop(other);
    let ran = home.run(&["audit", "--out", "audit"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(file_names(&home, "audit"), REPORT);
}

#[test]
fn invalid_checkpoint_is_left_unchanged() {
    let account = Account::new();
    let home = account.home();
    let path = home.write("audit/.audit.checkpoint", "another program's file\n");
    for arguments in [&["audit", "--out", "audit"][..], &["audit", "--out", "audit", "--resume"]] {
        let ran = home.run(arguments);
        insta::allow_duplicates!(insta::assert_snapshot!(ran.failure(&home), @r"
        2
        error: the checkpoint audit/.audit.checkpoint cannot be used: it is not the checkpoint of an access review; move the file, or delete it
        "));
        assert_eq!(text(&path), "another program's file\n");
    }
    let header = r#"{"ultracart_audit_checkpoint":1,"base_url":"https://example.com","started_at":""}"#;
    home.write("audit/.audit.checkpoint", header.to_owned() + "\n");
    let ran = home.run(&["audit", "--out", "audit", "--resume"]);
    insta::assert_snapshot!(ran.failure(&home), @r#"
    2
    error: the checkpoint audit/.audit.checkpoint cannot be used: it belongs to a review of "https://example.com", but this review is of "http://127.0.0.1:PORT/rest/v2"; resume it with that base URL, or delete the file to start a new review
    "#);
    assert_eq!(account.sim.calls(), 0);
}

#[test]
fn printed_resume_command_runs_in_a_shell() {
    let account = Account::from_builder(Sim::builder().users(3));
    account.sim.fault(Fault::status_500().on(Operation::GetUserLogins).nth(2));
    let base_url = account.base_url();
    let home = Home::empty().var("ULTRACART_SIMPLE_KEY", crate::support::KEY);
    home.write("the account's.toml", "retry.max_attempts = 1");
    let arguments =
        ["audit", "--out=-of $HOME", "--config", "the account's.toml", "--base-url", base_url.as_str()];
    let ran = home.run(&arguments);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let suggested = ran.stderr.rsplit('`').nth(1).unwrap();
    assert_eq!(
        suggested,
        format!(
            r"ultracart audit --resume --out='-of $HOME' --config 'the account'\''s.toml' --base-url {base_url}"
        )
    );
    let again = home.run(&arguments);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains(&format!("continue with `{suggested}`")), "{}", again.stderr);

    #[cfg(unix)]
    {
        let program = suggested.replacen("ultracart", env!("CARGO_BIN_EXE_ultracart"), 1);
        let output = home.shell(&program).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(file_names(&home, "-of $HOME"), REPORT);
    }
}

#[test]
fn review_stopped_by_401_or_410_suggests_no_resume() {
    for (fault, message) in [
        (Fault::gone_410(), "make no more calls, and ask UltraCart's support why\n"),
        (Fault::unauthorized_401(), "whether it is valid and may use the User API\n"),
    ] {
        let account = Account::from_builder(Sim::builder().users(4));
        account.sim.fault(fault.on(Operation::GetUserLogins).nth(2));
        let home = account.home();
        let ran = home.run(&["audit", "--out", "audit"]);
        assert_eq!(ran.code, Some(3), "{}", ran.stderr);
        assert_eq!(account.sim.calls(), 4);
        assert!(ran.stderr.ends_with(message), "{}", ran.stderr);
        assert!(!ran.stderr.contains("--resume"), "{}", ran.stderr);
        assert_eq!(file_names(&home, "audit").len(), 5, "the report and the checkpoint");
    }
}

#[test]
fn review_that_fails_early_leaves_no_checkpoint() {
    let account = Account::with_fault(Fault::unauthorized_401());
    let home = account.home();
    let ran = home.run(&["audit", "--out", "audit"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.starts_with("error: get_users: 401"), "{}", ran.stderr);
    assert_eq!(file_names(&home, "audit"), [""; 0]);
}

#[cfg(unix)]
#[test]
fn unreadable_checkpoint_is_left_unchanged() {
    let account = Account::new();
    let home = account.home();
    // A socket cannot be opened as a file, not even by root.
    std::fs::create_dir(home.path("audit")).unwrap();
    let checkpoint = home.path("audit/.audit.checkpoint");
    let _socket = std::os::unix::net::UnixListener::bind(&checkpoint).unwrap();
    let ran = home.run(&["audit", "--out", "audit"]);
    insta::assert_snapshot!(ran.failure(&home), @r"
    2
    error: audit/.audit.checkpoint cannot be read
      why: No such device or address (os error 6)
      help: the file may hold the data of an unfinished review: repair or delete it, or choose another folder
    ");
    assert!(checkpoint.symlink_metadata().is_ok());
    // A checkpoint that is not UTF-8 is treated in the same way.
    home.write("other/.audit.checkpoint", b"\xff\xff\n");
    let ran = home.run(&["audit", "--out", "other"]);
    insta::assert_snapshot!(ran.failure(&home), @r"
    2
    error: other/.audit.checkpoint cannot be read
      why: stream did not contain valid UTF-8
      help: the file may hold the data of an unfinished review: repair or delete it, or choose another folder
    ");
    assert_eq!(std::fs::read(home.path("other/.audit.checkpoint")).unwrap(), b"\xff\xff\n");
    assert_eq!(account.sim.calls(), 0);
}

#[cfg(unix)]
#[test]
fn failed_report_does_not_promise_lost_data() {
    let account = Account::from_builder(Sim::builder().users(30));
    let home = account.home();
    let output = home.command_on_full_disk(&["audit", "--out", "audit"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    // Lines with measured times differ from run to run.
    let messages: Vec<&str> = stderr
        .lines()
        .filter(|line| !line.contains(" quota") && !line.contains(" login histories, "))
        .collect();
    insta::assert_snapshot!(messages.join("\n"), @r"
    warning: the checkpoint cannot be written, so data read from now on is not kept: File too large (os error 27)
    error: the report cannot be written
      why: audit/users.csv cannot be written: File too large (os error 27)
      help: continue with `ultracart audit --resume --out audit`
    ");
}
