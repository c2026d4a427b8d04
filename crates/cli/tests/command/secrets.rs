//! No credential appears anywhere, however much is logged.

use std::collections::HashSet;

use bytes::Bytes;
use http::{Response, StatusCode};
use ultracart_model::Token;
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
        assert!(!secret.is_empty());
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
    assert!(account.sim.requests().len() > 10, "and calls were made");

    for wrong in [" ", "\n"] {
        let home = Home::of("https://127.0.0.1:9").var("ULTRACART_SIMPLE_KEY", &format!("{KEY}{wrong}{KEY}"));
        let ran = loud(home).run(&["users", "list", "-vvv"]);
        assert_eq!(ran.code, Some(2));
        assert_silent_about(&ran, &[KEY], &["a key that is none"]);
    }
}

#[test]
fn a_simple_key_in_a_file() {
    let account = Account::of(Sim::builder().users(5));
    let home = loud(Home::empty())
        .var("ULTRACART_BASE_URL", &account.base_url())
        .var("ULTRACART_AUTH__SIMPLE_KEY_FILE", "key");
    home.write("key", format!("{KEY}\n"));
    for (arguments, code) in [
        (&["users", "list"][..], 0),
        (&["users", "get", "99999"], 1),
        (&["audit", "--out", "audit"], 0),
        (&["config", "show"], 0),
        (&["config", "show", "--format", "json"], 0),
    ] {
        let ran = home.run(&[arguments, &["-vvv"]].concat());
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}", ran.stderr);
        assert_silent_about(&ran, &[KEY], arguments);
    }
    assert_eq!(account.sim.calls(), 2 + 7, "the key was read and used");

    for wrong in [format!("{KEY} {KEY}\n"), format!("{KEY}\n{KEY}\n"), format!("\u{e9}{KEY}")] {
        home.write("key", &wrong);
        let ran = home.run(&["users", "list", "-vvv"]);
        assert_eq!(ran.code, Some(2), "{wrong:?}: {}", ran.stderr);
        assert_silent_about(&ran, &[KEY], &["a file that holds no key"]);
    }
}

fn with_oauth(account: &Account) -> Home {
    loud(Home::empty())
        .var("ULTRACART_BASE_URL", &account.base_url())
        .var("ULTRACART_AUTH__OAUTH__CLIENT_ID", "app")
        .var("ULTRACART_AUTH__OAUTH__REFRESH_TOKEN_FILE", "token")
        .var("ULTRACART_RETRY__MAX_ATTEMPTS", "1")
}

#[test]
fn oauth_tokens() {
    let account = Account::of(Sim::builder().users(5).oauth("app", TOKEN));
    let home = with_oauth(&account);
    home.write("token", TOKEN);
    let mut refresh_tokens = vec![TOKEN.to_owned()];
    for arguments in [&["users", "list", "-vvv"][..], &["users", "get", "99999", "-vvv"]] {
        let ran = home.run(arguments);
        refresh_tokens.push(crate::support::text(&home.path("token")).trim().to_owned());
        let access_tokens = account.sim.access_tokens();
        assert_eq!(access_tokens.len(), refresh_tokens.len() - 1, "{}", ran.stderr);
        let mut secrets: Vec<&str> = access_tokens.iter().map(Token::expose).collect();
        secrets.extend(refresh_tokens.iter().map(String::as_str));
        assert!(ran.stderr.contains(" DEBUG "), "there are logs to look through: {}", ran.stderr);
        assert_silent_about(&ran, &secrets, arguments);
    }
    assert_eq!(account.sim.calls(), 2);
    assert_eq!(refresh_tokens.iter().collect::<HashSet<_>>().len(), 3, "each refresh replaces it");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(home.path("token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn oauth_tokens_where_no_new_one_is_had() {
    const ACCESS: &str = "acc3ss-token-of-the-test";
    const NEXT: &str = "n3xt-token-of-the-test";
    let account = Account::of(Sim::builder().users(5).oauth("app", "another-token"));
    let home = with_oauth(&account);
    home.write("token", TOKEN);
    let answer = |status: StatusCode, body: String| {
        let mut answer = Response::new(Bytes::from(body));
        *answer.status_mut() = status;
        Some(Fault::answer(answer).on(Operation::OauthAccessToken))
    };
    let whole = format!(r#""access_token": "{ACCESS}", "refresh_token": "{NEXT}""#);
    for fault in [
        // The account knows no such token.
        None,
        // It quotes the token that was sent.
        answer(
            StatusCode::BAD_REQUEST,
            format!(r#"{{"error": "invalid_grant", "error_description": "no token {TOKEN}"}}"#),
        ),
        answer(StatusCode::OK, format!(r#"{{{whole}, "expires_in": []}}"#)),
        answer(
            StatusCode::OK,
            format!(r#"{{"refresh_token": "{NEXT}", "access_token": {{"{ACCESS}": 1}}}}"#),
        ),
        answer(StatusCode::OK, format!("<html>{TOKEN} {ACCESS} {NEXT}</html>")),
        answer(StatusCode::BAD_REQUEST, format!("{{{whole}}}")),
        answer(StatusCode::BAD_GATEWAY, format!("{TOKEN} {ACCESS} {NEXT}")),
    ] {
        account.sim.script(fault);
        let ran = home.run(&["users", "list", "-vvv"]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains("error: get_users: "), "{}", ran.stderr);
        assert_silent_about(&ran, &[TOKEN, ACCESS, NEXT], &["users", "list"]);
    }
    // A life that cannot be read is no reason not to try the token that came with it.
    assert_eq!((account.sim.faults_left(), account.sim.calls()), (0, 1));
}
