//! The `webhook` command.

mod connections;
mod start;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Child;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::Home;

const PASSWORD: &str = "pa55: word of the test";
/// A delivery with an event about the user `ada` and one about an order.
const ADA: &str = r#"{"events": [{"user_update": {"user_id": 7, "login": "ada"}}, {"order_create": {}}]}"#;
/// A delivery with the compressed events `[{"user_delete": {"user_id": 9, "login": "bob"}}]`.
const COMPRESSED: &str =
    r#"{"events": "H4sIAAAAAAACA4uuViotTi2KT0nNSS1JVbJSgPIzU4BsSx0FpZz89Mw8IFspKT9JqbY2FgCepNiOMQAAAA=="}"#;

/// `ultracart webhook` as a child process, which is killed on drop.
struct WebhookProcess {
    child: Child,
    /// Address that the command listens on, as `127.0.0.1:PORT`.
    addr: String,
}

impl WebhookProcess {
    /// Starts the command on a free port and reads the line with its address: from stderr if `--format` is
    /// given, else from stdout.
    fn start(home: &Home, arguments: &[&str]) -> Self {
        let arguments = [&["webhook", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut child = home.command(&arguments).spawn().unwrap();
        let line = if arguments.contains(&"--format") {
            read_line(child.stderr.as_mut().unwrap())
        } else {
            read_line(child.stdout.as_mut().unwrap())
        };
        let addr = line.strip_prefix("webhooks at http://").and_then(|rest| rest.strip_suffix("/\n"));
        let addr = addr.unwrap_or_else(|| panic!("the command did not start: {line:?}")).to_owned();
        Self { child, addr }
    }

    fn start_without_auth() -> Self {
        Self::start(&Home::empty(), &["--no-auth"])
    }

    /// Sends a raw request and returns the status and the raw response.
    fn send(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        read_response(&mut stream)
    }

    fn post(&self, authorization: Option<&str>, body: &str) -> (u16, String) {
        self.send(&request(authorization, body))
    }

    /// Stops the command with a signal. Returns the exit code and the unread rest of stdout and stderr.
    #[cfg(unix)]
    fn stop(mut self, signal: &str) -> (Option<i32>, String, String) {
        crate::support::signal(&self.child, signal);
        let code = self.child.wait().unwrap().code();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (code, without_times(&stdout), stderr)
    }
}

impl Drop for WebhookProcess {
    fn drop(&mut self) {
        // The process may have ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Reads a line, and no byte after it.
fn read_line(from: &mut impl std::io::Read) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') && from.read(&mut byte).unwrap() == 1 {
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

/// Returns the body of a delivery with this many events.
fn logins(count: usize) -> String {
    format!(r#"{{"events": [{}]}}"#, vec![r#"{"user_login": {"user_id": 7}}"#; count].join(","))
}

fn request(authorization: Option<&str>, body: &str) -> String {
    let authorization = authorization.map_or_else(String::new, |value| format!("authorization: {value}\r\n"));
    let length = body.len();
    format!("POST /any/path HTTP/1.1\r\nhost: x\r\n{authorization}content-length: {length}\r\n\r\n{body}")
}

fn read_response(stream: &mut TcpStream) -> (u16, String) {
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let status = response.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("0");
    (status.parse().unwrap(), response)
}

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("hook:{password}")))
}

/// Replaces each timestamp by `TIME`.
fn without_times(text: &str) -> String {
    let (mut replaced, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("20") {
        replaced.push_str(&rest[..at]);
        let from = &rest[at..];
        match from.split_at_checked("2026-11-25T17:31:46Z".len()) {
            Some((time, after)) if time.ends_with('Z') && time.get(4..5) == Some("-") => {
                replaced.push_str("TIME");
                rest = after;
            }
            _ => {
                replaced.push_str("20");
                rest = &from[2..];
            }
        }
    }
    replaced + rest
}

#[cfg(unix)]
#[test]
fn events_are_printed_as_table_rows() {
    let mut hook = WebhookProcess::start_without_auth();
    let head = read_line(hook.child.stdout.as_mut().unwrap());
    assert_eq!(head, "TIME                  EVENT        USER ID  LOGIN\n");
    assert_eq!(hook.post(None, ADA).0, 200);
    // The event is written at once, not at exit.
    let first = without_times(&read_line(hook.child.stdout.as_mut().unwrap()));
    assert_eq!(first, "TIME  user_update  7        ada\n");
    let hostile = r#"{"events": [{"user_login": {"login": "\u001b[2J\u202ex\ny"}}, {"\u009b31m": 1}]}"#;
    assert_eq!(hook.post(Some("ignored"), hostile).0, 200);
    assert_eq!(hook.post(None, COMPRESSED).0, 200);
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
fn events_are_printed_in_other_formats() {
    let mut all = String::new();
    for format in ["csv", "ndjson", "json"] {
        let hook = WebhookProcess::start(&Home::empty(), &["--no-auth", "--format", format]);
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
