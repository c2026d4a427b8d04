//! What a user reads when a call fails.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use ultracart_sim::{Fault, Sim};

use crate::account::Account;
use crate::support::{Home, KEY};

fn said(account: &Account, arguments: &[&str]) -> String {
    let home = account.home();
    home.run(arguments).failure(&home)
}

fn of(fault: Fault) -> String {
    said(&Account::with(fault), &["users", "list"])
}

#[test]
fn a_credential_that_is_not_accepted() {
    insta::assert_snapshot!(of(Fault::unauthorized_401()), @r"
    1
    error: get_users: 401 Unauthorized: Invalid credentials.
      why: it is about the account DEMO
      help: check the credential: `ultracart config show` says which one is used, and UltraCart's back office whether it is still valid and may use the User API
    ");
}

#[test]
fn a_disabled_application() {
    insta::assert_snapshot!(of(Fault::gone_410()), @r"
    1
    error: get_users: 410 Gone: This application has been disabled by UltraCart.
      why: it is about the account DEMO
      help: UltraCart disabled this application: make no more calls, and ask UltraCart's support why
    ");
}

/// With the refresh token `r0`, and what is in the file in its place.
fn of_oauth(token: &str, in_the_way: Option<&str>) -> String {
    let account = Account::of(Sim::builder().users(5).oauth("app", "r0"));
    let home = Home::empty()
        .var("ULTRACART_BASE_URL", &account.base_url())
        .var("ULTRACART_AUTH__OAUTH__CLIENT_ID", "app")
        .var("ULTRACART_AUTH__OAUTH__REFRESH_TOKEN_FILE", "token");
    home.write("token", token);
    if let Some(path) = in_the_way {
        home.write(path, "");
    }
    home.run(&["--quiet", "users", "list"]).failure(&home)
}

#[test]
fn an_oauth_token_that_is_used_up_or_could_not_be_kept() {
    insta::assert_snapshot!(of_oauth("stolen", None), @r"
    1
    error: get_users: no new token: The refresh token is not valid, or was used before; if the refresh token was used or revoked elsewhere, authorize the application again
      help: a refresh token works once: where it was used elsewhere, or the next one could not be stored, write the one of a new authorization to the file of `auth.oauth.refresh_token_file`
    ");
    insta::assert_snapshot!(of_oauth("r0", Some("token.new/x")), @r"
    2
    error: get_users: token.new cannot be written, and the next refresh token would be lost, so nothing was sent: see that this program can write there, or set `auth.oauth.refresh_token_file` to a file elsewhere
      why: Is a directory (os error 21)
      help: `ultracart config show` shows every setting and where it comes from
    ");
}

#[test]
fn a_quota_that_others_spend() {
    insta::assert_snapshot!(of(Fault::too_many_requests()), @r"
    1
    error: get_users: 429 Too Many Requests: rate of 1000 per 3600 second(s) exceeded.
      why: it is about the account DEMO
      help: somebody else spends the same quota (the same key, or another program behind the same address): wait, or lower `limiter.windows` to your share
    ");
}

#[test]
fn a_server_that_fails() {
    insta::assert_snapshot!(of(Fault::status_500()), @r"
    1
    error: get_users: 500 Internal Server Error: An internal error occurred.
      why: it is about the account DEMO
      help: try again later: it is the server or the way to it
    ");
    insta::assert_snapshot!(of(Fault::html_502()), @r"
    1
    error: get_users: 502 Bad Gateway: the answer is HTML, so it came from a proxy in between and not from the API
      help: try again later: it is the server or the way to it
    ");
}

#[test]
fn an_answer_that_is_something_else() {
    let html = Response::new(Bytes::from_static(b"<html><body>Welcome to the hotel's network</body></html>"));
    insta::assert_snapshot!(of(Fault::answer(html)), @r"
    1
    error: get_users: the answer is not what the API documents: it is HTML, so it came from a proxy in between and not from the API
      help: is http://127.0.0.1:PORT/rest/v2 the address of UltraCart's API? Something else seems to answer there
    ");
    insta::assert_snapshot!(of(Fault::redirect("https://example.com/")), @r"
    1
    error: get_users: 307 Temporary Redirect: the server wants the call to be made elsewhere, which is not followed
      help: is http://127.0.0.1:PORT/rest/v2 the address of UltraCart's API? Something else seems to answer there
    ");
    insta::assert_snapshot!(of(Fault::nested_body(100_000)), @r"
    1
    error: get_users: the answer is not what the API documents: at line 1, column 200026: it is nested too deeply
      help: is http://127.0.0.1:PORT/rest/v2 the address of UltraCart's API? Something else seems to answer there
    ");
    insta::assert_snapshot!(of(Fault::cut_body()), @r"
    1
    error: get_users: the connection broke off before the whole answer was there
      why: error decoding response body: error reading a body from connection: end of file before message length reached
      help: try again later: it is the server or the way to it
    ");
}

#[test]
fn a_list_that_never_ends() {
    let body = r#"{"users":[{"user_id":1}],"metadata":{"result_set":{"more":true,"next_offset":1}}}"#;
    insta::assert_snapshot!(of(Fault::answer(Response::new(Bytes::from_static(body.as_bytes())))), @r"
    1
    error: get_users: the list says that it goes on, and part 2 of it brings nothing new (after 2 calls)
      help: nothing was made of the part that came: try again later, and tell UltraCart's support if it stays so
    ");
}

#[test]
fn an_error_of_ultracarts_own_with_control_characters() {
    let ran = of(Fault::error(StatusCode::BAD_REQUEST, "no\u{1b}[2J \u{202e}such thing\u{9b}"));
    insta::assert_snapshot!(ran, @r"
    1
    error: get_users: 400 Bad Request: no [2J  such thing
      why: it is about the account DEMO
    ");
}

#[test]
fn an_error_in_the_header_alone_with_control_characters() {
    // As bytes: the account itself would put no such thing into a header.
    let header = |bytes: &[u8]| {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        for name in ["uc-rest-error", "uc-rest-error-merchant-id"] {
            answer.headers_mut().insert(name, HeaderValue::from_bytes(bytes).unwrap());
        }
        of(Fault::answer(answer))
    };
    let mut said = header(b"a\xc2\x9bb\xe2\x80\xae");
    // Alone, and half of one: not even UTF-8.
    said += &header(b"c\x9bd\xe2\x80");
    insta::assert_snapshot!(said, @r"
    1
    error: get_users: 400 Bad Request: a b
      why: it is about the account a b
    1
    error: get_users: 400 Bad Request: c�d�
      why: it is about the account c�d�
    ");
}

#[test]
fn what_is_not_there() {
    insta::assert_snapshot!(said(&Account::new(), &["users", "get", "99999"]), @r"
    1
    error: get_user: 400 Bad Request: user_id 99999 does not exist.
      why: it is about the account DEMO
      help: `ultracart users list` and `ultracart groups list` show what is there
    ");
    insta::assert_snapshot!(said(&Account::new(), &["groups", "delete", "99999"]), @r"
    1
    error: delete_group: 400 Bad Request: group_oid 99999 does not exist.
      why: it is about the account DEMO
      help: `ultracart users list` and `ultracart groups list` show what is there
    ");
}

#[test]
fn a_write_whose_end_is_not_known() {
    let account = Account::with(Fault::reset_after());
    insta::assert_snapshot!(said(&account, &["users", "insert", "--login", "ada"]), @r"
    1
    error: insert_user: the connection broke off before the whole answer was there
      why: error sending request: client error (SendRequest): connection error: Connection reset by peer (os error 104)
      help: try again later: it is the server or the way to it
      help: the change may have been made all the same: look before you repeat it
    ");
}

#[test]
fn nobody_there() {
    let home = Home::without_account();
    let ran = home.run(&["users", "list"]).failure(&home);
    insta::assert_snapshot!(ran, @r"
    1
    error: get_users: no connection to the server
      why: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)
      help: is http://127.0.0.1:PORT/rest/v2 right, and can this machine reach it? HTTPS_PROXY names a proxy
    ");
}

#[test]
fn an_answer_that_takes_too_long_or_is_too_long() {
    let account = Account::of(Sim::builder().users(20).latency(Duration::from_mins(1)));
    let home = account.home().var("ULTRACART_HTTP__REQUEST_TIMEOUT", "50ms");
    insta::assert_snapshot!(home.run(&["users", "list"]).failure(&home), @r"
    1
    error: get_users: no whole answer within `http.request_timeout`
      help: try again later, or raise `http.request_timeout`
    ");
    let account = Account::new();
    let home = account.home().var("ULTRACART_HTTP__MAX_BODY", "1024");
    insta::assert_snapshot!(home.run(&["users", "list"]).failure(&home), @r"
    1
    error: get_users: the answer is longer than `http.max_body` allows (1024 bytes)
      help: raise `http.max_body`, if such an answer is to be expected
    ");
}

#[test]
fn a_turn_that_would_come_too_late() {
    let account = Account::new();
    let home = account
        .home()
        .var("ULTRACART_LIMITER__WINDOWS", "[{calls = 1, per = '1h'}]")
        .var("ULTRACART_LIMITER__SPARE", "0")
        .var("ULTRACART_LIMITER__MAX_WAIT", "0s");
    let ran = home.run(&["users", "update", "7", "--phone", "1"]).failure(&home);
    insta::assert_snapshot!(ran.replace("59m 59s", "1h"), @r"
    1
    error: update_user: its turn would come in 1h and `limiter.max_wait` is 0s
      help: wait, or raise `limiter.max_wait`
    ");
    assert!(!ran.contains(KEY));
}
