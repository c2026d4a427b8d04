//! Who is listened to, and for how long.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::ALLOW;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use ultracart_client::webhook::Receiver;
use ultracart_transport::{Clock, TokioClock};

use super::received::Batch;
use crate::notes::Notes;

/// Connections there may be at once; further ones wait until one ends.
const MAX_CONNECTIONS: usize = 64;
/// How long the head of a request may take to come. Its body has a time of its own.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// How long the head of a request may be.
const MAX_HEAD: usize = 64 * 1024;

/// What every connection needs.
struct Hook {
    receiver: Receiver,
    taken: mpsc::Sender<Batch>,
    notes: Notes,
    clock: TokioClock,
}

/// Takes deliveries until it is dropped, and then breaks off its connections.
pub(super) async fn serve(
    listener: TcpListener,
    receiver: Receiver,
    taken: mpsc::Sender<Batch>,
    notes: Notes,
) -> Infallible {
    let hook = Arc::new(Hook { receiver, taken, notes, clock: TokioClock::new() });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => _ = connections.spawn(connection(Arc::clone(&hook), stream, peer)),
                // Too many open files, most likely: they become fewer.
                Err(_) => hook.clock.sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(hook: Arc<Hook>, stream: TcpStream, peer: SocketAddr) {
    let service = service_fn(async |request| Ok::<_, Infallible>(hook.answer(request, peer).await));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD)
        // One request and no more, so that none can be kept open for longer than that may take.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Where it breaks off there is nobody left to answer.
    _ = connection.await;
}

impl Hook {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<String> {
        if request.method() != Method::POST {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "webhooks are posted\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let delivery = match self.receiver.accept(request).await {
            Ok(delivery) => delivery,
            Err(refused) => {
                self.notes.warning(&format!("a delivery from {} is refused: {refused}", peer.ip()));
                return refused.response();
            }
        };
        if self.taken.try_send(Batch::new(delivery, &self.clock)).is_err() {
            // UltraCart sends it again, and so nothing is lost.
            self.notes.warning("a delivery is put off: nobody reads what came before");
            return plain(StatusCode::SERVICE_UNAVAILABLE, "what came before is not written yet\n");
        }
        plain(StatusCode::OK, "")
    }
}

fn plain(status: StatusCode, body: &str) -> Response<String> {
    let mut response = Response::new(body.to_owned());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What somebody who sends this and no more is answered, and after how many seconds he is hung up on.
    async fn answer(sent: &str) -> (String, u64) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (taken, _untold) = mpsc::channel(1);
        let serving = serve(listener, Receiver::builder().no_auth(), taken, Notes::new(true));
        let clock = TokioClock::new();
        let started_at = clock.now();
        let asking = async {
            // It may be hung up on while it sends.
            _ = stream.write_all(sent.as_bytes()).await;
            let mut answer = Vec::new();
            _ = stream.read_to_end(&mut answer).await;
            (String::from_utf8(answer).unwrap(), clock.now().since(started_at).as_secs())
        };
        tokio::select! {
            never = serving => match never {},
            answered = asking => answered,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_go_on_is_hung_up_on() {
        let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n";
        assert_eq!(answer("").await, (String::new(), HEAD_TIME.as_secs()));
        assert_eq!(answer(head).await, (String::new(), HEAD_TIME.as_secs()));
        let (answered, seconds) = answer(&format!("{head}\r\n{{")).await;
        assert!(answered.starts_with("HTTP/1.1 408 "), "{answered}");
        assert_eq!(seconds, 20);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_long_head_is_not_waited_for() {
        let (answered, seconds) =
            answer(&format!("POST / HTTP/1.1\r\nx: {}", "x".repeat(2 * MAX_HEAD))).await;
        // Where it was hung up on while it sent, the answer is lost.
        assert!(answered.is_empty() || answered.starts_with("HTTP/1.1 431 "), "{answered}");
        assert_eq!(seconds, 0);
    }
}
