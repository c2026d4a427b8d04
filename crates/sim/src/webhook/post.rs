//! Deliveries over TCP.

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

/// UltraCart waits this long for an answer.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// How often a delivery is repeated that is not taken.
const REPEATS: u32 = 10;
/// The pause before the first repeat. The next ones are twice as long each, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Where deliveries are posted to.
#[derive(Debug)]
pub(crate) struct Target {
    host: String,
    port: u16,
    /// Host and port as they stand in the URL.
    authority: HeaderValue,
    path: Uri,
}

impl Target {
    pub(crate) fn new(url: &str) -> io::Result<Self> {
        let refused = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why);
        let url = Url::parse(url).map_err(|error| refused(&error.to_string()))?;
        if url.scheme() != "http" {
            return Err(refused("only http:// can be delivered to"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("credentials are the webhook's, and do not stand in the URL"));
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            None => return Err(refused("there is no host in the URL")),
        };
        let authority = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
        Ok(Self {
            host,
            port: url.port_or_known_default().unwrap_or(80),
            authority: authority.map_err(|error| refused(&error.to_string()))?,
            path: Uri::try_from(&url[Position::BeforePath..Position::AfterQuery])
                .map_err(|error| refused(&error.to_string()))?,
        })
    }

    /// Whether a delivery is answered in time with a status of success.
    async fn takes(&self, delivery: &Request<Bytes>) -> bool {
        tokio::select! {
            status = self.post(delivery) => status.is_some_and(|status| status.is_success()),
            () = sleep(ANSWER_TIME) => false,
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
        let answer = async move { sender.send_request(request).await.ok().map(|answer| answer.status()) };
        // How the connection ends says nothing about the answer, which may have come before.
        let (status, _) = tokio::join!(answer, connection);
        status
    }
}

/// Posts what is due, one delivery after the other, for as long as it is polled.
pub(crate) async fn post_all(sim: Sim, target: Target) {
    loop {
        let delivery = next(&sim).await;
        let mut pause = FIRST_PAUSE;
        let mut repeats = 0;
        while !target.takes(&delivery).await && repeats < REPEATS {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            repeats += 1;
        }
    }
}

/// The next delivery, as soon as one is due.
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
    fn a_url_says_where_and_what_else_is_refused() {
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
