//! Posts deliveries over TCP.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, StatusCode, Uri};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Host, Position, Url};

use crate::body::{Body, whole};
use crate::clock::sleep;
use crate::sim::Sim;

/// Timeout for the response to a delivery.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum number of retries of a delivery.
const MAX_RETRIES: u32 = 10;
/// Pause before the first retry. Each further pause is twice as long as the pause before it, up to
/// `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The destination of deliveries.
#[derive(Debug)]
pub(crate) struct Target {
    host: String,
    port: u16,
    /// The URL's host and port, for the `Host` header.
    authority: HeaderValue,
    path: Uri,
}

impl Target {
    pub(crate) fn new(url: &str) -> io::Result<Self> {
        let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why);
        let url = Url::parse(url).map_err(|error| invalid(&error.to_string()))?;
        if url.scheme() != "http" {
            return Err(invalid("the webhook URL must start with http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("the webhook URL must not contain credentials"));
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            None => return Err(invalid("the webhook URL has no host")),
        };
        let authority = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
        Ok(Self {
            host,
            port: url.port_or_known_default().unwrap_or(80),
            authority: authority.map_err(|error| invalid(&error.to_string()))?,
            path: Uri::try_from(&url[Position::BeforePath..Position::AfterQuery])
                .map_err(|error| invalid(&error.to_string()))?,
        })
    }

    /// Posts a delivery. Returns whether the response arrived in time with a 2xx status.
    async fn accepts(&self, delivery: &Request<Bytes>) -> bool {
        tokio::select! {
            status = self.post(delivery) => status.is_some_and(|status| status.is_success()),
            () = sleep(RESPONSE_TIMEOUT) => false,
        }
    }

    async fn post(&self, delivery: &Request<Bytes>) -> Option<StatusCode> {
        let mut request = Request::new(Body::new(whole(delivery.body()), None));
        *request.method_mut() = delivery.method().clone();
        *request.uri_mut() = self.path.clone();
        let headers = request.headers_mut();
        headers.clone_from(delivery.headers());
        headers.insert(HOST, self.authority.clone());

        let stream = TcpStream::connect((&*self.host, self.port)).await.ok()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        let response =
            async move { sender.send_request(request).await.ok().map(|response| response.status()) };
        // A connection error is ignored: the response may have arrived before it.
        let (status, _) = tokio::join!(response, connection);
        status
    }
}

/// Posts deliveries as they become due, one at a time. Never returns.
pub(crate) async fn post_all(sim: Sim, target: Target) {
    loop {
        let delivery = next(&sim).await;
        let mut pause = FIRST_PAUSE;
        let mut retries = 0;
        while !target.accepts(&delivery).await && retries < MAX_RETRIES {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            retries += 1;
        }
    }
}

/// Waits until a delivery is due and returns its request.
async fn next(sim: &Sim) -> Request<Bytes> {
    let queued = sim.shared.lock().events.queued();
    loop {
        let (delivery, due) = {
            let events = &mut sim.shared.lock().events;
            (events.next(), events.next_due())
        };
        match (delivery, due) {
            (Some(delivery), _) => return delivery.request(),
            (None, Some(due)) => tokio::select! {
                () = queued.notified() => {}
                () = sleep(due.saturating_sub(sim.elapsed())) => {}
            },
            (None, None) => queued.notified().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_accepts_only_plain_http_urls() {
        for (url, host, port, authority, path) in [
            ("http://127.0.0.1:8080/hook?shop=1#top", "127.0.0.1", 8080, "127.0.0.1:8080", "/hook?shop=1"),
            ("HTTP://Example.com", "example.com", 80, "example.com", "/"),
            ("http://[::1]:9/a b", "::1", 9, "[::1]:9", "/a%20b"),
        ] {
            let target = Target::new(url).unwrap();
            let found = (&*target.host, target.port, target.authority.to_str().unwrap());
            assert_eq!((found, &*target.path.to_string()), ((host, port, authority), path));
        }
        for url in ["", "/hook", "https://example.com/", "http://", "http://ada@x/", "http://:pw@x/"] {
            assert_eq!(Target::new(url).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{url}");
        }
    }
}
