//! No credential appears anywhere, however much is logged.

use http::StatusCode;
use ultracart_sim::{Fault, Operation, Sim};

use crate::account::Account;
use crate::support::{Home, KEY, Ran};

const PASSWORD: &str = "pa55word-of-the-test";
const TOKEN: &str = "r3fresh-token-of-the-test";

fn loud(home: Home) -> Home {
    home.var("RUST_LOG", "trace").var("RUST_BACKTRACE", "1")
}

fn assert_silent_about(ran: &Ran, secrets: &[&str], arguments: &[&str]) {
    for secret in secrets {
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains(secret), "{arguments:?} shows {secret}: {text}");
        }
    }
}

#[test]
fn the_simple_key_and_passwords() {
    let account = Account::of(Sim::builder().users(5));
    account.sim.fault(Fault::error(StatusCode::BAD_REQUEST, "no").on(Operation::GetUserLogins));
    account.sim.fault(Fault::html_502().on(Operation::GetGroups));
    let home = loud(account.home());
    home.write("password", PASSWORD);
    home.write("user.json", format!(r#"{{"login": "bob", "change_password_to": "{PASSWORD}"}}"#));
    home.write("key", format!("{KEY} \n"));
    let mut logged = 0;
    for arguments in [
        &["users", "list"][..],
        &["users", "get", "3"],
        &["users", "get", "99999"],
        &["users", "logins", "3"],
        &["users", "insert", "--login", "ada", "--password-file", "password"],
        &["users", "insert", "--file", "user.json"],
        &["users", "update", "3", "--password-file", "password"],
        &["groups", "list"],
        &["audit", "--out", "audit"],
        &["audit", "--resume", "--out", "audit"],
        &["config", "show"],
        &["config", "show", "--format", "json"],
        &["config", "show", "--base-url", "http://example.com"],
        &["users", "list", "--base-url", "http://127.0.0.1:9"],
    ] {
        let ran = home.run(&[arguments, &["-vvv"]].concat());
        assert_silent_about(&ran, &[KEY, PASSWORD], arguments);
        logged += ran.stderr.matches(" DEBUG ").count() + ran.stderr.matches(" TRACE ").count();
        let foreign = ["hyper", "reqwest", "rustls", "h2::"].map(|name| format!(" {name}"));
        let verbose = |line: &&str| line.contains(" DEBUG ") || line.contains(" TRACE ");
        let leaks =
            ran.stderr.lines().filter(verbose).find(|line| foreign.iter().any(|name| line.contains(name)));
        assert_eq!(leaks, None, "a library's own log");
    }
    assert!(logged > 10, "there are logs to look through");
    let keys = account.sim.requests();
    assert!(keys.len() > 10, "and calls were made");

    let home = home.var("ULTRACART_AUTH__SIMPLE_KEY_FILE", "key");
    for wrong in [" ", "\n"] {
        let home = Home::of("https://127.0.0.1:9").var("ULTRACART_SIMPLE_KEY", &format!("{KEY}{wrong}{KEY}"));
        let ran = loud(home).run(&["users", "list", "-vvv"]);
        assert_eq!(ran.code, Some(2));
        assert_silent_about(&ran, &[KEY], &["a key that is none"]);
    }
    drop(home);
}

#[test]
fn oauth_tokens() {
    let account = Account::of(Sim::builder().users(5).oauth("app", TOKEN));
    let home = loud(Home::empty())
        .var("ULTRACART_BASE_URL", &account.base_url())
        .var("ULTRACART_AUTH__OAUTH__CLIENT_ID", "app")
        .var("ULTRACART_AUTH__OAUTH__REFRESH_TOKEN_FILE", "token");
    home.write("token", TOKEN);
    let ran = home.run(&["users", "list", "-vvv"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let next = crate::support::text(&home.path("token"));
    assert_ne!(next.trim(), TOKEN, "each refresh replaces it");
    assert_silent_about(&ran, &[TOKEN, next.trim()], &["users", "list"]);
    let again = home.run(&["users", "list", "-vvv"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(home.path("token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // An access token never stands without this word before it.
    assert!(!ran.stderr.contains("Bearer"), "{}", ran.stderr);
}
