//! `ultracart sim`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::support::{Home, KEY, SimProcess};

#[test]
fn one_line_says_where_it_is_and_with_which_key() {
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
        assert_eq!(rest, "", "one line and no more");
        assert_eq!(sim.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn without_a_key_it_makes_one() {
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
fn a_port_that_is_taken_is_said() {
    let sim = SimProcess::start(&[]);
    let port = sim.base_url().trim_start_matches("http://127.0.0.1:").trim_end_matches("/rest/v2");
    let ran = Home::empty().run(&["sim", "--port", port]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    insta::assert_snapshot!(ran.stderr.replace(port, "PORT"), @r"
    error: port PORT on 127.0.0.1 cannot be listened at
      why: Address already in use (os error 98)
      help: --port 0 takes any free one
    ");
}

#[test]
fn pages_and_limits_can_be_had() {
    let sim = SimProcess::start(&["--users", "7", "--page-size", "3", "--unlimited", "--latency", "1ms"]);
    assert_eq!(sim.home().json(&["users", "list"]).as_array().unwrap().len(), 7);
}

const PASSWORD: &str = "pa55word-of-the-webhook";

/// Takes deliveries at a URL and hands them on as they came.
fn receiver() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, deliveries) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // The test may have ended.
            _ = sender.send(delivery(stream.unwrap()));
        }
    });
    (url, deliveries)
}

fn delivery(mut stream: TcpStream) -> String {
    let mut reader = BufReader::new(&mut stream);
    let mut came = String::new();
    while !came.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut came).unwrap(), 0, "{came}");
    }
    let length = came.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let length = length.parse().unwrap();
    reader.take(length).read_to_string(&mut came).unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    came
}

#[test]
fn a_webhook_is_told_of_users() {
    let (url, deliveries) = receiver();
    let delivery = || deliveries.recv_timeout(Duration::from_mins(1)).unwrap();
    let home = || Home::empty().var("ULTRACART_SIMPLE_KEY", KEY).var("ULTRACART_WEBHOOK_PASSWORD", PASSWORD);
    let sim = SimProcess::start_in(&home(), &["--webhook", &url, "--webhook-user", "ada"]);
    // The same shell may call the account: the password is no setting that is not known.
    let caller = sim.home().var("ULTRACART_WEBHOOK_PASSWORD", PASSWORD);
    caller.data(&["users", "update", "3", "--phone", "555"]);
    let told = delivery();
    assert!(told.starts_with("POST /hook HTTP/1.1\r\n"), "{told}");
    assert!(told.contains("\r\nauthorization: Basic YWRhOnBhNTV3b3JkLW9mLXRoZS13ZWJob29r\r\n"), "{told}");
    let body = told.split_once("\r\n\r\n").unwrap().1;
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["events"][0]["user_update"]["phone"], "555");
    assert_eq!(caller.run(&["users", "delete", "3"]).code, Some(0));
    assert!(delivery().contains(r#"{"events":[{"user_delete":{"user_id":3,"#));

    let sim = SimProcess::start_in(&home(), &["--webhook", &url, "--webhook-compressed"]);
    sim.home().data(&["users", "update", "3", "--phone", "555"]);
    let told = delivery();
    assert!(told.contains("\r\n\r\n{\"events\":\"H4sI"), "{told}");
    assert!(!told.contains("authorization"), "a password without a user is nobody's");
}

#[test]
fn a_webhook_that_cannot_be_told_is_said() {
    let home = Home::empty().var("ULTRACART_WEBHOOK_PASSWORD", PASSWORD);
    let ran = home.run(&["sim", "--webhook", "https://example.com/"]);
    insta::assert_snapshot!(ran.failure(&home), @r"
    2
    error: the URL of --webhook cannot be delivered to
      why: only http:// can be delivered to
    ");
    let home = Home::empty();
    // It would fail here too, instead of serving for ever.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran =
        home.run(&["sim", "--port", &port, "--webhook", "http://127.0.0.1:9/", "--webhook-user", "ada"]);
    insta::assert_snapshot!(ran.failure(&home), @r"
    2
    error: ULTRACART_WEBHOOK_PASSWORD holds no password
      help: --webhook-user needs one
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
