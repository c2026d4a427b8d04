//! What webhooks tell.
//!
//! An event says that something has changed. What it says of the object is not taken over: it may be older than what is
//! remembered. But where it says what this client wrote itself, and nothing has changed since, it tells nothing new.

use ultracart_model::{Event, User, UserId};

use super::Caches;
use super::write::Effect;

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
        if self.recent.has_written(id, user, self.users.generations()) {
            return;
        }
        self.change(Effect::User { id: Some(id), groups: true, logins: true });
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
