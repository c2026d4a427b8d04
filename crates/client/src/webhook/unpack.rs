//! The events in a delivery, which may be packed.

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

use super::refused::{Reason, Refused};

/// What is unpacked at first; then twice as much each time.
const CHUNK: usize = 16 * 1024;

/// `{"events": …}`.
#[derive(Deserialize)]
struct Delivered<'a> {
    #[serde(borrow)]
    events: List<'a>,
}

/// `[…]`, or, with `compress_events`, that text as base64 of gzip.
enum List<'a> {
    Plain(Events),
    Packed(Cow<'a, str>),
}

/// The events in the body of a delivery, of which no more than `max` bytes are unpacked.
pub(super) fn events(body: &[u8], max: usize) -> Result<Vec<Event>, Refused> {
    let Delivered { events } =
        serde_json::from_slice(body).map_err(|error| Refused::json("the delivery is", &error))?;
    let Events(events) = match events {
        List::Plain(events) => events,
        List::Packed(text) => {
            let unpacked = inflate(&decode(&text)?, max)?;
            serde_json::from_slice(&unpacked)
                .map_err(|error| Refused::json("the unpacked events are", &error))?
        }
    };
    Ok(events)
}

fn decode(text: &str) -> Result<Vec<u8>, Refused> {
    let text = text.as_bytes();
    // Some encoders break their lines.
    let text: Cow<'_, [u8]> = if text.iter().any(u8::is_ascii_whitespace) {
        text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
    } else {
        text.into()
    };
    STANDARD_PAD_INDIFFERENT
        .decode(&text)
        .map_err(|_| Refused::unreadable("the events are a text and no base64"))
}

/// What `packed` unpacks to. It never makes room for more than `max` bytes.
pub(super) fn inflate(packed: &[u8], max: usize) -> Result<Vec<u8>, Refused> {
    let mut gzip = GzDecoder::new(packed);
    let mut read = |buffer: &mut [u8]| loop {
        match gzip.read(buffer) {
            Ok(length) => return Ok(length),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(Refused::unreadable("the packed events are cut off"));
            }
            Err(_) => return Err(Refused::unreadable("the packed events are no gzip, or broken")),
        }
    };
    let (mut unpacked, mut length) = (Vec::new(), 0);
    loop {
        if length == unpacked.len() {
            let room = length.max(CHUNK).min(max - length);
            unpacked.reserve_exact(room);
            unpacked.resize(length + room, 0);
        }
        // Where there is no room left, whether it goes on.
        let (buffer, is_full) = match &mut unpacked[length..] {
            [] => (&mut [0; 1][..], true),
            buffer => (buffer, false),
        };
        match read(buffer)? {
            0 => break,
            _ if is_full => return Err(Refused(Reason::TooLongUnpacked { max })),
            more => length += more,
        }
    }
    unpacked.truncate(length);
    Ok(unpacked)
}

impl<'de: 'a, 'a> Deserialize<'de> for List<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = List<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events, or a text that it is packed in")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<List<'de>, A::Error> {
                Events::deserialize(SeqAccessDeserializer::new(list)).map(List::Plain)
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<List<'de>, E> {
                Ok(List::Packed(text.into()))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<List<'de>, E> {
                Ok(List::Packed(text.to_owned().into()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
