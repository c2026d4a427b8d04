//! Reads the body of a request, with limits for its size and time.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use ultracart_transport::Clock;

use super::error::{DeliveryError, Reason};

/// Time limit for reading a body: less than the 30 seconds that UltraCart waits for a response.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// Reads a whole body of at most `max` bytes. Never buffers more, whatever length the request declares.
///
/// # Errors
/// If the body is larger, exceeds the time limit or is incomplete.
pub(super) async fn read<B: Body<Data = Bytes>>(
    body: B,
    max: usize,
    clock: &dyn Clock,
) -> Result<Bytes, DeliveryError> {
    let too_large = DeliveryError(Reason::TooLarge { max });
    if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > max) {
        return Err(too_large);
    }
    let mut body = pin!(body);
    let mut timeout = clock.sleep(TIME_LIMIT);
    let mut bytes = BytesMut::new();
    loop {
        let frame = poll_fn(|cx| match body.as_mut().poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            Poll::Pending => {
                timeout.as_mut().poll(cx).map(|()| Err(DeliveryError(Reason::TooSlow { limit: TIME_LIMIT })))
            }
        });
        let Some(frame) = frame.await? else { return Ok(bytes.freeze()) };
        // Frames without data are trailers.
        let Ok(data) = frame.map_err(|_| DeliveryError(Reason::Incomplete))?.into_data() else { continue };
        if data.len() > max - bytes.len() {
            return Err(too_large);
        }
        bytes.extend_from_slice(&data);
    }
}
