//! The account over TCP: for the command, and for clients in any language.

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
use crate::reply::Problem;
use crate::route::BASE_PATH;
use crate::service::Reset;
use crate::sim::Sim;
use crate::webhook::{Target, post_all};

/// A request body longer than this is refused.
const MAX_REQUEST: usize = 16 * 1024 * 1024;
/// How long the head of a request may take to come, and then its body.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// How many connections there may be at once.
const MAX_CONNECTIONS: usize = 128;

/// A running server. Dropping it stops it at once and breaks its connections off.
///
/// It has room for 128 connections; further ones wait until one ends. One that brings no request for 30 seconds is
/// closed, and so is one whose body does not come whole in as long. A body has 16 MiB at the most.
pub struct Server {
    sim: Sim,
    addr: SocketAddr,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
    deliveries: Option<JoinHandle<()>>,
}

impl Sim {
    /// Serves the account at an address, as `127.0.0.1:0`: with port 0, any free one.
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
    /// If the address can't be listened at.
    pub async fn bind(&self, addr: impl ToSocketAddrs) -> io::Result<Server> {
        self.serve(TcpListener::bind(addr).await?)
    }

    /// Serves the account on a listener, from a task of the tokio runtime that this is called in.
    ///
    /// # Errors
    /// If the listener has no address.
    pub fn serve(&self, listener: TcpListener) -> io::Result<Server> {
        let addr = listener.local_addr()?;
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(accept(self.clone(), listener, stopped));
        Ok(Server { sim: self.clone(), addr, stop, task, deliveries: None })
    }
}

impl Server {
    /// The address that it listens at.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL for a client, as `http://127.0.0.1:8080/rest/v2`.
    pub fn base_url(&self) -> String {
        format!("http://{}{BASE_PATH}", self.addr)
    }

    /// Posts the deliveries of the account's [webhook](crate::Builder::webhook) to a URL, as soon as they are due and one
    /// after the other, until the server ends: from a task of the tokio runtime that this is called in. A URL that was
    /// given before is forgotten.
    ///
    /// A delivery that is not answered within 30 seconds with a 2xx is repeated up to ten times, after 1 second, 2
    /// seconds, and so on up to a minute, while those behind it wait. Then it is lost, and so is one that is under way
    /// when the server ends or gets another URL. What waits stays with the account.
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
    /// If it is no `http://` URL, or one with credentials in it.
    pub fn deliver_to(&mut self, url: &str) -> io::Result<()> {
        let target = Target::new(url)?;
        let task = tokio::spawn(post_all(self.sim.clone(), target));
        if let Some(before) = self.deliveries.replace(task) {
            before.abort();
        }
        Ok(())
    }

    /// Takes no more connections, answers the calls that are in flight, and ends. Connections that have none are broken
    /// off, those with a half-sent request too, so it takes as long as the slowest of those calls.
    ///
    /// # Cancel safety
    /// Dropping the future stops the server at once. A scripted [`hang`](crate::Fault::hang) never ends, and an answer
    /// that its client does not read does not either: bring a timeout where there can be one.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(());
        // The task is never cancelled while this waits, and does not panic.
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
                // Too many open files, most likely: they become fewer.
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
    // Without it answers are slower, and no less right.
    let _ = stream.set_nodelay(true);
    let has_arrived = AtomicBool::new(false);
    let service = service_fn(|request| answer(&sim, request, peer, &has_arrived));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIME)
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
        // Closing with nothing left to send says "reset" to the other side, and not "end".
        let _ = connection.into_parts().io.inner().set_zero_linger();
    }
}

/// `has_arrived` is whether the connection's latest request has come whole, and so may be a call in flight.
async fn answer(
    sim: &Sim,
    request: Request<Incoming>,
    peer: SocketAddr,
    has_arrived: &AtomicBool,
) -> Result<Response<Body>, Reset> {
    has_arrived.store(false, Ordering::Relaxed);
    let (parts, body) = request.into_parts();
    let body = tokio::select! {
        body = read(body) => body?,
        () = sleep(REQUEST_TIME) => {
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "The body did not come in time."))
        }
    };
    has_arrived.store(true, Ordering::Relaxed);
    match body {
        Ok(body) => {
            let mut request = Request::from_parts(parts, body);
            request.extensions_mut().insert(PeerIp(peer.ip()));
            sim.service().call(request).await
        }
        Err(problem) => {
            let reply = problem.reply(&sim.shared.settings.merchant_id);
            let mut response = Response::new(Body::new(whole(&reply.body), None));
            *response.status_mut() = reply.status;
            *response.headers_mut() = reply.headers;
            Ok(response)
        }
    }
}

/// The whole body, unless it is too long. Where it breaks off there is nobody left to answer.
async fn read(mut body: Incoming) -> Result<Result<Bytes, Problem>, Reset> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame.map_err(|_| Reset)?.into_data() {
            if bytes.len() + data.len() > MAX_REQUEST {
                return Ok(Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long.")));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(Ok(bytes.freeze()))
}
