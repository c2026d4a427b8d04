//! What was received, as data.

use jiff::{Timestamp, Unit};
use serde::Serialize;
use ultracart_client::webhook::Delivery;
use ultracart_model::{Event, User, UserId};
use ultracart_transport::Clock;

use crate::output::Record;

/// A delivery, and when it came.
#[derive(Debug)]
pub(super) struct Batch {
    received_at: String,
    delivery: Delivery,
}

/// One of its events.
#[derive(Debug, Serialize)]
pub(super) struct EventRecord<'a> {
    received_at: &'a str,
    event: &'a str,
    user_id: Option<UserId>,
    login: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a User>,
}

impl Batch {
    pub(super) fn new(delivery: Delivery, clock: &dyn Clock) -> Self {
        // To the second: how long it was under way is not known any better.
        let received_at = Timestamp::try_from(clock.wall()).and_then(|at| at.round(Unit::Second));
        Self { received_at: received_at.unwrap_or_default().to_string(), delivery }
    }

    pub(super) fn events(&self) -> Vec<EventRecord<'_>> {
        let received = |event| EventRecord::new(&self.received_at, event);
        self.delivery.events.iter().map(received).collect()
    }
}

impl<'a> EventRecord<'a> {
    fn new(received_at: &'a str, event: &'a Event) -> Self {
        let user = event.user();
        let login = user.and_then(|user| user.login.as_deref());
        Self { received_at, event: event.name(), user_id: event.user_id(), login, user }
    }
}

impl Record for EventRecord<'_> {
    const COLUMNS: &'static [&'static str] = &["TIME                ", "EVENT      ", "USER ID", "LOGIN"];
    const FIELDS: &'static [&'static str] = &["received_at", "event", "user_id", "login"];

    fn row(&self) -> Vec<String> {
        self.fields()
    }

    fn fields(&self) -> Vec<String> {
        vec![
            self.received_at.to_owned(),
            self.event.to_owned(),
            self.user_id.map_or_else(String::new, |id| id.to_string()),
            self.login.unwrap_or_default().to_owned(),
        ]
    }
}
