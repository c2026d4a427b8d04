//! The account over TCP, called by hand.

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

/// Everything that comes until the connection ends, and how it ends.
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

async fn started(sim: &Sim) -> Server {
    sim.bind("127.0.0.1:0").await.unwrap()
}

/// Lets the server's task go on until something is so.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn answers_go_over_the_wire() {
    let sim = Sim::builder().build();
    let server = started(&sim).await;
    assert_eq!(server.base_url(), format!("http://{}/rest/v2", server.addr()));
    let (answer, end) = call(&server, "GET", "/user/users/1", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(&format!("\"login\":\"{}\"", sim.user(1).unwrap().login.unwrap())));
    assert_eq!(end, Ok(()));
    let (answer, _) = call(&server, "DELETE", "/user/users/1", "").await;
    assert!(answer.starts_with("HTTP/1.1 204 No Content\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    let (answer, _) = call(&server, "GET", "/user/users/1", "").await;
    assert!(answer.contains("\r\nuc-rest-error: user_id 1 does not exist.\r\n"), "{answer}");
    assert!(sim.requests().iter().all(|request| request.peer.is_loopback()));
    assert_eq!(sim.overlaps(), 0, "an answer that has been read is no call in flight");
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let sim = Sim::builder().users(0).build();
    let server = started(&sim).await;
    sim.script([Fault::reset_before(), Fault::reset_after()]);
    for users in [0, 1] {
        let (answer, end) = call(&server, "POST", "/user/users", r#"{"login":"ada"}"#).await;
        assert_eq!((answer.as_str(), end), ("", Err(ErrorKind::ConnectionReset)));
        assert_eq!(sim.users().len(), users);
    }
}

#[tokio::test]
async fn a_body_that_is_cut_ends_before_its_length() {
    let sim = Sim::builder().build();
    let server = started(&sim).await;
    sim.fault(Fault::cut_body());
    let (answer, _) = call(&server, "GET", "/user/users", "").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), length.parse::<usize>().unwrap() / 2);
    let (answer, _) = call(&server, "GET", "/user/users", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "the next one is whole");
}

#[tokio::test]
async fn a_huge_body_comes_in_chunks() {
    let sim = Sim::builder().build();
    let server = started(&sim).await;
    sim.fault(Fault::huge_body(3_000_000));
    let (answer, end) = call(&server, "GET", "/user/users", "").await;
    assert!(answer.contains("\r\ntransfer-encoding: chunked\r\n"));
    assert!(answer.len() > 3_000_000);
    assert_eq!(end, Ok(()));
}

#[tokio::test]
async fn a_slow_body_starts_and_then_dawdles() {
    let sim = Sim::builder().build();
    let server = started(&sim).await;
    sim.fault(Fault::slow_body(Duration::from_hours(1)));
    let mut dawdling = connect(&server, &format!("{}\r\n", head("GET", "/user/users"))).await;
    let mut byte = [0];
    dawdling.read_exact(&mut byte).await.unwrap();
    assert_eq!(sim.requests()[0].status.unwrap(), 200);
    // A second call finds it in flight, on whatever connection; when the client closes it, the account sees that.
    let (refused, _) = call(&server, "GET", "/user/users", "").await;
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    drop(dawdling);
    let mut later = String::new();
    while !later.starts_with("HTTP/1.1 4") || later.contains("concurrent") {
        later = call(&server, "GET", "/user/users/x", "").await.0;
    }
    assert!(later.starts_with("HTTP/1.1 400 "), "{later}");
}

#[tokio::test]
async fn shutdown_answers_what_is_in_flight() {
    let sim = Sim::builder().latency(Duration::from_millis(50)).build();
    let server = started(&sim).await;
    let addr = server.addr();
    let waiting = connect(&server, &format!("{}\r\n", head("GET", "/user/users/1"))).await;
    until(|| sim.calls() == 1).await;
    let ((answer, end), ()) = tokio::join!(read(waiting), server.shutdown());
    assert!(answer.starts_with("HTTP/1.1 200 OK") && end == Ok(()), "{answer}");
    TcpStream::connect(addr).await.unwrap_err();
}

