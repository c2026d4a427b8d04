//! What goes wrong between an event and whoever is told of it.

use std::collections::VecDeque;
use std::time::Duration;

/// Something that goes wrong with one event: the next one, unless [`times`](Self::times) says otherwise.
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
/// assert_eq!(sim.take_deliveries().len(), 3, "the second user's, and that twice more");
/// ```
///
/// A late event is overtaken by those that happen meanwhile; [`shuffle_deliveries`](crate::Sim::shuffle_deliveries) puts
/// events out of order without any waiting.
#[derive(Clone, Debug)]
#[must_use = "a fault happens when it is given to `Sim::webhook_fault`"]
pub struct WebhookFault {
    pub(super) action: Action,
    times: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Lose,
    Repeat(usize),
    Delay(Duration),
}

impl WebhookFault {
    fn new(action: Action) -> Self {
        Self { action, times: 1 }
    }

    /// The event is never delivered.
    pub fn lost() -> Self {
        Self::new(Action::Lose)
    }

    /// The event comes so many times more, one right behind the other.
    pub fn repeated(times: usize) -> Self {
        Self::new(Action::Repeat(times))
    }

    /// The event is due so much later, with the user as they were when it happened.
    pub fn late(delay: Duration) -> Self {
        Self::new(Action::Delay(delay))
    }

    /// It happens to this many events.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// It happens to every event from then on.
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }
}

/// The faults that have yet to happen, in the order in which they were scripted.
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

    /// What happens to an event, if anything does.
    pub(super) fn next(&mut self) -> Option<Action> {
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
