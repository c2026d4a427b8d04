//! The queue of events that wait for delivery.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::delivery::Delivery;
use super::fault::{EventFault, WebhookFaults};
use super::{Event, Webhook};
use crate::account::Rng;
use crate::clock::Clock;

/// Maximum number of waiting events. Beyond it, the events that are due first are lost.
const MAX_EVENTS: usize = 10_000;
/// Maximum size of the waiting events, in bytes. `MAX_EVENTS` does not limit their size, because a user can
/// have fields of any length.
const MAX_BYTES: usize = 128 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct EventQueue {
    webhook: Option<Webhook>,
    clock: Clock,
    /// The waiting events, in the order in which they are due.
    waiting: VecDeque<Waiting>,
    /// Size of `waiting`, in bytes.
    bytes: usize,
    pub(crate) faults: WebhookFaults,
    /// Notified when an event is queued.
    queued: Arc<Notify>,
}

#[derive(Debug)]
struct Waiting {
    due: Duration,
    /// The event as it is written into a delivery.
    json: Bytes,
}

impl EventQueue {
    pub(crate) fn new(webhook: Option<Webhook>, clock: Clock) -> Self {
        Self {
            webhook,
            clock,
            waiting: VecDeque::new(),
            bytes: 0,
            faults: WebhookFaults::default(),
            queued: Arc::default(),
        }
    }

    /// Queues an event if there is a webhook. The queue passes the current date and time to `write_user`,
    /// which writes the user's JSON as of then.
    pub(crate) fn push(&mut self, event: Event, write_user: impl FnOnce(&mut Vec<u8>, Timestamp)) {
        if self.webhook.is_none() {
            return;
        }
        let now = self.clock.now();
        let (copies, due) = match self.faults.next() {
            None => (1, now),
            Some(EventFault::Lose) => return,
            Some(EventFault::Repeat(times)) => (times.saturating_add(1), now),
            Some(EventFault::Delay(delay)) => (1, now.saturating_add(delay)),
        };
        let mut json = format!(r#"{{"{}":"#, event.name()).into_bytes();
        write_user(&mut json, self.clock.wall());
        json.push(b'}');
        let json = Bytes::from(json);
        for _ in 0..copies.min(MAX_EVENTS) {
            self.insert(Waiting { due, json: json.clone() });
        }
        self.queued.notify_one();
    }

    fn insert(&mut self, event: Waiting) {
        self.bytes += event.json.len();
        let place = self.waiting.partition_point(|other| other.due <= event.due);
        self.waiting.insert(place, event);
        while self.waiting.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let Some(first) = self.waiting.pop_front() else { return };
            self.bytes -= first.json.len();
        }
    }

    /// Removes and returns the next delivery, if one is due.
    pub(crate) fn next(&mut self) -> Option<Delivery> {
        let webhook = self.webhook.as_ref()?;
        let now = self.clock.now();
        let due = self.waiting.iter().take(webhook.bundle).take_while(|event| event.due <= now).count();
        if due == 0 {
            return None;
        }
        let events: Vec<Bytes> = self.waiting.drain(..due).map(|event| event.json).collect();
        self.bytes -= events.iter().map(Bytes::len).sum::<usize>();
        Some(Delivery { webhook: webhook.clone(), events })
    }

    /// Shuffles the waiting events: distributes their due times among them at random.
    pub(crate) fn shuffle(&mut self, seed: u64) {
        let mut rng = Rng::new(seed, 0);
        let mut events: Vec<(u64, Bytes)> =
            self.waiting.iter().map(|event| (rng.next(), event.json.clone())).collect();
        events.sort_by_key(|(chance, _)| *chance);
        for (place, (_, json)) in self.waiting.iter_mut().zip(events) {
            place.json = json;
        }
    }
}

#[cfg(feature = "tcp")]
impl EventQueue {
    /// Returns a handle that is notified when an event is queued.
    pub(crate) fn queued(&self) -> Arc<Notify> {
        Arc::clone(&self.queued)
    }

    /// Returns the time at which the first event is due, or `None` if no event waits.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.waiting.front().map(|event| event.due)
    }
}
