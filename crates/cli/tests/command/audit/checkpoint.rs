//! Reviews that are broken off, and their checkpoints.

use http::StatusCode;
use ultracart_sim::{Fault, Operation, Sim};

use super::{REPORT, names, without_rate};
use crate::account::Account;
use crate::support::{Home, text};

#[test]
fn what_is_missing_is_said_and_can_be_had_later() {
    let account = Account::of(Sim::builder().users(5));
    let refused = Fault::error(StatusCode::BAD_REQUEST, "not today");
    account.sim.fault(refused.on(Operation::GetUserLogins).nth(2).times(2));
    let home = account.home();
    let ran = home.run(&["audit", "--out", "audit"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("5 users and 12 groups reviewed with 7 calls\n"), "{}", ran.stdout);
    insta::assert_snapshot!(without_rate(&ran.stderr), @r"
    5 users; 5 more calls to make, one for each history that is to be read; about 1s at what is left of the quota
    5 of 5 histories, RATE, 7 calls spent, 2 failed, about 0s left
    error: the report is written, and it is not complete
      why: the logins of hgupta: get_user_logins: 400 Bad Request: not today
      why: the logins of framirez: get_user_logins: 400 Bad Request: not today
      help: what was read is kept: `ultracart audit --resume --out audit` asks for the rest
    ");
    assert_eq!(names(&home, "audit").len(), 5, "the report and the checkpoint");

    let again = home.run(&["audit", "--out", "audit"]);
    insta::assert_snapshot!(again.failure(&home), @r"
    2
    error: a review in audit was not finished
      help: go on with it: `ultracart audit --resume --out audit` asks for the rest
      help: or begin anew: delete audit/.audit.checkpoint
    ");

    let before = account.sim.calls();
    let ran = home.run(&["audit", "--resume", "--out", "audit"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(account.sim.calls() - before, 4, "the lists and two histories");
    assert_eq!(names(&home, "audit"), REPORT);
    insta::assert_snapshot!(without_rate(&ran.stderr), @r"
    5 users; 3 histories were read before; 2 more calls to make, one for each history that is to be read; about 1s at what is left of the quota
    2 of 2 histories, RATE, 4 calls spent, about 0s left
    ");
}

#[test]
fn a_review_that_another_one_is_making_is_left_alone() {
    let account = Account::new();
    let home = account.home();
    // As the other one leaves it before its first history.
    let header = r#"{"ultracart_audit_checkpoint":1,"base_url":"","started_at":""}"#.to_owned() + "\n";
    let path = home.write("audit/.audit.checkpoint", &header);
    let other = std::fs::File::open(&path).unwrap();
    other.lock().unwrap();
    for arguments in [&["audit", "--out", "audit"][..], &["audit", "--out", "audit", "--resume"]] {
        let ran = home.run(arguments);
        insta::allow_duplicates!(insta::assert_snapshot!(ran.failure(&home), @r"
        2
        error: the checkpoint audit/.audit.checkpoint cannot be used: another review is writing to it: wait until that one has ended
        "));
        assert_eq!(text(&path), header);
    }
    assert_eq!(account.sim.calls(), 0);
    drop(other);
    let ran = home.run(&["audit", "--out", "audit"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(names(&home, "audit"), REPORT);
}

#[test]
fn a_checkpoint_that_cannot_be_used_is_left_as_it_is_and_what_to_do_is_said() {
    let account = Account::new();
    let home = account.home();
    let path = home.write("audit/.audit.checkpoint", "somebody's diary\n");
    for arguments in [&["audit", "--out", "audit"][..], &["audit", "--out", "audit", "--resume"]] {
        let ran = home.run(arguments);
        insta::allow_duplicates!(insta::assert_snapshot!(ran.failure(&home), @r"
        2
        error: the checkpoint audit/.audit.checkpoint cannot be used: it is no checkpoint of a review: move it away, or delete it, to begin anew
        "));
        assert_eq!(text(&path), "somebody's diary\n");
    }
    let header = r#"{"ultracart_audit_checkpoint":1,"base_url":"https://example.com","started_at":""}"#;
    home.write("audit/.audit.checkpoint", header.to_owned() + "\n");
    let ran = home.run(&["audit", "--out", "audit", "--resume"]);
    insta::assert_snapshot!(ran.failure(&home), @r#"
    2
    error: the checkpoint audit/.audit.checkpoint cannot be used: it is of "https://example.com", and this review is of "http://127.0.0.1:PORT/rest/v2": resume that one there, or delete the file to begin anew
    "#);
    assert_eq!(account.sim.calls(), 0);
}

#[test]
fn what_is_advised_can_be_copied_into_a_shell() {
    let account = Account::of(Sim::builder().users(3));
    account.sim.fault(Fault::status_500().on(Operation::GetUserLogins).nth(2));
    let base_url = account.base_url();
    let home = Home::empty().var("ULTRACART_SIMPLE_KEY", crate::support::KEY);
    home.write("the account's.toml", "retry.max_attempts = 1");
    let arguments =
        ["audit", "--out=-of $HOME", "--config", "the account's.toml", "--base-url", base_url.as_str()];
    let ran = home.run(&arguments);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let advised = ran.stderr.rsplit('`').nth(1).unwrap();
    assert_eq!(
        advised,
        format!(
            r"ultracart audit --resume --out='-of $HOME' --config 'the account'\''s.toml' --base-url {base_url}"
        )
    );
    let again = home.run(&arguments);
    assert_eq!(again.code, Some(2));
    assert!(
        again.stderr.contains(&format!("go on with it: `{advised}` asks for the rest")),
        "{}",
        again.stderr
    );

    #[cfg(unix)]
    {
        let program = advised.replacen("ultracart", env!("CARGO_BIN_EXE_ultracart"), 1);
        let output = home.shell(&program).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(names(&home, "-of $HOME"), REPORT);
    }
}

#[test]
fn a_review_that_may_ask_no_more_says_what_to_do_about_that() {
    for (fault, said) in [
        (Fault::gone_410(), "make no more calls, and ask UltraCart's support why\n"),
        (Fault::unauthorized_401(), "whether it is still valid and may use the User API\n"),
    ] {
        let account = Account::of(Sim::builder().users(4));
        account.sim.fault(fault.on(Operation::GetUserLogins).nth(2));
        let home = account.home();
        let ran = home.run(&["audit", "--out", "audit"]);
        assert_eq!(ran.code, Some(3), "{}", ran.stderr);
        assert_eq!(account.sim.calls(), 4);
        assert!(ran.stderr.ends_with(said), "{}", ran.stderr);
        assert!(!ran.stderr.contains("--resume"), "{}", ran.stderr);
        assert_eq!(names(&home, "audit").len(), 5, "the report and the checkpoint");
    }
}

#[test]
fn what_fails_before_the_first_history_leaves_nothing_behind() {
    let account = Account::with(Fault::unauthorized_401());
    let home = account.home();
    let ran = home.run(&["audit", "--out", "audit"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.starts_with("error: get_users: 401"), "{}", ran.stderr);
    assert_eq!(names(&home, "audit"), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_checkpoint_that_cannot_be_read_is_left_alone() {
    let account = Account::new();
    let home = account.home();
    // Nobody can open a socket as a file, not even the superuser.
    std::fs::create_dir(home.path("audit")).unwrap();
    let checkpoint = home.path("audit/.audit.checkpoint");
    let _socket = std::os::unix::net::UnixListener::bind(&checkpoint).unwrap();
    let ran = home.run(&["audit", "--out", "audit"]);
    insta::assert_snapshot!(ran.failure(&home), @r"
    2
    error: audit/.audit.checkpoint cannot be read
      why: No such device or address (os error 6)
      help: an earlier review may have kept in it what it read: mend or delete it, or give another folder
    ");
    assert!(checkpoint.symlink_metadata().is_ok());
    // One that is no text is no different.
    home.write("other/.audit.checkpoint", b"\xff\xff\n");
    let ran = home.run(&["audit", "--out", "other"]);
    insta::assert_snapshot!(ran.failure(&home), @r"
    2
    error: other/.audit.checkpoint cannot be read
      why: stream did not contain valid UTF-8
      help: an earlier review may have kept in it what it read: mend or delete it, or give another folder
    ");
    assert_eq!(std::fs::read(home.path("other/.audit.checkpoint")).unwrap(), b"\xff\xff\n");
    assert_eq!(account.sim.calls(), 0);
}

#[cfg(unix)]
#[test]
fn a_report_that_cannot_be_written_promises_no_more_than_was_kept() {
    let account = Account::of(Sim::builder().users(30));
    let home = account.home();
    let output = home.command_on_full_disk(&["audit", "--out", "audit"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    // How long it takes is not the same on every machine.
    let said: Vec<&str> =
        stderr.lines().filter(|line| !line.contains(" quota") && !line.contains(" histories, ")).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    warning: the checkpoint cannot be written on, so what is read from here on is not kept: File too large (os error 27)
    error: the report cannot be written
      why: audit/users.csv cannot be written: File too large (os error 27)
      help: `ultracart audit --resume --out audit` asks for the rest
    ");
}
