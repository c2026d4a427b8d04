//! Invalidation by webhook events.
//!
//! The object in an event is never cached, because events may be late, repeated or out of order. An event
//! about a write of this client invalidates the object a second time, which may cost one load.

use ultracart_model::{Event, UserId};
use ultracart_transport::Instant;

use super::caches::Caches;
use super::effect::Effect;
use super::logical_clock::Change;
use crate::list::Users;

impl Caches {
    /// Invalidates the objects that an event reports as changed.
    pub(crate) fn on_event(&self, event: &Event) {
        if event.user().is_some() {
            self.context.on_delivery();
        }
        match event {
            Event::UserCreate(_) | Event::UserUpdate(_) | Event::UserDelete(_) => {
                match event.user_id() {
                    Some(id) => {
                        self.invalidate::<Users>(Some(id), Effect::OF_WHOLE_USER, Instant::START);
                    }
                    None => self.invalidate_everything(),
                }
                self.context.on_event();
            }
            // Only the logins are invalidated: reloading the list after each login would exceed the quota.
            Event::UserLogin(_) => {
                let change = event.user_id().map(UserId::get).map_or(Change::Everything, Change::Object);
                self.logins.logical_clock.record(change, Instant::START);
            }
            // Other events do not concern users.
            _ => {}
        }
    }
}
