//! Calls over real TCP connections: any response becomes a result or a clear error, and the key goes only to
//! the server.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use ultracart_transport::config::{Auth, Transport as Config};
use ultracart_transport::{ApiResponse, Call, Error, ErrorKind, Transport};

const KEY: &str = "a-secret-simple-key";

/// A server that accepts one connection for each of the given responses, sends the response and closes the
/// connection.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(responses: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/rest/v2", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            for response in responses {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 16_384];
                let read = connection.read(&mut request).await.unwrap();
                seen.lock().unwrap().push(String::from_utf8_lossy(&request[..read]).into_owned());
                connection.write_all(&response).await.unwrap();
                connection.shutdown().await.ok();
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn config(url: &str) -> Config {
    let mut config = Config::default();
    config.api.base_url = url.into();
    config.auth = Auth::default();
    config.auth.simple_key = Some(KEY.into());
    config.limiter.guard_gap = Duration::ZERO;
    config.limiter.quarantine = Duration::ZERO;
    config.retry.base_delay = Duration::from_millis(1);
    config.retry.max_delay = Duration::from_millis(1);
    config.retry.max_attempts = 2;
    config.http.request_timeout = Duration::from_secs(5);
    config
}

fn transport(config: Config) -> Transport {
    Transport::builder(config).build().unwrap()
}

/// Sends a call of at most two attempts to a server that sends the same response to each. Returns the result
/// and the requests that the server received.
async fn call_with_response(response: impl Into<Vec<u8>>) -> (Result<ApiResponse, Error>, Vec<String>) {
    let response = response.into();
    let server = Server::start(vec![response.clone(), response]).await;
    let mut config = config(&server.url);
    config.http.max_body = 1_024;
    let result = transport(config).send(Call::get("get_users", "/user/users")).await;
    if let Err(error) = &result {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(KEY), "{shown}");
        assert!(!error.to_string().contains(char::is_control), "{error:?}");
    }
    (result, server.requests())
}

/// Returns the text of an HTTP response. Each of the `headers` ends with a line break.
fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn call_has_the_required_headers() {
    let (result, requests) = call_with_response(http("200 OK", "", "{}")).await;
    let response = result.unwrap();
    assert_eq!((response.status.as_u16(), &*response.body, response.attempts), (200, &b"{}"[..], 1));
    let request = requests[0].to_ascii_lowercase();
    assert!(request.starts_with("get /rest/v2/user/users http/1.1\r\n"), "{request}");
    for header in [
        "x-ultracart-api-version: 2017-03-01",
        &format!("x-ultracart-simple-key: {KEY}"),
        "accept: application/json",
    ] {
        assert!(request.contains(&format!("{header}\r\n")), "{header} in {request}");
    }
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let elsewhere = Server::start(vec![http("200 OK", "", "{}").into()]).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let (result, requests) =
            call_with_response(http(status, &format!("location: {}\r\n", elsewhere.url), "")).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Redirect);
        assert_eq!(
            error.to_string(),
            format!(
                "get_users: {status}: the server redirects to another URL, which is not followed; check `api.base_url`"
            )
        );
        assert_eq!(requests.len(), 1);
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn incomplete_body_is_retried() {
    let server = Server::start(vec![
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"users\":".to_vec(),
        http("200 OK", "", "{}").into(),
    ])
    .await;
    let response = transport(config(&server.url)).send(Call::get("get_users", "/user/users")).await.unwrap();
    assert_eq!((&*response.body, response.attempts), (&b"{}"[..], 2));
}

#[tokio::test]
async fn insert_with_unknown_outcome_is_not_retried() {
    let incomplete = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec();
    for first in [incomplete, http("500 Internal Server Error", "", "{}").into(), Vec::new()] {
        let server = Server::start(vec![first, http("200 OK", "", "{}").into()]).await;
        let call = Call::insert("insert_user", "/user/users", "{}".into());
        let error = transport(config(&server.url)).send(call).await.unwrap_err();
        assert!(error.may_have_reached_server(), "{error:?}");
        assert_eq!((error.attempts(), server.requests().len()), (1, 1), "{error:?}");
    }
}

#[tokio::test]
async fn incomplete_or_invalid_http_is_an_error() {
    for response in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"[..],
        b"",
        b"\0\0\0\0\xff\xff\r\n\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
    ] {
        let (result, requests) = call_with_response(response).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IncompleteResponse, "{response:?}");
        assert_eq!((error.attempts(), requests.len()), (2, 2));
        assert_eq!(
            error.to_string(),
            "get_users: the connection ended before the response was complete (after 2 requests)"
        );
    }
}

#[tokio::test]
async fn chunked_body_is_read_completely() {
    for chunks in [&[][..], &["{}"], &["{", "}"], &["{", "\"a\"", ":1}"]] {
        let mut response = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
        for chunk in chunks {
            write!(response, "{:x}\r\n{chunk}\r\n", chunk.len()).unwrap();
        }
        let (result, _) = call_with_response(response + "0\r\n\r\n").await;
        assert_eq!(result.unwrap().body, chunks.concat());
    }
}

