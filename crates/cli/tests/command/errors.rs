//! Messages of failed calls.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use ultracart_sim::{Fault, Sim};

use crate::account::Account;
use crate::support::{Home, KEY};

fn failure(account: &Account, arguments: &[&str]) -> String {
    let home = account.home();
    home.run(arguments).failure(&home)
}

fn users_list_failure(fault: Fault) -> String {
    failure(&Account::with_fault(fault), &["users", "list"])
}

#[test]
fn unauthorized_401_suggests_checking_the_credential() {
    insta::assert_snapshot!(users_list_failure(Fault::unauthorized_401()), @r"
    1
    error: get_users: 401 Unauthorized: Invalid credentials.
      why: the response names the account DEMO
      help: check the credential: `ultracart config show` shows which one is used; UltraCart's back office shows whether it is valid and may use the User API
    ");
}

#[test]
fn gone_410_says_application_is_disabled() {
    insta::assert_snapshot!(users_list_failure(Fault::gone_410()), @r"
    1
    error: get_users: 410 Gone: This application has been disabled by UltraCart.
      why: the response names the account DEMO
      help: UltraCart disabled this application: make no more calls, and ask UltraCart's support why
    ");
}

/// Runs a command with this refresh token and returns its failure. The only valid token is `r0`.
///
/// If `blocker` is given, a file with this path is created before the run. The path `token.new/x` makes
/// `token.new` a folder. Then the command cannot write the new token to a file named `token.new`.
fn oauth_failure(token: &str, blocker: Option<&str>) -> String {
    let account = Account::from_builder(Sim::builder().users(5).oauth("app", "r0"));
    let home = Home::empty()
        .var("ULTRACART_BASE_URL", &account.base_url())
        .var("ULTRACART_AUTH__OAUTH__CLIENT_ID", "app")
        .var("ULTRACART_AUTH__OAUTH__REFRESH_TOKEN_FILE", "token");
    home.write("token", token);
    if let Some(path) = blocker {
        home.write(path, "");
    }
    home.run(&["--quiet", "users", "list"]).failure(&home)
}

#[test]
fn failed_token_refresh_says_what_to_do() {
    insta::assert_snapshot!(oauth_failure("stolen", None), @"
    1
    error: get_users: the token refresh failed: The refresh token is not valid, or was used before; if the refresh token was used or revoked elsewhere, authorize the application again
      help: a refresh token works once: if it was used elsewhere, or its successor was not stored, authorize the application again and write the new refresh token to the file of `auth.oauth.refresh_token_file`
    ");
    insta::assert_snapshot!(oauth_failure("r0", Some("token.new/x")), @"
    2
    error: get_users: token.new cannot be written, so the next refresh token would be lost, and nothing was sent: let this program write there, or set `auth.oauth.refresh_token_file` to another file
      why: Is a directory (os error 21)
      help: `ultracart config show` shows every setting and where it comes from
    ");
}

#[test]
fn rejection_429_names_other_programs() {
    insta::assert_snapshot!(users_list_failure(Fault::too_many_requests()), @r"
    1
    error: get_users: 429 Too Many Requests: rate of 1000 per 3600 second(s) exceeded.
      why: the response names the account DEMO
      help: another program spends the same quota (with the same key, or from the same IP address): wait, or lower `limiter.windows` to your share
    ");
}

#[test]
fn server_error_suggests_trying_again() {
    insta::assert_snapshot!(users_list_failure(Fault::status_500()), @r"
    1
    error: get_users: 500 Internal Server Error: An internal error occurred.
      why: the response names the account DEMO
      help: try again later: the server or the network failed
    ");
    insta::assert_snapshot!(users_list_failure(Fault::html_502()), @"
    1
    error: get_users: 502 Bad Gateway: the response is HTML, so it came from a proxy and not from the API
      help: try again later: the server or the network failed
    ");
}

#[test]
fn unexpected_response_suggests_checking_the_url() {
    let html = Response::new(Bytes::from_static(b"<html><body>Welcome to the hotel's network</body></html>"));
    insta::assert_snapshot!(users_list_failure(Fault::response(html)), @r"
    1
    error: get_users: the response is HTML, so it came from a proxy and not from the API
      help: check that http://127.0.0.1:PORT/rest/v2 is the URL of UltraCart's API: another server seems to respond there
    ");
    insta::assert_snapshot!(users_list_failure(Fault::redirect("https://example.com/")), @"
    1
    error: get_users: 307 Temporary Redirect: the server redirects to another URL, which is not followed; check `api.base_url`
      help: check that http://127.0.0.1:PORT/rest/v2 is the URL of UltraCart's API: another server seems to respond there
    ");
    insta::assert_snapshot!(users_list_failure(Fault::nested_body(100_000)), @r"
    1
    error: get_users: the response does not match the API documentation at line 1, column 200026: nested too deeply
      help: check that http://127.0.0.1:PORT/rest/v2 is the URL of UltraCart's API: another server seems to respond there
    ");
    insta::assert_snapshot!(users_list_failure(Fault::cut_body()), @"
    1
    error: get_users: the connection ended before the response was complete
      why: error decoding response body: error reading a body from connection: end of file before message length reached
      help: try again later: the server or the network failed
    ");
}

#[test]
fn pagination_loop_is_an_error() {
    let body = r#"{"users":[{"user_id":1}],"metadata":{"result_set":{"more":true,"next_offset":1}}}"#;
    insta::assert_snapshot!(users_list_failure(Fault::response(Response::new(Bytes::from_static(body.as_bytes())))), @"
    1
    error: get_users: the server reports another page of the list, but page 2 has no new objects (after 2 requests)
      help: the incomplete list was discarded: try again later, and tell UltraCart's support if this error stays
    ");
}

#[test]
fn control_characters_in_error_body_are_replaced() {
    let ran =
        users_list_failure(Fault::error(StatusCode::BAD_REQUEST, "no\u{1b}[2J \u{202e}such thing\u{9b}"));
    insta::assert_snapshot!(ran, @r"
    1
    error: get_users: 400 Bad Request: no [2J  such thing
      why: the response names the account DEMO
    ");
}

#[test]
fn control_characters_in_error_header_are_replaced() {
    // A scripted response, since the simulated account replaces control characters in its own headers.
    let failure_with_header = |bytes: &[u8]| {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::BAD_REQUEST;
        for name in ["uc-rest-error", "uc-rest-error-merchant-id"] {
            response.headers_mut().insert(name, HeaderValue::from_bytes(bytes).unwrap());
        }
        users_list_failure(Fault::response(response))
    };
    let mut messages = failure_with_header(b"a\xc2\x9bb\xe2\x80\xae");
    // Bytes that are not valid UTF-8.
    messages += &failure_with_header(b"c\x9bd\xe2\x80");
    insta::assert_snapshot!(messages, @r"
    1
    error: get_users: 400 Bad Request: a b
      why: the response names the account a b
    1
    error: get_users: 400 Bad Request: c�d�
      why: the response names the account c�d�
    ");
}

#[test]
fn missing_object_suggests_listing_ids() {
    insta::assert_snapshot!(failure(&Account::new(), &["users", "get", "99999"]), @r"
    1
    error: get_user: 400 Bad Request: user_id 99999 does not exist.
      why: the response names the account DEMO
      help: `ultracart users list` and `ultracart groups list` show the valid IDs
    ");
    insta::assert_snapshot!(failure(&Account::new(), &["groups", "delete", "99999"]), @r"
    1
    error: delete_group: 400 Bad Request: group_oid 99999 does not exist.
      why: the response names the account DEMO
      help: `ultracart users list` and `ultracart groups list` show the valid IDs
    ");
}

#[test]
fn write_without_response_may_have_been_made() {
    let account = Account::with_fault(Fault::reset_after());
    insta::assert_snapshot!(failure(&account, &["users", "insert", "--login", "ada"]), @"
    1
    error: insert_user: the connection ended before the response was complete
      why: error sending request: client error (SendRequest): connection error: Connection reset by peer (os error 104)
      help: try again later: the server or the network failed
      help: UltraCart may have made the change: check before you repeat the command
    ");
}

#[test]
fn refused_connection_suggests_checking_the_url() {
    let home = Home::without_account();
    let ran = home.run(&["users", "list"]).failure(&home);
    insta::assert_snapshot!(ran, @r"
    1
    error: get_users: no connection to the server
      why: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)
      help: check that http://127.0.0.1:PORT/rest/v2 is right and that this machine can reach it; HTTPS_PROXY sets a proxy
    ");
}

#[test]
fn slow_or_large_response_names_its_setting() {
    let account = Account::from_builder(Sim::builder().users(20).latency(Duration::from_mins(1)));
    let home = account.home().var("ULTRACART_HTTP__REQUEST_TIMEOUT", "50ms");
    insta::assert_snapshot!(home.run(&["users", "list"]).failure(&home), @"
    1
    error: get_users: no complete response within `http.request_timeout`
      help: try again later, or raise `http.request_timeout`
    ");
    let account = Account::new();
    let home = account.home().var("ULTRACART_HTTP__MAX_BODY", "1024");
    insta::assert_snapshot!(home.run(&["users", "list"]).failure(&home), @"
    1
    error: get_users: the response body is longer than `http.max_body` allows (1024 bytes)
      help: raise `http.max_body` if you expect a response of this size
    ");
}

#[test]
fn wait_above_max_wait_fails_at_once() {
    let account = Account::new();
    let home = account
        .home()
        .var("ULTRACART_LIMITER__WINDOWS", "[{calls = 1, per = '1h'}]")
        .var("ULTRACART_LIMITER__SPARE", "0")
        .var("ULTRACART_LIMITER__MAX_WAIT", "0s");
    let ran = home.run(&["users", "update", "7", "--phone", "1"]).failure(&home);
    insta::assert_snapshot!(ran.replace("59m 59s", "1h"), @"
    1
    error: update_user: the wait for a permit would be 1h, longer than `limiter.max_wait` (0s)
      help: wait, or raise `limiter.max_wait`
    ");
    assert!(!ran.contains(KEY));
}
