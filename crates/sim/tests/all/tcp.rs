//! The TCP server, called over plain sockets.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use ultracart_sim::{Fault, Operation, Server, Sim};

fn head(method: &str, path: &str) -> String {
    format!(
        "{method} /rest/v2{path} HTTP/1.1\r\nhost: x\r\nx-ultracart-api-version: 2017-03-01\r\n\
         x-ultracart-simple-key: simulated-key\r\nconnection: close\r\n"
    )
}

async fn connect(server: &Server, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until the connection ends. Returns the text, and the kind of error with which the connection ended,
/// or `Ok` if it was closed without an error.
async fn read(mut stream: TcpStream) -> (String, Result<(), ErrorKind>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await.map(drop).map_err(|error| error.kind());
    (String::from_utf8(bytes).unwrap(), end)
}

async fn call(server: &Server, method: &str, path: &str, body: &str) -> (String, Result<(), ErrorKind>) {
    let head = head(method, path);
    let length = body.len();
    let request = format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    read(connect(server, &request).await).await
}

async fn start_server(sim: &Sim) -> Server {
    sim.bind("127.0.0.1:0").await.unwrap()
}

/// Yields to the server's task until a condition holds.
async fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn operations_work_over_tcp() {
    let sim = Sim::builder().build();
    let server = start_server(&sim).await;
    assert_eq!(server.base_url(), format!("http://{}/rest/v2", server.addr()));
    let (response, end) = call(&server, "GET", "/user/users/1", "").await;
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.contains(&format!("\"login\":\"{}\"", sim.user(1).unwrap().login.unwrap())));
    assert_eq!(end, Ok(()));
    let (response, _) = call(&server, "DELETE", "/user/users/1", "").await;
    assert!(
        response.starts_with("HTTP/1.1 204 No Content\r\n") && response.ends_with("\r\n\r\n"),
        "{response}"
    );
    let (response, _) = call(&server, "GET", "/user/users/1", "").await;
    assert!(response.contains("\r\nuc-rest-error: user_id 1 does not exist.\r\n"), "{response}");
    assert!(sim.requests().iter().all(|request| request.peer.is_loopback()));
    assert_eq!(sim.overlaps(), 0, "a call ends when its response has been read");
}

#[tokio::test]
async fn reset_fault_resets_the_connection() {
    let sim = Sim::builder().users(0).build();
    let server = start_server(&sim).await;
    sim.script([Fault::reset_before(), Fault::reset_after()]);
    for users in [0, 1] {
        let (response, end) = call(&server, "POST", "/user/users", r#"{"login":"ada"}"#).await;
        assert_eq!((response.as_str(), end), ("", Err(ErrorKind::ConnectionReset)));
        assert_eq!(sim.users().len(), users);
    }
}

#[tokio::test]
async fn cut_body_ends_before_its_content_length() {
    let sim = Sim::builder().build();
    let server = start_server(&sim).await;
    sim.fault(Fault::cut_body());
    let (response, _) = call(&server, "GET", "/user/users", "").await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), length.parse::<usize>().unwrap() / 2);
    let (response, _) = call(&server, "GET", "/user/users", "").await;
    assert!(response.starts_with("HTTP/1.1 200 OK"), "the next response is complete");
}

#[tokio::test]
async fn huge_body_is_sent_in_chunks() {
    let sim = Sim::builder().build();
    let server = start_server(&sim).await;
    sim.fault(Fault::huge_body(3_000_000));
    let (response, end) = call(&server, "GET", "/user/users", "").await;
    assert!(response.contains("\r\ntransfer-encoding: chunked\r\n"));
    assert!(response.len() > 3_000_000);
    assert_eq!(end, Ok(()));
}

#[tokio::test]
async fn slow_body_keeps_the_call_in_flight() {
    let sim = Sim::builder().build();
    let server = start_server(&sim).await;
    sim.fault(Fault::slow_body(Duration::from_hours(1)));
    let mut slow = connect(&server, &format!("{}\r\n", head("GET", "/user/users"))).await;
    let mut byte = [0];
    slow.read_exact(&mut byte).await.unwrap();
    assert_eq!(sim.requests()[0].status.unwrap(), 200);
    // The call is still in flight, so a call on another connection is rejected. Closing the connection ends
    // the call.
    let (rejected, _) = call(&server, "GET", "/user/users", "").await;
    assert!(rejected.starts_with("HTTP/1.1 429 "), "{rejected}");
    drop(slow);
    let mut later = String::new();
    while !later.starts_with("HTTP/1.1 4") || later.contains("concurrent") {
        later = call(&server, "GET", "/user/users/x", "").await.0;
    }
    assert!(later.starts_with("HTTP/1.1 400 "), "{later}");
}

