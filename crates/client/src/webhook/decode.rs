//! Decodes the events of a delivery, which may be compressed.

use std::borrow::Cow;
use std::fmt;
use std::io::{ErrorKind, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_PAD_INDIFFERENT;
use flate2::bufread::GzDecoder;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use ultracart_model::{Event, Events};

use super::error::{DeliveryError, Reason};

/// Size in bytes of the first buffer for decompressed events. A full buffer is doubled, up to the maximum
/// size.
const FIRST_CHUNK: usize = 16 * 1024;

/// The body of a delivery: `{"events": …}`.
#[derive(Deserialize)]
struct DeliveryBody<'a> {
    #[serde(borrow)]
    events: EventList<'a>,
}

/// The list of events. It is JSON or, with `compress_events`, a string: the JSON of the list, compressed with
/// gzip and then encoded in base64.
enum EventList<'a> {
    Plain(Events),
    Compressed(Cow<'a, str>),
}

/// Decodes the events of a delivery. Refuses compressed events that have more than `max` bytes when
/// decompressed.
pub(super) fn events(body: &[u8], max: usize) -> Result<Vec<Event>, DeliveryError> {
    let DeliveryBody { events } =
        serde_json::from_slice(body).map_err(|error| DeliveryError::json("the delivery is", &error))?;
    let Events(events) = match events {
        EventList::Plain(events) => events,
        EventList::Compressed(text) => {
            let decompressed = decompress(&decode_base64(&text)?, max)?;
            serde_json::from_slice(&decompressed)
                .map_err(|error| DeliveryError::json("the decompressed events are", &error))?
        }
    };
    Ok(events)
}

fn decode_base64(text: &str) -> Result<Vec<u8>, DeliveryError> {
    let text = text.as_bytes();
    // Some encoders break lines.
    let text: Cow<'_, [u8]> = if text.iter().any(u8::is_ascii_whitespace) {
        text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
    } else {
        text.into()
    };
    STANDARD_PAD_INDIFFERENT
        .decode(&text)
        .map_err(|_| DeliveryError::undecodable("the events are a string that is not valid base64"))
}

/// Decompresses gzip. Never allocates more than `max` bytes for the result.
pub(super) fn decompress(compressed: &[u8], max: usize) -> Result<Vec<u8>, DeliveryError> {
    let mut gzip = GzDecoder::new(compressed);
    let mut read = |buffer: &mut [u8]| loop {
        match gzip.read(buffer) {
            Ok(length) => return Ok(length),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(DeliveryError::undecodable("the compressed events are truncated"));
            }
            Err(_) => return Err(DeliveryError::undecodable("the compressed events are not valid gzip")),
        }
    };
    let (mut decompressed, mut length) = (Vec::new(), 0);
    loop {
        if length == decompressed.len() {
            let chunk = length.max(FIRST_CHUNK).min(max - length);
            decompressed.reserve_exact(chunk);
            decompressed.resize(length + chunk, 0);
        }
        // Without space left, reads one more byte to find out whether this is the end.
        let (buffer, is_full) = match &mut decompressed[length..] {
            [] => (&mut [0; 1][..], true),
            buffer => (buffer, false),
        };
        match read(buffer)? {
            0 => break,
            _ if is_full => return Err(DeliveryError(Reason::TooLargeDecompressed { max })),
            more => length += more,
        }
    }
    decompressed.truncate(length);
    Ok(decompressed)
}

impl<'de: 'a, 'a> Deserialize<'de> for EventList<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PlainOrCompressed;
        impl<'de> Visitor<'de> for PlainOrCompressed {
            type Value = EventList<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events, or a string with compressed events")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<EventList<'de>, A::Error> {
                Events::deserialize(SeqAccessDeserializer::new(list)).map(EventList::Plain)
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<EventList<'de>, E> {
                Ok(EventList::Compressed(text.into()))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<EventList<'de>, E> {
                Ok(EventList::Compressed(text.to_owned().into()))
            }
        }
        deserializer.deserialize_any(PlainOrCompressed)
    }
}
