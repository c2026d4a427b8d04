//! The body of a request, which may be long and slow.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use ultracart_transport::Clock;

use super::refused::{Reason, Refused};

/// How long a body may take. UltraCart waits for 30 seconds, and then nobody hears the answer.
pub(super) const TIME: Duration = Duration::from_secs(20);

/// The whole body, unless it is longer than `max` bytes or does not come in time. No more of it is kept than `max`
/// bytes, whatever length it says that it has.
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
    let mut time_is_up = clock.sleep(TIME);
    let mut bytes = BytesMut::new();
    loop {
        let frame = poll_fn(|cx| match body.as_mut().poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            Poll::Pending => time_is_up.as_mut().poll(cx).map(|()| Err(Refused(Reason::TooSlow))),
        });
        let Some(frame) = frame.await? else { return Ok(bytes.freeze()) };
        // Trailers are no data.
        let Ok(data) = frame.map_err(|_| Refused(Reason::BrokenOff))?.into_data() else { continue };
        if data.len() > max - bytes.len() {
            return Err(too_long);
        }
        bytes.extend_from_slice(&data);
    }
}