#[tokio::test]
async fn shutdown_waits_for_calls_in_flight() {
    let sim = Sim::builder().latency(Duration::from_millis(50)).build();
    let server = start_server(&sim).await;
    let addr = server.addr();
    let waiting = connect(&server, &format!("{}\r\n", head("GET", "/user/users/1"))).await;
    wait_until(|| sim.calls() == 1).await;
    let ((response, end), ()) = tokio::join!(read(waiting), server.shutdown());
    assert!(response.starts_with("HTTP/1.1 200 OK") && end == Ok(()), "{response}");
    TcpStream::connect(addr).await.unwrap_err();
}

#[tokio::test]
async fn dropped_server_closes_hanging_connections() {
    let sim = Sim::builder().build();
    let server = start_server(&sim).await;
    sim.fault(Fault::hang().on(Operation::GetUsers));
    let hanging = connect(&server, &format!("{}\r\n", head("GET", "/user/users"))).await;
    wait_until(|| sim.calls() == 1).await;
    drop(server);
    assert_eq!(read(hanging).await.0, "");
}

/// Returns incomplete requests: nothing, an incomplete head, and an incomplete body.
fn incomplete_requests() -> [String; 3] {
    let head = head("PUT", "/user/users/1");
    [String::new(), head.clone(), format!("{head}content-length: 100\r\n\r\n{{\"login\":")]
}

#[tokio::test(start_paused = true)]
async fn incomplete_request_times_out() {
    for half in incomplete_requests() {
        let sim = Sim::builder().build();
        let server = start_server(&sim).await;
        let (response, end) = read(connect(&server, &half).await).await;
        let waited_for_body = half.contains("login");
        assert_eq!(response.starts_with("HTTP/1.1 408 Request Timeout\r\n"), waited_for_body, "{response}");
        assert_eq!(response.is_empty(), !waited_for_body, "{response}");
        assert_eq!((end, sim.elapsed().as_secs(), sim.calls()), (Ok(()), 30, 0), "{half}");
    }
}

#[tokio::test(start_paused = true)]
async fn trickling_body_times_out() {
    let sim = Sim::builder().build();
    let server = start_server(&sim).await;
    let [.., mut half] = incomplete_requests();
    half = half.replace("100", "100000");
    let (mut reading, mut writing) = connect(&server, &half).await.into_split();
    let trickle = tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_secs(1));
        while writing.write_all(b" ").await.is_ok() {
            every.tick().await;
        }
    });
    let mut start = [0; 12];
    reading.read_exact(&mut start).await.unwrap();
    assert_eq!((&start, sim.elapsed().as_secs()), (b"HTTP/1.1 408", 30));
    trickle.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn connections_beyond_128_wait_for_one_to_end() {
    let sim = Sim::builder().build();
    let server = start_server(&sim).await;
    let mut open = Vec::new();
    for _ in 0..127 {
        open.push(connect(&server, "").await);
    }
    let (response, _) = call(&server, "GET", "/user/users/1", "").await;
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    assert_eq!(sim.elapsed().as_secs(), 0, "the 128th connection does not wait");
    open.push(connect(&server, "").await);
    let (response, _) = call(&server, "GET", "/user/users/1", "").await;
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    assert_eq!(sim.elapsed().as_secs(), 30, "after the idle connections timed out");
}

#[tokio::test(start_paused = true)]
async fn shutdown_closes_connections_without_a_call() {
    for is_reused in [false, true] {
        for half in incomplete_requests() {
            let sim = Sim::builder().build();
            let server = start_server(&sim).await;
            let mut stream = connect(&server, "").await;
            if is_reused {
                // A keep-alive connection that has already served a call.
                let whole = head("GET", "/user/users/1").replace("close", "keep-alive");
                stream.write_all(format!("{whole}\r\n").as_bytes()).await.unwrap();
                let mut bytes = Vec::new();
                while !bytes.ends_with(b"}") {
                    stream.read_buf(&mut bytes).await.unwrap();
                }
            }
            stream.write_all(half.as_bytes()).await.unwrap();
            // The paused clock advances only when all tasks wait, so the server has read everything.
            let moment = Duration::from_millis(1);
            tokio::time::timeout(moment, stream.read_u8()).await.unwrap_err();
            server.shutdown().await;
            assert_eq!(sim.elapsed(), moment, "{half}");
        }
    }
}

#[tokio::test]
async fn invalid_http_does_not_stop_the_server() {
    let sim = Sim::builder().build();
    let server = start_server(&sim).await;
    for garbage in
        ["\r\n\r\n\0\u{1}", "GET\r\n\r\n", "POST /rest/v2/user/users HTTP/1.1\r\ncontent-length: -1\r\n\r\n"]
    {
        let (response, _) = read(connect(&server, garbage).await).await;
        assert!(!response.contains(" 500 "), "{response}");
    }
    let too_long = format!("{}content-length: 99999999\r\n\r\n", head("POST", "/user/users"));
    let mut stream = connect(&server, &too_long).await;
    // The server stops reading before the end of the body.
    let part = vec![b' '; 1 << 20];
    while stream.write_all(&part).await.is_ok() {}
    let (response, _) = call(&server, "GET", "/user/users", "").await;
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
}
