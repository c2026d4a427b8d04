//! What webhooks tell.
//!
//! An event says that something has changed. What it says of the object is not taken over: it may be older than what is
//! remembered. But where it says the same as what is remembered it tells nothing new, as the one that follows every write
//! of this client does.

use ultracart_model::{Event, User, UserId};

use super::Caches;
use super::write::Effect;
use crate::list::{Listing as _, Users};

impl Caches {
    /// Something has happened, now or some time ago.
    pub(crate) fn on_event(&self, event: &Event) {
        if event.user().is_some() {
            // Whichever it is, UltraCart tells of users.
            self.surroundings.on_delivery();
        }
        match event {
            Event::UserCreate(user) | Event::UserUpdate(user) => self.on_user(event.user_id(), Some(user)),
            Event::UserDelete(_) => self.on_user(event.user_id(), None),
            Event::UserLogin(_) => self.on_login(event.user_id()),
            // Of something else.
            _ => {}
        }
    }

    /// A user is as this says; `None`: is not there any more.
    fn on_user(&self, id: Option<UserId>, user: Option<&User>) {
        let Some(id) = id else {
            // Whoever it was.
            self.users.generations().change_all();
            self.groups.generations().change_all();
            self.of_logins.change_all();
            return self.surroundings.on_event();
        };
        if self.users.says(id, user) {
            return;
        }
        // What this client wrote a moment ago is not the latest any more, or it may not be.
        self.recent.user(id, None, self.now());
        let known = self.users.unchanged_object(id);
        self.change(match (user, known) {
            (Some(user), Some(known)) if user.lacks(&known).all(|name| Users::READ_ONLY.contains(&name)) => {
                Effect::of_change(id, &known, user)
            }
            _ => Effect::User { id: Some(id), groups: true, logins: true },
        });
        self.surroundings.on_event();
    }

    /// A user has logged in. It touches nothing but their logins: a list that was read anew for each login would cost more
    /// than there is.
    fn on_login(&self, id: Option<UserId>) {
        match id {
            Some(id) => self.of_logins.change(id.get()),
            None => self.of_logins.change_all(),
        };
    }
}
