//! The `sim` command.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::support::{Home, KEY, SimProcess};

#[test]
fn sim_prints_its_url_and_key_on_one_line() {
    let mut sim = SimProcess::start(&["--port", "0", "--users", "3", "--groups", "2", "--seed", "5"]);
    assert!(sim.line.starts_with("simulated account at http://127.0.0.1:"), "{}", sim.line);
    assert!(sim.line.ends_with(&format!("/rest/v2, simple key {KEY}\n")), "{}", sim.line);
    assert_eq!(sim.home().json(&["users", "list"]).as_array().unwrap().len(), 3);
    assert_eq!(sim.home().json(&["groups", "list"]).as_array().unwrap().len(), 2);
    #[cfg(unix)]
    {
        crate::support::signal(&sim.child, "TERM");
        let mut rest = String::new();
        sim.child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "the line is all of stdout");
        assert_eq!(sim.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn sim_without_key_generates_a_random_one() {
    let homes = [Home::empty(), Home::empty()];
    let keys: Vec<String> = homes
        .iter()
        .map(|home| SimProcess::start_in(home, &[]).line.trim_end().rsplit(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(keys[0].len(), 32);
    assert_ne!(keys[0], keys[1]);
    let sim = SimProcess::start(&[]);
    let wrong = sim.home().var("ULTRACART_SIMPLE_KEY", &keys[0]).run(&["users", "list"]);
    assert!(wrong.stderr.contains("401"), "{}", wrong.stderr);
}

#[test]
fn sim_on_a_used_port_is_an_error() {
    let sim = SimProcess::start(&[]);
    let port = sim.base_url().trim_start_matches("http://127.0.0.1:").trim_end_matches("/rest/v2");
    let ran = Home::empty().run(&["sim", "--port", port]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    insta::assert_snapshot!(ran.stderr.replace(port, "PORT"), @r"
    error: the simulated account cannot listen on 127.0.0.1:PORT
      why: Address already in use (os error 98)
      help: --port 0 selects a free port
    ");
}

#[test]
fn sim_flags_set_pages_and_limits() {
    let sim = SimProcess::start(&["--users", "7", "--page-size", "3", "--unlimited", "--latency", "1ms"]);
    assert_eq!(sim.home().json(&["users", "list"]).as_array().unwrap().len(), 7);
}

const PASSWORD: &str = "pa55word-of-the-webhook";

/// Starts a server that accepts deliveries. Returns its URL and a channel of the raw requests.
fn receiver() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, deliveries) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // The test may have ended.
            _ = sender.send(read_delivery(stream.unwrap()));
        }
    });
    (url, deliveries)
}

fn read_delivery(mut stream: TcpStream) -> String {
    let mut reader = BufReader::new(&mut stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut request).unwrap(), 0, "{request}");
    }
    let length = request.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let length = length.parse().unwrap();
    reader.take(length).read_to_string(&mut request).unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    request
}

#[test]
fn sim_webhook_receives_events_about_users() {
    let (url, deliveries) = receiver();
    let delivery = || deliveries.recv_timeout(Duration::from_mins(1)).unwrap();
    let home = || Home::empty().var("ULTRACART_SIMPLE_KEY", KEY).var("ULTRACART_WEBHOOK_PASSWORD", PASSWORD);
    let sim = SimProcess::start_in(&home(), &["--webhook", &url, "--webhook-user", "ada"]);
    // The client's configuration ignores the variable, which may be set in the same shell.
    let caller = sim.home().var("ULTRACART_WEBHOOK_PASSWORD", PASSWORD);
    caller.stdout(&["users", "update", "3", "--phone", "555"]);
    let delivered = delivery();
    assert!(delivered.starts_with("POST /hook HTTP/1.1\r\n"), "{delivered}");
    assert!(
        delivered.contains("\r\nauthorization: Basic YWRhOnBhNTV3b3JkLW9mLXRoZS13ZWJob29r\r\n"),
        "{delivered}"
    );
    let body = delivered.split_once("\r\n\r\n").unwrap().1;
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["events"][0]["user_update"]["phone"], "555");
    assert_eq!(caller.run(&["users", "delete", "3"]).code, Some(0));
    assert!(delivery().contains(r#"{"events":[{"user_delete":{"user_id":3,"#));

    let sim = SimProcess::start_in(&home(), &["--webhook", &url, "--webhook-compressed"]);
    sim.home().stdout(&["users", "update", "3", "--phone", "555"]);
    let delivered = delivery();
    assert!(delivered.contains("\r\n\r\n{\"events\":\"H4sI"), "{delivered}");
    assert!(!delivered.contains("authorization"), "a password without --webhook-user is not used");
}

#[test]
fn sim_webhook_with_bad_flags_is_an_error() {
    let home = Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", PASSWORD);
    let ran = home.run(&["sim", "--webhook", "https://example.com/"]);
    insta::assert_snapshot!(ran.failure(&home), @"
    2
    error: the URL of --webhook is invalid
      why: the webhook URL must start with http://
    ");
    let home = Home::empty();
    // The port is in use, so that a command that accepts the flags fails instead of running forever.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran =
        home.run(&["sim", "--port", &port, "--webhook", "http://127.0.0.1:9/", "--webhook-user", "ada"]);
    insta::assert_snapshot!(ran.failure(&home), @r"
    2
    error: --webhook-user needs a password
      help: set ULTRACART_WEBHOOK_PASSWORD to the password of the webhook
    ");
    let ran = home.run(&["sim", "--port", &port, "--webhook-user", "ada"]);
    insta::assert_snapshot!(ran.failure(&home), @r"
    2
    error: the following required arguments were not provided:
      --webhook <URL>

    Usage: ultracart sim --webhook <URL> --port <PORT> --webhook-user <NAME>

    For more information, try '--help'.
    ");
}
