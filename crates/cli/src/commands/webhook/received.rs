//! Received deliveries, and the records to write for their events.

use jiff::{Timestamp, Unit};
use serde::Serialize;
use ultracart_client::webhook::Delivery;
use ultracart_model::{Event, User, UserId};
use ultracart_transport::Clock;

use crate::output::Record;

/// A delivery with the time at which it was received.
#[derive(Debug)]
pub(super) struct ReceivedDelivery {
    received_at: String,
    delivery: Delivery,
}

/// The record to write for one event of a delivery.
#[derive(Debug, Serialize)]
pub(super) struct EventRecord<'a> {
    received_at: &'a str,
    event: &'a str,
    user_id: Option<UserId>,
    login: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a User>,
}

impl ReceivedDelivery {
    pub(super) fn new(delivery: Delivery, clock: &dyn Clock) -> Self {
        // Rounded to a second, since the delay of the delivery is not known.
        let received_at = Timestamp::try_from(clock.wall()).and_then(|at| at.round(Unit::Second));
        Self { received_at: received_at.unwrap_or_default().to_string(), delivery }
    }

    pub(super) fn events(&self) -> Vec<EventRecord<'_>> {
        self.delivery.events.iter().map(|event| EventRecord::new(&self.received_at, event)).collect()
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