#[tokio::test]
async fn body_over_the_limit_is_an_error() {
    let one_chunk = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n401\r\n{}\r\n0\r\n\r\n",
        "x".repeat(1_025)
    );
    let two_chunks = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n400\r\n{}\r\n1\r\nx\r\n0\r\n\r\n",
        "x".repeat(1_024)
    );
    let content_length = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_owned();
    for response in [http("200 OK", "", &"x".repeat(1_025)), one_chunk, two_chunks, content_length] {
        let (result, requests) = call_with_response(response).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BodyTooLarge);
        assert_eq!(requests.len(), 1);
        assert_eq!(
            error.to_string(),
            "get_users: the response body is longer than `http.max_body` allows (1024 bytes)"
        );
    }
    let (result, _) = call_with_response(http("200 OK", "", &"x".repeat(1_024))).await;
    assert_eq!(result.unwrap().body.len(), 1_024);
}

#[tokio::test]
async fn server_messages_lose_control_characters() {
    let headers = "uc-rest-error: bad\x1b]0;title\x07 key\r\nuc-rest-error-merchant-id: DEMO\t1\r\n";
    // hyper rejects headers with control characters other than a tab.
    let (result, _) = call_with_response(http("401 Unauthorized", headers, "")).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::IncompleteResponse);

    let (result, _) = call_with_response(http(
        "401 Unauthorized",
        "uc-rest-error: bad\tkey\r\nuc-rest-error-merchant-id: DEMO\r\n",
        "",
    ))
    .await;
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "get_users: 401 Unauthorized: bad key");
    assert_eq!((error.merchant_id(), error.is_unauthorized()), (Some("DEMO"), true));

    let body = r#"{"error":{"user_message":"no\u001b[31m\u202eway","developer_message":"line\r\nline"},"success":false}"#;
    let (result, _) = call_with_response(http("400 Bad Request", "", body)).await;
    let error = result.unwrap_err();
    assert_eq!(error.user_message(), Some("no [31m way"));
    assert_eq!(error.developer_message(), Some("line  line"));
    assert_eq!(error.to_string(), "get_users: 400 Bad Request: no [31m way");
}

#[tokio::test]
async fn html_response_of_a_proxy_keeps_its_status() {
    let (result, requests) =
        call_with_response(http("502 Bad Gateway", "content-type: text/html\r\n", "<html>oops")).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.status(), requests.len()), (ErrorKind::Server, Some(502), 2));
    assert_eq!(
        error.to_string(),
        "get_users: 502 Bad Gateway: the response is HTML, so it came from a proxy and not from the API (after 2 requests)"
    );
}

#[tokio::test]
async fn status_410_and_400_of_an_id_are_distinguished() {
    let (result, requests) = call_with_response(http("410 Gone", "", "{}")).await;
    assert!(result.unwrap_err().is_application_disabled());
    assert_eq!(requests.len(), 1);

    let server = Server::start(vec![http("400 Bad Request", "", "{}").into(); 2]).await;
    let transport = transport(config(&server.url));
    let by_id =
        transport.send(Call::get("get_user", "/user/users/7").bad_request_is_not_found()).await.unwrap_err();
    assert!(by_id.is_not_found());
    let list = transport.send(Call::get("get_users", "/user/users")).await.unwrap_err();
    assert_eq!(list.kind(), ErrorKind::BadRequest);
}

#[tokio::test]
async fn refused_connection_is_a_connect_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/rest/v2", listener.local_addr().unwrap());
    drop(listener);
    let call = Call::insert("insert_user", "/user/users", "{}".into());
    let error = transport(config(&url)).send(call).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 2));
    assert!(!error.may_have_reached_server());
}

#[tokio::test]
async fn missing_response_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config(&format!("http://{}/rest/v2", listener.local_addr().unwrap()));
    config.http.request_timeout = Duration::from_millis(50);
    config.retry.max_attempts = 1;
    let error = transport(config).send(Call::get("get_users", "/user/users")).await.unwrap_err();
    assert!(error.is_timeout() && error.may_have_reached_server(), "{error:?}");
    assert_eq!(error.to_string(), "get_users: no complete response within `http.request_timeout`");
}

#[test]
fn unsafe_base_url_is_an_error() {
    for (url, why) in [
        ("http://example.com/rest/v2", "is plain HTTP to another machine"),
        ("http://127.0.0.1.example.com", "is plain HTTP to another machine"),
        ("https://user:pass@example.com", "`api.base_url` contains a user name or password"),
        ("https://example.com/?key=1", "`api.base_url` contains a query or fragment"),
        ("ftp://example.com", "does not start with https://"),
        ("example.com", "`api.base_url` is not a URL"),
    ] {
        let error = Transport::builder(config(url)).build().expect_err(url);
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{url}");
        assert!(error.to_string().contains(why), "{error}");
        assert!(!error.to_string().contains("pass@"), "{error}");
    }
    for url in
        ["http://localhost:1", "http://127.9.9.9", "http://[::1]:80/rest/v2", "https://example.com/rest/v2/"]
    {
        Transport::builder(config(url)).build().expect(url);
    }
}

#[test]
fn invalid_key_is_an_error_and_not_shown() {
    for (key, why) in [
        ("", "`auth.simple_key` is empty"),
        ("secret-key\n", "`auth.simple_key` contains a line break"),
        ("secret key", "`auth.simple_key` contains a space or control character"),
        ("secret-kéy", "`auth.simple_key` contains a non-ASCII character"),
    ] {
        let mut config = config("http://localhost");
        config.auth.simple_key = Some(key.into());
        let error = Transport::builder(config).build().unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(!format!("{error:?}").contains("secret-k"));
    }
}
