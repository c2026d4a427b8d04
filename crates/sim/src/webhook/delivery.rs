//! Builds the request of a delivery.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};

use super::{Encoding, Webhook};
use crate::account::write_list;
use crate::response::header_value;

/// A delivery of one or more events.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(super) webhook: Webhook,
    /// Each event as a JSON object, whose only key is the event's name.
    pub(super) events: Vec<Bytes>,
}

impl Delivery {
    pub(crate) fn request(&self) -> Request<Bytes> {
        let mut request = Request::new(self.body().into());
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some((user, password)) = &self.webhook.credentials {
            let credentials = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
            let mut value = header_value(&format!("Basic {credentials}"));
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        request
    }

    fn body(&self) -> Vec<u8> {
        let mut events = Vec::new();
        write_list(&mut events, self.events.iter(), |out, event| out.extend_from_slice(event));
        let (before, events, after) = match self.webhook.encoding {
            Encoding::Plain => ("", events, ""),
            Encoding::Compressed => ("\"", BASE64_STANDARD.encode(gzip(&events)).into_bytes(), "\""),
        };
        [br#"{"events":"#, before.as_bytes(), &events, after.as_bytes(), b"}"].concat()
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail.
    let written = encoder.write_all(plain).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}
