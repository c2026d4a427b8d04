//! Connections and readers that misbehave.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::{ADA, Hook, answer, logins, request};

#[test]
fn what_is_no_delivery_is_refused() {
    let hook = Hook::open();
    let (status, answer) = hook.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(status, 405);
    assert!(answer.contains("allow: POST\r\n"), "{answer}");
    assert_eq!(hook.post(None, "no JSON").0, 400);
    let long = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4194305\r\n\r\n";
    assert_eq!(hook.send(long).0, 413);
    assert_eq!(hook.send("no HTTP\r\n\r\n").0, 400);
    let chunked = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(hook.send(&format!("{chunked}e\r\n{{\"events\": []}}\r\n0\r\n\r\n")).0, 200);
}

#[test]
fn a_connection_is_for_one_request() {
    let hook = Hook::open();
    let two = request(None, ADA).repeat(2);
    assert_eq!(hook.send(&two).1.matches("HTTP/1.1 ").count(), 1);
}

#[test]
fn there_is_room_for_so_many_connections_and_no_more() {
    let hook = Hook::open();
    let mut idle: Vec<TcpStream> = (0..64).map(|_| TcpStream::connect(&hook.addr).unwrap()).collect();
    let mut next = TcpStream::connect(&hook.addr).unwrap();
    next.write_all(request(None, ADA).as_bytes()).unwrap();
    next.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(next.read(&mut [0]).is_err(), "it has to wait");
    next.set_read_timeout(None).unwrap();
    idle.pop();
    assert_eq!(answer(&mut next).0, 200);
}

#[cfg(unix)]
#[test]
fn where_nobody_reads_deliveries_are_put_off_and_it_still_ends() {
    let mut hook = Hook::open();
    let many = logins(5_000);
    let statuses: Vec<u16> =
        (0..100).map(|_| hook.post(None, &many).0).take_while(|status| *status != 503).collect();
    assert!(statuses.len() < 100 && statuses.iter().all(|status| *status == 200), "{statuses:?}");
    crate::support::signal(&hook.child, "INT");
    assert_eq!(hook.child.wait().unwrap().code(), Some(1));
    let mut said = String::new();
    hook.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    insta::assert_snapshot!(said, @r"
    warning: a delivery is put off: nobody reads what came before
    error: what was received last is not written
      why: nobody reads the output
    ");
}

#[cfg(unix)]
#[test]
fn what_is_taken_is_written_before_it_ends() {
    let mut hook = Hook::open();
    // More than a pipe holds.
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
fn when_its_reader_goes_away_it_ends() {
    let mut hook = Hook::open();
    drop(hook.child.stdout.take());
    while hook.child.try_wait().unwrap().is_none() {
        let Ok(mut stream) = TcpStream::connect(&hook.addr) else { continue };
        _ = stream.write_all(request(None, ADA).as_bytes());
        _ = stream.read(&mut [0]);
    }
    assert_eq!(hook.child.wait().unwrap().code(), Some(0));
}
