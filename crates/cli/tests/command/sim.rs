//! `ultracart sim`.

use std::io::Read as _;

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
