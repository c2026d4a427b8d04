//! Reload of the configuration at SIGHUP.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader};

use ultracart_sim::Sim;

use crate::account::Account;
use crate::support::signal;

#[test]
fn sighup_applies_new_limits_to_a_running_review() {
    let account = Account::from_builder(Sim::builder().users(12));
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
        "12 users; 12 more calls to make, one for each remaining login history; about 1d 1h with the remaining quota: \
         2 calls at once, then one every 2h 30m (4 in 10h)\n"
    );
    while account.sim.calls() < 4 {
        std::thread::yield_now();
    }
    file("[]");
    signal(&child, "HUP");
    assert_eq!(
        line(),
        "warning: the configuration was reloaded and is invalid; the previous settings stay in use:\n"
    );
    assert!(line().starts_with("warning: `limiter.windows` is []"));
    file("[{ calls = 1000, per = \"10h\" }]");
    signal(&child, "HUP");
    assert_eq!(line(), "the configuration was reloaded; the new `[limiter]` settings apply from now on\n");
    assert!(line().starts_with("12 of 12 login histories"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(account.sim.calls(), 14);
}
