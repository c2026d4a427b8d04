//! SIGHUP: the configuration is read again.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader};

use ultracart_sim::Sim;

use crate::account::Account;
use crate::support::signal;

#[test]
fn a_review_goes_on_by_the_limits_that_its_file_has_now() {
    let account = Account::of(Sim::builder().users(12));
    let home = account.home();
    let file =
        |windows: &str| home.write("config.toml", format!("[limiter]\nspare = 0\nwindows = {windows}\n"));
    let config = file("[{ calls = 4, per = \"10h\" }]");
    let arguments = ["--config", config.to_str().unwrap(), "audit", "--out", "audit"];
    let mut child = home.command(&arguments).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = move || {
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        line
    };
    assert_eq!(
        line(),
        "12 users; 12 more calls to make, one for each history that is to be read; about 1d 1h at what is left of the \
         quota: 2 calls at once, then one every 2h 30m (4 in 10h)\n"
    );
    while account.sim.calls() < 4 {
        std::thread::yield_now();
    }
    file("[]");
    signal(&child, "HUP");
    assert_eq!(
        line(),
        "warning: the configuration was read again, and nothing is changed, since it cannot be used:\n"
    );
    assert!(line().starts_with("warning: `limiter.windows` is []"));
    file("[{ calls = 1000, per = \"10h\" }]");
    signal(&child, "HUP");
    assert_eq!(line(), "the configuration was read again: `[limiter]` holds from now on\n");
    assert!(line().starts_with("12 of 12 histories"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(account.sim.calls(), 14);
}
