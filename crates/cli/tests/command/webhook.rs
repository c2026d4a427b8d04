//! `ultracart webhook`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Child;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::Home;

const PASSWORD: &str = "pa55: word of the test";
const ADA: &str = r#"{"events": [{"user_update": {"user_id": 7, "login": "ada"}}, {"order_create": {}}]}"#;
/// `[{"user_delete": {"user_id": 9, "login": "bob"}}]`
const PACKED: &str =
    r#"{"events": "H4sIAAAAAAACA4uuViotTi2KT0nNSS1JVbJSgPIzU4BsSx0FpZz89Mw8IFspKT9JqbY2FgCepNiOMQAAAA=="}"#;

/// `ultracart webhook` as a child process, which ends with this.
struct Hook {
    child: Child,
    /// `127.0.0.1:PORT`.
    addr: String,
}

impl Hook {
    /// At any port, with what else there is to say. The line is on stdout, or on stderr with another format.
    fn start(home: &Home, arguments: &[&str]) -> Self {
        let arguments = [&["webhook", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut child = home.command(&arguments).spawn().unwrap();
        let line = if arguments.contains(&"--format") {
            line(child.stderr.as_mut().unwrap())
        } else {
            line(child.stdout.as_mut().unwrap())
        };
        let addr = line.strip_prefix("webhooks at http://").and_then(|rest| rest.strip_suffix("/\n"));
        let addr = addr.unwrap_or_else(|| panic!("it did not start: {line:?}")).to_owned();
        Self { child, addr }
    }

    fn open() -> Self {
        Self::start(&Home::empty(), &["--no-auth"])
    }

    /// The status of the answer to a request, and the whole of it.
    fn send(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        answer(&mut stream)
    }

    fn post(&self, authorization: Option<&str>, body: &str) -> (u16, String) {
        self.send(&request(authorization, body))
    }

    /// Stops it: the exit code, and what was not read yet of stdout and stderr.
    #[cfg(unix)]
    fn stop(mut self, signal: &str) -> (Option<i32>, String, String) {
        crate::support::signal(&self.child, signal);
        let code = self.child.wait().unwrap().code();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (code, timeless(&stdout), stderr)
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A line, and nothing of what is behind it.
fn line(from: &mut impl std::io::Read) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') && from.read(&mut byte).unwrap() == 1 {
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

/// A delivery of so many events.
fn logins(count: usize) -> String {
    format!(r#"{{"events": [{}]}}"#, vec![r#"{"user_login": {"user_id": 7}}"#; count].join(","))
}

fn request(authorization: Option<&str>, body: &str) -> String {
    let authorization = authorization.map_or_else(String::new, |value| format!("authorization: {value}\r\n"));
    let length = body.len();
    format!("POST /any/path HTTP/1.1\r\nhost: x\r\n{authorization}content-length: {length}\r\n\r\n{body}")
}

fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("0");
    (status.parse().unwrap(), answer)
}

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("hook:{password}")))
}

/// With `TIME` for each time of this century.
fn timeless(text: &str) -> String {
    let (mut timeless, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("20") {
        timeless.push_str(&rest[..at]);
        let from = &rest[at..];
        match from.split_at_checked("2026-11-25T17:31:46Z".len()) {
            Some((time, after)) if time.ends_with('Z') && time.get(4..5) == Some("-") => {
                timeless.push_str("TIME");
                rest = after;
            }
            _ => {
                timeless.push_str("20");
                rest = &from[2..];
            }
        }
    }
    timeless + rest
}

#[cfg(unix)]
#[test]
fn events_are_rows_of_a_table() {
    let mut hook = Hook::open();
    let head = line(hook.child.stdout.as_mut().unwrap());
    assert_eq!(head, "TIME                  EVENT        USER ID  LOGIN\n");
    assert_eq!(hook.post(None, ADA).0, 200);
    // At once, and not when it ends.
    let first = timeless(&line(hook.child.stdout.as_mut().unwrap()));
    assert_eq!(first, "TIME  user_update  7        ada\n");
    let hostile = r#"{"events": [{"user_login": {"login": "\u001b[2J\u202ex\ny"}}, {"\u009b31m": 1}]}"#;
    assert_eq!(hook.post(Some("of no matter"), hostile).0, 200);
    assert_eq!(hook.post(None, PACKED).0, 200);
    let (code, stdout, stderr) = hook.stop("INT");
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(stdout, @r"
    TIME  order_create
    TIME  user_login            ␛[2J‹U+202E›x␊y
    TIME  ‹U+009B›31m
    TIME  user_delete  9        bob
    ");
}

#[cfg(unix)]
#[test]
fn events_are_data_in_other_formats() {
    let mut all = String::new();
    for format in ["csv", "ndjson", "json"] {
        let hook = Hook::start(&Home::empty(), &["--no-auth", "--format", format]);
        let body = r#"{"events": [
            {"user_create": {"user_id": 7, "login": "=1+1", "phone": "\u202e", "change_password_to": "secret"}},
            {"user_delete": null},
            {"order_create": {"user_id": 7}}
        ]}"#;
        assert_eq!(hook.post(None, body).0, 200);
        let (code, stdout, stderr) = hook.stop("TERM");
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        all.push_str(&stdout);
        all.push('\n');
    }
    insta::assert_snapshot!(all, @r#"
    received_at,event,user_id,login
    TIME,user_create,7,'=1+1
    TIME,user_delete,,
    TIME,order_create,,

    {"received_at":"TIME","event":"user_create","user_id":7,"login":"=1+1","user":{"user_id":7,"login":"=1+1","phone":"\u202e"}}
    {"received_at":"TIME","event":"user_delete","user_id":null,"login":null,"user":{}}
    {"received_at":"TIME","event":"order_create","user_id":null,"login":null}

    {
      "received_at": "TIME",
      "event": "user_create",
      "user_id": 7,
      "login": "=1+1",
      "user": {
        "user_id": 7,
        "login": "=1+1",
        "phone": "\u202e"
      }
    }
    {
      "received_at": "TIME",
      "event": "user_delete",
      "user_id": null,
      "login": null,
      "user": {}
    }
    {
      "received_at": "TIME",
      "event": "order_create",
      "user_id": null,
      "login": null
    }
    "#);
}

#[cfg(unix)]
#[test]
fn who_may_deliver_and_who_may_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let with_variable = Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", PASSWORD);
    let with_file = Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", "another");
    let file = with_file.write("password", format!("{PASSWORD}\n"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    for (home, arguments) in [
        (with_variable, &["--user", "hook"][..]),
        (with_file, &["--user", "hook", "--password-file", "password"]),
    ] {
        let hook = Hook::start(&home.var("RUST_LOG", "trace"), arguments);
        assert_eq!(hook.post(Some(&basic(PASSWORD)), ADA).0, 200);
        let mut refused = String::new();
        for authorization in [None, Some(basic("another")), Some(basic(""))] {
            let (status, answer) = hook.post(authorization.as_deref(), "secret content");
            assert_eq!(status, 401);
            assert!(answer.contains("www-authenticate: Basic realm=\"webhook\"\r\n"), "{answer}");
            refused.push_str(&answer);
        }
        let (status, answer) = hook.post(Some(&basic(PASSWORD)), "secret content");
        assert_eq!(status, 400);
        refused.push_str(&answer);
        let (code, stdout, stderr) = hook.stop("INT");
        assert_eq!(code, Some(0));
        assert_eq!(stdout.matches("TIME").count(), 2 + 1, "{stdout}");
        let refusal = "warning: a delivery from 127.0.0.1 is refused: the credentials are missing or wrong\n";
        assert_eq!(stderr.matches(refusal).count(), 3, "{stderr}");
        for text in [&refused, &stdout, &stderr] {
            for secret in [PASSWORD, &basic(PASSWORD)["Basic ".len()..], "secret content"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn a_password_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::empty();
    let file = home.write("password", PASSWORD);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (_, _, stderr) = Hook::start(&home, &["--user", "hook", "--password-file", "password"]).stop("INT");
    insta::assert_snapshot!(stderr, @"warning: password holds a credential and has mode 644: others can get at it (chmod 600 password)");
}

#[test]
fn it_does_not_start_without_an_answer_to_who_may_deliver() {
    let password = |value| Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", value);
    let home = Home::empty();
    let said: Vec<String> = [
        (&password(PASSWORD), &[][..]),
        (&password(PASSWORD), &["--no-auth", "--listen", "0.0.0.0:0"]),
        (&password(PASSWORD), &["--no-auth", "--listen", "[::]:0"]),
        (&home, &["--user", "hook"]),
        (&password(""), &["--user", "hook"]),
        (&home, &["--user", "hook", "--password-file", "-"]),
        (&home, &["--user", "hook", "--password-file", "none"]),
        (&password(PASSWORD), &["--user", "ho:ok"]),
    ]
    .map(|(home, arguments)| {
        let ran = home.run(&[&["webhook"], arguments].concat());
        assert!(!ran.stderr.contains(PASSWORD));
        ran.failure(home)
    })
    .into();
    insta::assert_snapshot!(said.join("\n"), @r"
    2
    error: it is not said who may deliver
      why: whoever finds the address could send what never happened
      help: give --user, and the password in ULTRACART_WEBHOOK_PASSWORD or --password-file
      help: or --no-auth, to try it out on this machine

    2
    error: 0.0.0.0:0 can be reached from other machines, and --no-auth would let them all deliver
      help: give --user and a password, or listen on 127.0.0.1

    2
    error: [::]:0 can be reached from other machines, and --no-auth would let them all deliver
      help: give --user and a password, or listen on 127.0.0.1

    2
    error: there is no password to go with --user
      help: set ULTRACART_WEBHOOK_PASSWORD to it, or give --password-file

    2
    error: ULTRACART_WEBHOOK_PASSWORD holds no password
      why: it is empty, or not UTF-8

    2
    error: stdin holds no password
      why: it is empty
      help: it has to be the password on one line and nothing else

    2
    error: none cannot be read
      why: No such file or directory (os error 2)

    2
    error: the name given with --user has a colon in it
      why: HTTP's Basic authentication ends the name there
    ");
    for arguments in [
        &["--user", "hook", "--no-auth"][..],
        &["--no-auth", "--password-file", "-"],
        &["--no-auth", "--listen", "localhost:0"],
    ] {
        assert_eq!(home.run(&[&["webhook"], arguments].concat()).code, Some(2), "{arguments:?}");
    }
}

#[cfg(unix)]
#[test]
fn where_others_can_reach_it_a_proxy_is_asked_for() {
    let home = Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", PASSWORD);
    let mut child = home.command(&["webhook", "--user", "hook", "--listen", "0.0.0.0:0"]).spawn().unwrap();
    assert!(line(child.stdout.as_mut().unwrap()).starts_with("webhooks at http://0.0.0.0:"));
    crate::support::signal(&child, "INT");
    let stderr = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    insta::assert_snapshot!(stderr, @"warning: 0.0.0.0:0 can be reached from other machines, and what they send is not encrypted: put a proxy with TLS in front, and listen where it alone can reach it");
}

#[test]
fn a_port_that_is_taken_is_said() {
    let hook = Hook::open();
    let ran = Home::empty().run(&["webhook", "--no-auth", "--listen", &hook.addr]);
    insta::assert_snapshot!(ran.failure(&Home::empty()), @r"
    1
    error: 127.0.0.1:PORT cannot be listened at
      why: Address already in use (os error 98)
      help: --listen 127.0.0.1:PORT takes any port that is free
    ");
}

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
