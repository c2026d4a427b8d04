//! Serves the account over TCP, for the command-line tool and for clients in any language.

use std::error::Error as _;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tower_service::Service as _;

use crate::body::{Body, whole};
use crate::call::PeerIp;
use crate::clock::sleep;
use crate::response::ApiError;
use crate::route::BASE_PATH;
use crate::service::Reset;
use crate::sim::Sim;
use crate::webhook::{Target, post_all};

/// Maximum length of a request body, in bytes.
const MAX_REQUEST: usize = 16 * 1024 * 1024;
/// Timeout for reading a request's head. Reading the body has its own timeout of the same length.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum number of open connections.
const MAX_CONNECTIONS: usize = 128;

/// A running server of a simulated account. Dropping it stops the server immediately and closes its
/// connections.
///
/// The server accepts 128 connections at a time; further ones wait. It closes a connection that sends no
/// request for 30 seconds. A request body must arrive within 30 seconds and must not exceed 16 MiB.
pub struct Server {
    sim: Sim,
    addr: SocketAddr,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
    deliveries: Option<JoinHandle<()>>,
}

impl Sim {
    /// Serves the account on an address. With port 0, as in `127.0.0.1:0`, the system chooses a free port.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let sim = ultracart_sim::Sim::builder().build();
    /// let server = sim.bind("127.0.0.1:0").await?;
    /// assert!(server.base_url().ends_with("/rest/v2"));
    /// server.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot listen on the address.
    pub async fn bind(&self, addr: impl ToSocketAddrs) -> io::Result<Server> {
        self.serve(TcpListener::bind(addr).await?)
    }

    /// Serves the account on a listener. Spawns a task on the current tokio runtime.
    ///
    /// # Errors
    /// If the listener's local address cannot be read.
    pub fn serve(&self, listener: TcpListener) -> io::Result<Server> {
        let addr = listener.local_addr()?;
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(accept(self.clone(), listener, stopped));
        Ok(Server { sim: self.clone(), addr, stop, task, deliveries: None })
    }
}

impl Server {
    /// Returns the address that the server listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the base URL for clients, for example `http://127.0.0.1:8080/rest/v2`.
    pub fn base_url(&self) -> String {
        format!("http://{}{BASE_PATH}", self.addr)
    }

    /// Starts posting the deliveries of the account's [webhook](crate::SimBuilder::webhook) to a URL,
    /// replacing any earlier URL.
    ///
    /// Spawns a task on the current tokio runtime. The task posts the deliveries as they become due, one at a
    /// time, and ends with the server.
    ///
    /// A delivery that gets no 2xx response within 30 seconds is retried up to ten times. The pause before a
    /// retry is 1 second at first, then doubles each time, up to 1 minute. Later deliveries wait meanwhile.
    /// After the last retry the delivery is lost. A delivery is also lost if it is being posted when the
    /// server stops or the URL is replaced. Queued events stay with the account.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use ultracart_sim::{Sim, Webhook};
    ///
    /// let sim = Sim::builder().webhook(Webhook::new()).build();
    /// let mut server = sim.bind("127.0.0.1:0").await?;
    /// server.deliver_to("http://127.0.0.1:8080/ultracart?shop=1")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the URL is not an `http://` URL, or contains credentials.
    pub fn deliver_to(&mut self, url: &str) -> io::Result<()> {
        let target = Target::new(url)?;
        let task = tokio::spawn(post_all(self.sim.clone(), target));
        if let Some(before) = self.deliveries.replace(task) {
            before.abort();
        }
        Ok(())
    }

    /// Stops accepting connections, waits until the calls in flight have ended, and stops the server.
    ///
    /// Connections without a call in flight are closed immediately, even if they have sent part of a request.
    ///
    /// # Cancel safety
    /// Dropping the future stops the server immediately. Use a timeout: a scripted
    /// [`hang`](crate::Fault::hang) never ends, nor does a call whose client does not read the response.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(());
        // No error: the task does not panic, and only `drop` aborts it.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(deliveries) = &self.deliveries {
            deliveries.abort();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addr", &self.addr).finish_non_exhaustive()
    }
}

async fn accept(sim: Sim, listener: TcpListener, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    let stop_connections = stopped.clone();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(sim.clone(), stream, peer, stop_connections.clone()));
                }
                // Most likely too many open files. Retry after some have been closed.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(sim: Sim, stream: TcpStream, peer: SocketAddr, mut stopped: watch::Receiver<()>) {
    // An optimisation: on failure, responses are only slower.
    let _ = stream.set_nodelay(true);
    let has_arrived = AtomicBool::new(false);
    let service = service_fn(|request| respond(&sim, request, peer, &has_arrived));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = stopped.changed() => {
            if !has_arrived.load(Ordering::Relaxed) {
                return;
            }
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let is_reset = ended.is_err_and(|error| error.source().is_some_and(<dyn std::error::Error>::is::<Reset>));
    if is_reset {
        // With zero linger, closing the socket sends a TCP reset instead of a normal close.
        let _ = connection.into_parts().io.inner().set_zero_linger();
    }
}

/// Responds to one request. Sets `has_arrived` when the whole request has arrived, and clears it when the
/// next request begins. While `has_arrived` is set, a call may be in flight.
async fn respond(
    sim: &Sim,
    request: Request<Incoming>,
    peer: SocketAddr,
    has_arrived: &AtomicBool,
) -> Result<Response<Body>, Reset> {
    has_arrived.store(false, Ordering::Relaxed);
    let (parts, body) = request.into_parts();
    let body = tokio::select! {
        body = read(body) => body?,
        () = sleep(REQUEST_TIMEOUT) => {
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time."))
        }
    };
    has_arrived.store(true, Ordering::Relaxed);
    match body {
        Ok(body) => {
            let mut request = Request::from_parts(parts, body);
            request.extensions_mut().insert(PeerIp(peer.ip()));
            sim.service().call(request).await
        }
        Err(error) => {
            let buffered = error.into_response(&sim.shared.settings.merchant_id);
            let mut response = Response::new(Body::new(whole(&buffered.body), None));
            *response.status_mut() = buffered.status;
            *response.headers_mut() = buffered.headers;
            Ok(response)
        }
    }
}

/// Reads the whole body. The inner error means that the body is too long. The outer error means that the
/// connection was closed.
async fn read(mut body: Incoming) -> Result<Result<Bytes, ApiError>, Reset> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame.map_err(|_| Reset)?.into_data() {
            if bytes.len() + data.len() > MAX_REQUEST {
                return Ok(Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long.")));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(Ok(bytes.freeze()))
}
