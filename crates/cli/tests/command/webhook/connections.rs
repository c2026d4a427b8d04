//! Invalid requests, too many connections, and a stdout that is blocked or closed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::{ADA, WebhookProcess, logins, read_response, request};

#[test]
fn invalid_delivery_is_declined() {
    let hook = WebhookProcess::start_without_auth();
    let (status, response) = hook.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(status, 405);
    assert!(response.contains("allow: POST\r\n"), "{response}");
    assert_eq!(hook.post(None, "no JSON").0, 400);
    let long = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4194305\r\n\r\n";
    assert_eq!(hook.send(long).0, 413);
    assert_eq!(hook.send("no HTTP\r\n\r\n").0, 400);
    let chunked = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(hook.send(&format!("{chunked}e\r\n{{\"events\": []}}\r\n0\r\n\r\n")).0, 200);
}

#[test]
fn connection_serves_one_request() {
    let hook = WebhookProcess::start_without_auth();
    let two = request(None, ADA).repeat(2);
    assert_eq!(hook.send(&two).1.matches("HTTP/1.1 ").count(), 1);
}

#[test]
fn connection_above_the_limit_waits() {
    let hook = WebhookProcess::start_without_auth();
    let mut idle: Vec<TcpStream> = (0..64).map(|_| TcpStream::connect(&hook.addr).unwrap()).collect();
    let mut next = TcpStream::connect(&hook.addr).unwrap();
    next.write_all(request(None, ADA).as_bytes()).unwrap();
    next.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(next.read(&mut [0]).is_err(), "the connection has to wait");
    next.set_read_timeout(None).unwrap();
    idle.pop();
    assert_eq!(read_response(&mut next).0, 200);
}

#[cfg(unix)]
#[test]
fn delivery_is_declined_while_stdout_is_blocked() {
    let mut hook = WebhookProcess::start_without_auth();
    let many = logins(5_000);
    let statuses: Vec<u16> =
        (0..100).map(|_| hook.post(None, &many).0).take_while(|status| *status != 503).collect();
    assert!(statuses.len() < 100 && statuses.iter().all(|status| *status == 200), "{statuses:?}");
    crate::support::signal(&hook.child, "INT");
    assert_eq!(hook.child.wait().unwrap().code(), Some(1));
    let mut message = String::new();
    hook.child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
    insta::assert_snapshot!(message, @r"
    warning: a delivery was declined because stdout is blocked; UltraCart will repeat it
    error: the last events were not written
      why: stdout is blocked: the program that reads it does not read
    ");
}

#[cfg(unix)]
#[test]
fn accepted_deliveries_are_written_before_exit() {
    let mut hook = WebhookProcess::start_without_auth();
    // More data than fits into a pipe.
    for _ in 0..3 {
        assert_eq!(hook.post(None, &logins(5_000)).0, 200);
    }
    crate::support::signal(&hook.child, "INT");
    let mut stdout = String::new();
    hook.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert_eq!(stdout.matches("user_login").count(), 15_000);
    assert_eq!(hook.child.wait().unwrap().code(), Some(0));
}

#[cfg(unix)]
#[test]
fn closed_stdout_ends_the_receiver() {
    let mut hook = WebhookProcess::start_without_auth();
    drop(hook.child.stdout.take());
    while hook.child.try_wait().unwrap().is_none() {
        let Ok(mut stream) = TcpStream::connect(&hook.addr) else { continue };
        _ = stream.write_all(request(None, ADA).as_bytes());
        _ = stream.read(&mut [0]);
    }
    assert_eq!(hook.child.wait().unwrap().code(), Some(0));
}
