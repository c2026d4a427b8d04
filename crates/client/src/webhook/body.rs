//! Reads the body of a request within limits of length and time.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use ultracart_transport::Clock;

use super::refused::{Reason, Refused};

/// Time limit of a body. UltraCart waits for 30 seconds; a later answer is lost.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// Reads the whole body, unless it is longer than `max` bytes or exceeds the time limit. At most `max` bytes are kept,
/// whatever length the request claims.
pub(super) async fn read<B: Body<Data = Bytes>>(
    body: B,
    max: usize,
    clock: &dyn Clock,
) -> Result<Bytes, Refused> {
    let too_long = Refused(Reason::TooLong { max });
    if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > max) {
        return Err(too_long);
    }
    let mut body = pin!(body);
    let mut time_is_up = clock.sleep(TIME_LIMIT);
    let mut bytes = BytesMut::new();
    loop {
        let frame = poll_fn(|cx| match body.as_mut().poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            Poll::Pending => {
                time_is_up.as_mut().poll(cx).map(|()| Err(Refused(Reason::TooSlow { limit: TIME_LIMIT })))
            }
        });
        let Some(frame) = frame.await? else { return Ok(bytes.freeze()) };
        // Trailers are not data.
        let Ok(data) = frame.map_err(|_| Refused(Reason::BrokenOff))?.into_data() else { continue };
        if data.len() > max - bytes.len() {
            return Err(too_long);
        }
        bytes.extend_from_slice(&data);
    }
}
