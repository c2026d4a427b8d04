//! Response bodies, including slow, cut and huge ones.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

use crate::clock::sleep;
use crate::in_flight_guard::InFlightGuard;

const CHUNK: usize = 64 * 1024;

/// The body of a response.
///
/// The call stays in flight until the body has been read to its end or dropped.
#[must_use]
pub struct Body {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    guard: Option<InFlightGuard>,
}

#[derive(Debug)]
pub(crate) enum Step {
    Chunk(Bytes),
    /// Sends the same chunk this many times.
    Repeat(Bytes, u64),
    Wait(Duration),
    /// Returns `Pending` once. This gives the server time to send the previous chunk.
    Yield,
    /// Ends the body with an error.
    Break,
}

/// Error: the connection was closed in the middle of the response body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncompleteBody;

impl fmt::Display for IncompleteBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was closed in the middle of the body")
    }
}

impl std::error::Error for IncompleteBody {}

impl Body {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>, guard: Option<InFlightGuard>) -> Self {
        let mut body = Self { steps: steps.into_iter().collect(), sleep: None, guard };
        body.end_call_if_done();
        body
    }

    /// Ends the call if no step is left.
    fn end_call_if_done(&mut self) {
        if self.steps.is_empty() {
            self.guard = None;
        }
    }

    /// Returns the number of remaining bytes, or `None` for a cut or huge body.
    fn remaining(&self) -> Option<u64> {
        self.steps.iter().try_fold(0, |sum, step| match step {
            Step::Chunk(bytes) => Some(sum + bytes.len() as u64),
            Step::Wait(_) | Step::Yield => Some(sum),
            Step::Repeat(..) | Step::Break => None,
        })
    }
}

/// Returns the steps of a body that is sent without delay.
pub(crate) fn whole(body: &Bytes) -> Vec<Step> {
    pieces(body, CHUNK).map(Step::Chunk).collect()
}

/// Returns the steps of a body whose sending takes `duration`.
pub(crate) fn slow(body: &Bytes, duration: Duration) -> Vec<Step> {
    let pieces: Vec<Bytes> = pieces(body, body.len().div_ceil(8)).collect();
    let wait = duration.checked_div(u32::try_from(pieces.len()).unwrap_or(u32::MAX)).unwrap_or(duration);
    pieces.into_iter().flat_map(|piece| [Step::Wait(wait), Step::Chunk(piece)]).collect()
}

/// Returns the steps of a body that ends with an error after its first half.
pub(crate) fn cut(body: &Bytes) -> Vec<Step> {
    vec![Step::Chunk(body.slice(..body.len() / 2)), Step::Yield, Step::Break]
}

/// Returns the steps of a JSON object of at least `bytes` bytes. The object is never in memory as a whole.
pub(crate) fn huge(bytes: u64) -> Vec<Step> {
    let padding = Bytes::from(vec![b' '; CHUNK]);
    let times = bytes / CHUNK as u64 + 1;
    vec![
        Step::Chunk(Bytes::from_static(b"{\"success\":")),
        Step::Repeat(padding, times),
        Step::Chunk(Bytes::from_static(b"true}")),
    ]
}

fn pieces(body: &Bytes, size: usize) -> impl Iterator<Item = Bytes> {
    let size = size.max(1);
    (0..body.len()).step_by(size).map(move |start| body.slice(start..(start + size).min(body.len())))
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = IncompleteBody;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, IncompleteBody>>> {
        let this = self.get_mut();
        loop {
            if let Some(sleep) = &mut this.sleep {
                ready!(sleep.as_mut().poll(cx));
                this.sleep = None;
            }
            let Some(step) = this.steps.pop_front() else {
                this.end_call_if_done();
                return Poll::Ready(None);
            };
            let chunk = match step {
                Step::Chunk(chunk) => chunk,
                Step::Repeat(chunk, times) => {
                    if times > 1 {
                        this.steps.push_front(Step::Repeat(chunk.clone(), times - 1));
                    }
                    chunk
                }
                Step::Wait(duration) => {
                    this.sleep = Some(sleep(duration));
                    continue;
                }
                Step::Yield => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Step::Break => {
                    this.steps.clear();
                    this.end_call_if_done();
                    return Poll::Ready(Some(Err(IncompleteBody)));
                }
            };
            this.end_call_if_done();
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.sleep.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("remaining", &self.remaining()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn read(steps: Vec<Step>) -> Result<Bytes, IncompleteBody> {
        Ok(Body::new(steps, None).collect().await?.to_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn whole_and_slow_bodies_have_the_same_bytes() {
        let text = Bytes::from(vec![b'x'; 3 * CHUNK + 1]);
        let wait = Duration::from_secs(80);
        let start = sleep(Duration::ZERO).deadline();
        assert_eq!(read(whole(&text)).await.unwrap(), text);
        assert_eq!(sleep(Duration::ZERO).deadline(), start);
        assert_eq!(read(slow(&text, wait)).await.unwrap(), text);
        assert_eq!(sleep(Duration::ZERO).deadline() - start, wait);
        assert_eq!(read(slow(&Bytes::new(), wait)).await.unwrap(), "");
    }

    #[tokio::test]
    async fn cut_body_yields_its_first_half_then_an_error() {
        let mut body = Body::new(cut(&Bytes::from_static(b"abcdef")), None);
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "abc");
        assert_eq!(body.frame().await.unwrap().unwrap_err(), IncompleteBody);
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn huge_body_is_json_of_the_requested_size() {
        let bytes = read(huge(1_000_000)).await.unwrap();
        assert!(bytes.len() >= 1_000_000);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["success"], true);
    }
}
