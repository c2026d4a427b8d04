//! What a webhook event invalidates.
//!
//! An event only says that something changed: it may be late, come twice or out of order, so what it says about the object
//! is never cached. An event about a write of this client invalidates once more, and so may cost one reload.

use ultracart_model::{Event, UserId};
use ultracart_transport::Instant;

use super::caches::Caches;
use super::effect::Effect;
use super::generations::Change;
use crate::list::Users;

impl Caches {
    /// Invalidates what an event says has changed, now or some time ago.
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
            // Nothing but the logins: a reload of the list for each login would cost more than the quota has.
            Event::UserLogin(_) => {
                let change = event.user_id().map(UserId::get).map_or(Change::Everything, Change::Object);
                self.logins.generations.record(change, Instant::START);
            }
            // Not about users.
            _ => {}
        }
    }
}
