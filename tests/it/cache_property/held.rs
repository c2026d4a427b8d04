//! A server that holds every request until the test responds to it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use tokio::sync::oneshot;
use tower_service::Service;

/// A service that holds every request until the test responds. Clones share the requests.
#[derive(Clone, Default)]
pub(crate) struct HeldService(Arc<Mutex<VecDeque<HeldRequest>>>);

/// A request that has arrived at the server and waits for its response.
pub(crate) struct HeldRequest {
    pub(crate) request: Request<Bytes>,
    response: oneshot::Sender<Response<String>>,
}

impl HeldService {
    /// Removes and returns the oldest request, if there is one.
    pub(crate) fn next(&self) -> Option<HeldRequest> {
        self.0.lock().unwrap().pop_front()
    }
}

impl HeldRequest {
    /// Sends the response, which is ignored if the caller was dropped.
    pub(crate) fn respond(self, response: Response<String>) {
        _ = self.response.send(response);
    }
}

impl Service<Request<Bytes>> for HeldService {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (response, responded) = oneshot::channel();
        self.0.lock().unwrap().push_back(HeldRequest { request, response });
        Box::pin(async move {
            match responded.await {
                Ok(response) => Ok(response),
                // The test has dropped the request, so there is no response.
                Err(_) => pending().await,
            }
        })
    }
}
