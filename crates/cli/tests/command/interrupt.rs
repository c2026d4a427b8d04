//! Interruption by SIGINT and SIGTERM.
#![cfg(unix)]

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use ultracart_sim::Sim;

use crate::account::Account;
use crate::support::{Home, signal, text};

#[test]
fn interrupted_review_can_be_resumed() {
    let account = Account::from_builder(Sim::builder().users(30).latency(Duration::from_millis(20)));
    let home = account.home();
    let mut child = home.command(&["audit", "--out", "audit"]).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut plan = String::new();
    stderr.read_line(&mut plan).unwrap();
    assert!(plan.starts_with("30 users; 30 more calls"), "{plan}");
    while account.sim.calls() < 8 {
        std::thread::yield_now();
    }
    signal(&child, "INT");
    let mut message = String::new();
    stderr.read_to_string(&mut message).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    insta::assert_snapshot!(message, @r"
    error: interrupted
      help: the data read so far is kept: continue with `ultracart audit --resume --out audit`
    ");

    let before = account.sim.calls();
    let mut ran = home.run(&["audit", "--resume", "--out", "audit"]);
    // The account may still process the interrupted call.
    while ran.stderr.contains("concurrent requests are not allowed") {
        ran = home.run(&["audit", "--resume", "--out", "audit"]);
    }
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains(" login histories came from the checkpoint; "), "{}", ran.stderr);
    let spent = account.sim.calls() - before;
    assert!(spent < 30, "{spent} calls");
}

#[test]
fn interrupted_write_may_have_been_made() {
    let account = Account::new();
    account.sim.fault(ultracart_sim::Fault::hang());
    let home = account.home();
    let child = home.command(&["users", "delete", "7"]).spawn().unwrap();
    while account.sim.calls() < 1 {
        std::thread::yield_now();
    }
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    insta::assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @r"
    error: interrupted
      help: UltraCart may have made the change: check before you repeat the command
    ");
}

#[test]
fn review_interrupted_at_its_first_call_can_restart() {
    let account = Account::from_builder(Sim::builder().users(3));
    account.sim.fault(ultracart_sim::Fault::hang());
    let home = account.home();
    let child = home.command(&["audit", "--out", "audit"]).spawn().unwrap();
    while account.sim.calls() < 1 {
        std::thread::yield_now();
    }
    signal(&child, "INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let account = Account::from_builder(Sim::builder().users(3));
    let home = home.var("ULTRACART_BASE_URL", &account.base_url());
    let ran = home.run(&["audit", "--out", "audit"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn token_refresh_is_finished_unless_interrupted_twice() {
    for (signals, kept) in [(&["INT"][..], "r1"), (&["TERM"], "r1"), (&["INT", "INT"], "r0")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let home = Home::empty()
            .var("ULTRACART_BASE_URL", &format!("http://{}/rest/v2", listener.local_addr().unwrap()))
            .var("ULTRACART_AUTH__OAUTH__CLIENT_ID", "app")
            .var("ULTRACART_AUTH__OAUTH__REFRESH_TOKEN_FILE", "token")
            .var("ULTRACART_HTTP__REQUEST_TIMEOUT", "1h");
        let token = home.write("token", "r0");
        std::fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
        let mut child = home.command(&["users", "list"]).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());

        let (mut connection, _) = listener.accept().unwrap();
        let mut request = [0; 16_384];
        let read = connection.read(&mut request).unwrap();
        assert!(request[..read].starts_with(b"POST /rest/v2/oauth/token "));
        let mut message = String::new();
        for name in signals {
            signal(&child, name);
            if message.is_empty() {
                stderr.read_line(&mut message).unwrap();
            }
        }
        assert!(message.starts_with("waiting for the new OAuth refresh token"), "{signals:?}: {message}");
        if kept == "r1" {
            let body = r#"{"access_token":"a1","refresh_token":"r1","expires_in":"3600"}"#;
            write!(connection, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
        stderr.read_to_string(&mut message).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{message}");
        assert!(message.ends_with("error: interrupted\n"), "{message}");
        assert_eq!(text(&token).trim_end(), kept, "{signals:?}");
        let mut rest = Vec::new();
        // The connection may have been reset.
        _ = connection.read_to_end(&mut rest);
        assert!(
            !String::from_utf8_lossy(&rest).contains("GET "),
            "the call that the token was for is not made"
        );
    }
}

#[test]
fn failed_checkpoint_write_is_not_promised_as_kept() {
    let account = Account::from_builder(Sim::builder().users(30));
    account.sim.fault(ultracart_sim::Fault::hang().on(ultracart_sim::Operation::GetUserLogins).nth(20));
    let home = account.home();
    let mut child = home.command_on_full_disk(&["audit", "--out", "audit"]).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut message = String::new();
    stderr.read_line(&mut message).unwrap();
    assert!(message.starts_with("30 users; 30 more calls"), "{message}");
    while account.sim.calls() < 2 + 20 {
        std::thread::yield_now();
    }
    signal(&child, "INT");
    message.clear();
    stderr.read_to_string(&mut message).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    insta::assert_snapshot!(message, @r"
    warning: the checkpoint cannot be written, so data read from now on is not kept: File too large (os error 27)
    error: interrupted
      help: continue with `ultracart audit --resume --out audit`
    ");
}
