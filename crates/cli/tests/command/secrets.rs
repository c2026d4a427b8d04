//! No credential appears in outputs or logs, even at the most verbose level.

use std::collections::HashSet;

use bytes::Bytes;
use http::{Response, StatusCode};
use ultracart_model::Token;
use ultracart_sim::{Fault, Operation, Sim};

use crate::account::Account;
use crate::support::{Home, KEY, RunOutput};

const PASSWORD: &str = "pa55word-of-the-test";
const TOKEN: &str = "r3fresh-token-of-the-test";

fn with_trace_logs(home: Home) -> Home {
    home.var("RUST_LOG", "trace").var("RUST_BACKTRACE", "1")
}

fn assert_hides(ran: &RunOutput, secrets: &[&str], arguments: &[&str]) {
    for secret in secrets {
        assert!(!secret.is_empty());
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains(secret), "{arguments:?} shows {secret}: {text}");
        }
    }
}

#[test]
fn logs_and_output_hide_key_and_passwords() {
    let account = Account::from_builder(Sim::builder().users(5));
    account.sim.fault(Fault::error(StatusCode::BAD_REQUEST, "no").on(Operation::GetUserLogins));
    account.sim.fault(Fault::html_502().on(Operation::GetGroups));
    let home = with_trace_logs(account.home());
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
        assert_hides(&ran, &[KEY, PASSWORD], arguments);
        logged += ran.stderr.matches(" DEBUG ").count() + ran.stderr.matches(" TRACE ").count();
        let foreign = ["hyper", "reqwest", "rustls", "h2::"].map(|name| format!(" {name}"));
        let verbose = |line: &&str| line.contains(" DEBUG ") || line.contains(" TRACE ");
        let leaks =
            ran.stderr.lines().filter(verbose).find(|line| foreign.iter().any(|name| line.contains(name)));
        assert_eq!(leaks, None, "verbose logs of other crates are hidden");
    }
    assert!(logged > 10, "there are logs to search");
    assert!(account.sim.requests().len() > 10, "calls were made");

    for wrong in [" ", "\n"] {
        let home = Home::for_account("https://127.0.0.1:9")
            .var("ULTRACART_SIMPLE_KEY", &format!("{KEY}{wrong}{KEY}"));
        let ran = with_trace_logs(home).run(&["users", "list", "-vvv"]);
        assert_eq!(ran.code, Some(2));
        assert_hides(&ran, &[KEY], &["an invalid key"]);
    }
}

#[test]
fn logs_and_output_hide_key_from_file() {
    let account = Account::from_builder(Sim::builder().users(5));
    let home = with_trace_logs(Home::empty())
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
        assert_hides(&ran, &[KEY], arguments);
    }
    assert_eq!(account.sim.calls(), 2 + 7, "the key was used");

    for wrong in [format!("{KEY} {KEY}\n"), format!("{KEY}\n{KEY}\n"), format!("\u{e9}{KEY}")] {
        home.write("key", &wrong);
        let ran = home.run(&["users", "list", "-vvv"]);
        assert_eq!(ran.code, Some(2), "{wrong:?}: {}", ran.stderr);
        assert_hides(&ran, &[KEY], &["a file with an invalid key"]);
    }
}

fn with_oauth(account: &Account) -> Home {
    with_trace_logs(Home::empty())
        .var("ULTRACART_BASE_URL", &account.base_url())
        .var("ULTRACART_AUTH__OAUTH__CLIENT_ID", "app")
        .var("ULTRACART_AUTH__OAUTH__REFRESH_TOKEN_FILE", "token")
        .var("ULTRACART_RETRY__MAX_ATTEMPTS", "1")
}

#[test]
fn logs_and_output_hide_oauth_tokens() {
    let account = Account::from_builder(Sim::builder().users(5).oauth("app", TOKEN));
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
        assert!(ran.stderr.contains(" DEBUG "), "there are logs to search: {}", ran.stderr);
        assert_hides(&ran, &secrets, arguments);
    }
    assert_eq!(account.sim.calls(), 2);
    assert_eq!(
        refresh_tokens.iter().collect::<HashSet<_>>().len(),
        3,
        "each token refresh replaces the refresh token"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(home.path("token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn failed_token_refresh_hides_oauth_tokens() {
    const ACCESS: &str = "acc3ss-token-of-the-test";
    const NEXT: &str = "n3xt-token-of-the-test";
    let account = Account::from_builder(Sim::builder().users(5).oauth("app", "another-token"));
    let home = with_oauth(&account);
    home.write("token", TOKEN);
    let response = |status: StatusCode, body: String| {
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        Some(Fault::response(response).on(Operation::OauthAccessToken))
    };
    let tokens = format!(r#""access_token": "{ACCESS}", "refresh_token": "{NEXT}""#);
    for fault in [
        // The account declines the token.
        None,
        // The response quotes the sent token.
        response(
            StatusCode::BAD_REQUEST,
            format!(r#"{{"error": "invalid_grant", "error_description": "no token {TOKEN}"}}"#),
        ),
        response(StatusCode::OK, format!(r#"{{{tokens}, "expires_in": []}}"#)),
        response(
            StatusCode::OK,
            format!(r#"{{"refresh_token": "{NEXT}", "access_token": {{"{ACCESS}": 1}}}}"#),
        ),
        response(StatusCode::OK, format!("<html>{TOKEN} {ACCESS} {NEXT}</html>")),
        response(StatusCode::BAD_REQUEST, format!("{{{tokens}}}")),
        response(StatusCode::BAD_GATEWAY, format!("{TOKEN} {ACCESS} {NEXT}")),
    ] {
        account.sim.script(fault);
        let ran = home.run(&["users", "list", "-vvv"]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains("error: get_users: "), "{}", ran.stderr);
        assert_hides(&ran, &[TOKEN, ACCESS, NEXT], &["users", "list"]);
    }
    // The one call was made with the token whose `expires_in` is invalid: its lifetime is unknown, but it may
    // be valid.
    assert_eq!((account.sim.faults_left(), account.sim.calls()), (0, 1));
}
