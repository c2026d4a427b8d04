//! Scripted faults of webhook events.

use std::collections::VecDeque;
use std::time::Duration;

/// A scripted fault of a webhook event: lost, repeated or late.
///
/// By default, a fault affects only the next event. [`times`](Self::times) and [`always`](Self::always)
/// extend the fault to more events.
///
/// ```
/// use std::time::Duration;
/// use ultracart_sim::{Sim, Webhook, WebhookFault};
///
/// let sim = Sim::builder().webhook(Webhook::new()).build();
/// sim.webhook_fault(WebhookFault::lost());
/// sim.webhook_fault(WebhookFault::repeated(2));
/// sim.webhook_fault(WebhookFault::late(Duration::from_mins(5)).times(3));
/// for user in 1..=5 {
///     sim.edit_user(user, |user| user.phone = None);
/// }
/// // The event of user 1 is lost, that of user 2 is delivered three times, the others are late.
/// assert_eq!(sim.take_deliveries().len(), 3);
/// ```
///
/// Later events overtake a late one. [`shuffle_events`](crate::Sim::shuffle_events) reorders events without
/// delays.
#[derive(Clone, Debug)]
#[must_use = "a fault has no effect until it is passed to `Sim::webhook_fault`"]
pub struct WebhookFault {
    pub(super) action: EventFault,
    times: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum EventFault {
    Lose,
    Repeat(usize),
    Delay(Duration),
}

impl WebhookFault {
    fn new(action: EventFault) -> Self {
        Self { action, times: 1 }
    }

    /// Never delivers the event.
    pub fn lost() -> Self {
        Self::new(EventFault::Lose)
    }

    /// Delivers the event `times` more times, in succession.
    pub fn repeated(times: usize) -> Self {
        Self::new(EventFault::Repeat(times))
    }

    /// Delays the event. The event still contains the user as it was right after the change.
    pub fn late(delay: Duration) -> Self {
        Self::new(EventFault::Delay(delay))
    }

    /// Sets how many events the fault affects, 1 by default.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Affects an unlimited number of events, instead of 1.
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }
}

/// The pending webhook faults, in the order in which they were scripted.
#[derive(Debug, Default)]
pub(crate) struct WebhookFaults(VecDeque<WebhookFault>);

impl WebhookFaults {
    pub(crate) fn push(&mut self, fault: WebhookFault) {
        if fault.times > 0 {
            self.0.push_back(fault);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the fault that affects the next event, or `None`. Counts this event as affected.
    pub(super) fn next(&mut self) -> Option<EventFault> {
        let fault = self.0.front_mut()?;
        let action = fault.action;
        if fault.times < u32::MAX {
            fault.times -= 1;
        }
        if fault.times == 0 {
            self.0.pop_front();
        }
        Some(action)
    }
}
