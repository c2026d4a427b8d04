//! The HTTP server that receives deliveries, with limits on connections, sizes and times.

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

use super::received::ReceivedDelivery;
use crate::notes::Notes;

/// Maximum number of open connections. Further connections wait until one is closed.
const MAX_CONNECTIONS: usize = 64;
/// Time for the head of a request to arrive. [`Receiver`] has a timeout for the body.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum size of the head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// The state that all connections share.
struct ServerState {
    receiver: Receiver,
    queue: mpsc::Sender<ReceivedDelivery>,
    notes: Notes,
    clock: TokioClock,
}

/// Accepts deliveries and queues them. Dropping the future closes all connections.
pub(super) async fn serve(
    listener: TcpListener,
    receiver: Receiver,
    queue: mpsc::Sender<ReceivedDelivery>,
    notes: Notes,
) -> Infallible {
    let shared = Arc::new(ServerState { receiver, queue, notes, clock: TokioClock::new() });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => _ = connections.spawn(connection(Arc::clone(&shared), stream, peer)),
                // Most likely too many files are open: tries again later.
                Err(_) => shared.clock.sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(shared: Arc<ServerState>, stream: TcpStream, peer: SocketAddr) {
    let service = service_fn(async |request| Ok::<_, Infallible>(shared.respond(request, peer).await));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        // One request a connection, so that the timeouts of a request limit the connection, too.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // A connection that failed cannot carry a response.
    _ = connection.await;
}

impl ServerState {
    async fn respond(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<String> {
        if request.method() != Method::POST {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "webhooks use POST\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let delivery = match self.receiver.receive_request(request).await {
            Ok(delivery) => delivery,
            Err(error) => {
                self.notes.warning(&format!("a delivery from {} was declined: {error}", peer.ip()));
                return error.response();
            }
        };
        if self.queue.try_send(ReceivedDelivery::new(delivery, &self.clock)).is_err() {
            // UltraCart repeats a delivery after a 503, so no event is lost.
            self.notes.warning("a delivery was declined because stdout is blocked; UltraCart will repeat it");
            return plain(StatusCode::SERVICE_UNAVAILABLE, "earlier deliveries are not written yet\n");
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

    /// Sends these bytes and no more. Returns the response and the number of seconds until the server closed
    /// the connection.
    async fn send(bytes: &str) -> (String, u64) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (queue, _queued) = mpsc::channel(1);
        let serving = serve(listener, Receiver::builder().no_auth(), queue, Notes::new(true));
        let clock = TokioClock::new();
        let started_at = clock.now();
        let sending = async {
            // The server may close the connection during the write.
            _ = stream.write_all(bytes.as_bytes()).await;
            let mut response = Vec::new();
            _ = stream.read_to_end(&mut response).await;
            (String::from_utf8(response).unwrap(), clock.now().since(started_at).as_secs())
        };
        tokio::select! {
            never = serving => match never {},
            response = sending => response,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn incomplete_request_times_out() {
        let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n";
        assert_eq!(send("").await, (String::new(), HEAD_TIMEOUT.as_secs()));
        assert_eq!(send(head).await, (String::new(), HEAD_TIMEOUT.as_secs()));
        let (response, seconds) = send(&format!("{head}\r\n{{")).await;
        assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
        assert_eq!(seconds, 20);
    }

    #[tokio::test(start_paused = true)]
    async fn too_long_head_is_declined_at_once() {
        let (response, seconds) = send(&format!("POST / HTTP/1.1\r\nx: {}", "x".repeat(2 * MAX_HEAD))).await;
        // The response is lost if the connection was closed during the write.
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 431 "), "{response}");
        assert_eq!(seconds, 0);
    }
}
