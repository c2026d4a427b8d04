//! Tests the spans of a call and of its attempts.
//!
//! This is a separate test binary, because it installs a global subscriber.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::{Layer, Registry};
use ultracart_client::Client;
use ultracart_sim::{Fault, Sim};

type Fields = BTreeMap<String, String>;

/// A layer that records all spans in the order in which they were opened.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Span>>>);

/// A span's ID, name and fields.
type Span = (u64, &'static str, Fields);

/// A visitor that stores the values of fields.
struct FieldVisitor<'a>(&'a mut Fields);

impl Visit for FieldVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Layer<Registry> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, Registry>) {
        let mut fields = Fields::new();
        attributes.record(&mut FieldVisitor(&mut fields));
        self.0.lock().unwrap().push((id.into_u64(), attributes.metadata().name(), fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, Registry>) {
        let mut spans = self.0.lock().unwrap();
        if let Some((.., fields)) = spans.iter_mut().rev().find(|(other, ..)| *other == id.into_u64()) {
            values.record(&mut FieldVisitor(fields));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn call_and_each_attempt_have_a_span() {
    let spans = Spans::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(spans.clone())).unwrap();
    let sim = Sim::builder().users(2).build();
    sim.script([Fault::too_many_requests(), Fault::status_500()]);
    let client = Client::builder().simple_key(sim.simple_key().expose()).service(sim.service()).build();
    client.unwrap().user_api().get_users().await.unwrap();

    let spans = spans.0.lock().unwrap();
    let shown: Vec<_> = spans.iter().map(|(_, name, fields)| (*name, fields)).collect();
    let [("ultracart", call), attempts @ ..] = &shown[..] else { panic!("{shown:?}") };
    for (field, value) in [
        ("operation", "get_users"),
        ("cache", "miss"),
        ("attempts", "3"),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(call.get(field).map(String::as_str), Some(value), "{field} in {call:?}");
    }
    let field = |name: &str| -> Vec<Option<&str>> {
        attempts.iter().map(|(_, fields)| fields.get(name).map(String::as_str)).collect()
    };
    assert_eq!(field("otel.kind"), [Some("client"); 3]);
    assert_eq!(field("http.request.method"), [Some("GET"); 3]);
    assert_eq!(field("server.address"), [Some("secure.ultracart.com"); 3]);
    assert_eq!(field("url.full"), [Some("https://secure.ultracart.com/rest/v2/user/users"); 3]);
    assert_eq!(field("http.request.resend_count"), [Some("0"), Some("1"), Some("2")]);
    assert_eq!(field("http.response.status_code"), [Some("429"), Some("500"), Some("200")]);
    let waits = field("permit.wait_ms");
    assert_eq!((waits[0], waits[1]), (Some("0"), Some("3600")));
    let bounds = field("permit.constraint");
    assert!(bounds[0].is_none() && bounds[1].is_some_and(|bound| bound.contains("Window")), "{bounds:?}");
}