#[tokio::test]
async fn dropping_the_server_breaks_off_what_hangs() {
    let sim = Sim::builder().build();
    let server = started(&sim).await;
    sim.fault(Fault::hang().on(Operation::GetUsers));
    let hanging = connect(&server, &format!("{}\r\n", head("GET", "/user/users"))).await;
    until(|| sim.calls() == 1).await;
    drop(server);
    assert_eq!(read(hanging).await.0, "");
}

/// A request of which no more comes than this.
fn half_sent() -> [String; 3] {
    let head = head("PUT", "/user/users/1");
    [String::new(), head.clone(), format!("{head}content-length: 100\r\n\r\n{{\"login\":")]
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_come_whole_is_given_up() {
    for half in half_sent() {
        let sim = Sim::builder().build();
        let server = started(&sim).await;
        let (answer, end) = read(connect(&server, &half).await).await;
        let waited_for_body = half.contains("login");
        assert_eq!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), waited_for_body, "{answer}");
        assert_eq!(answer.is_empty(), !waited_for_body, "{answer}");
        assert_eq!((end, sim.elapsed().as_secs(), sim.calls()), (Ok(()), 30, 0), "{half}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_by_the_byte_is_given_up_too() {
    let sim = Sim::builder().build();
    let server = started(&sim).await;
    let [.., mut half] = half_sent();
    half = half.replace("100", "100000");
    let (mut reading, mut writing) = connect(&server, &half).await.into_split();
    let dripping = tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_secs(1));
        while writing.write_all(b" ").await.is_ok() {
            every.tick().await;
        }
    });
    let mut start = [0; 12];
    reading.read_exact(&mut start).await.unwrap();
    assert_eq!((&start, sim.elapsed().as_secs()), (b"HTTP/1.1 408", 30));
    dripping.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn connections_beyond_128_wait_for_one_to_end() {
    let sim = Sim::builder().build();
    let server = started(&sim).await;
    let mut open = Vec::new();
    for _ in 0..127 {
        open.push(connect(&server, "").await);
    }
    let (answer, _) = call(&server, "GET", "/user/users/1", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(sim.elapsed().as_secs(), 0, "that was the last one that there is room for");
    open.push(connect(&server, "").await);
    let (answer, _) = call(&server, "GET", "/user/users/1", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(sim.elapsed().as_secs(), 30, "when the others were given up");
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_what_is_no_call_yet() {
    for before in [false, true] {
        for half in half_sent() {
            let sim = Sim::builder().build();
            let server = started(&sim).await;
            let mut stream = connect(&server, "").await;
            if before {
                // A connection that was used, and stays open.
                let whole = head("GET", "/user/users/1").replace("close", "keep-alive");
                stream.write_all(format!("{whole}\r\n").as_bytes()).await.unwrap();
                let mut bytes = Vec::new();
                while !bytes.ends_with(b"}") {
                    stream.read_buf(&mut bytes).await.unwrap();
                }
            }
            stream.write_all(half.as_bytes()).await.unwrap();
            // The server has all that there is when nothing is left to do but to wait.
            let moment = Duration::from_millis(1);
            tokio::time::timeout(moment, stream.read_u8()).await.unwrap_err();
            server.shutdown().await;
            assert_eq!(sim.elapsed(), moment, "{half}");
        }
    }
}

#[tokio::test]
async fn what_is_no_http_harms_nobody() {
    let sim = Sim::builder().build();
    let server = started(&sim).await;
    for garbage in
        ["\r\n\r\n\0\u{1}", "GET\r\n\r\n", "POST /rest/v2/user/users HTTP/1.1\r\ncontent-length: -1\r\n\r\n"]
    {
        let (answer, _) = read(connect(&server, garbage).await).await;
        assert!(!answer.contains(" 500 "), "{answer}");
    }
    let too_long = format!("{}content-length: 99999999\r\n\r\n", head("POST", "/user/users"));
    let mut stream = connect(&server, &too_long).await;
    // The account stops reading before it has everything.
    let part = vec![b' '; 1 << 20];
    while stream.write_all(&part).await.is_ok() {}
    let (answer, _) = call(&server, "GET", "/user/users", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
