//! The state of a simulated account, and the lock around it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ultracart_model::UserId;

use crate::account::{Account, UserRow};
use crate::clock::Clock;
use crate::fault::Faults;
use crate::limits::{Flights, Limits};
use crate::oauth::Credentials;
use crate::record::Records;
use crate::settings::Settings;
use crate::webhook::{Event, Queue};

/// The address that in-process calls come from, unless they bring a [`PeerIp`](crate::PeerIp).
pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The part of an account that all clones of a [`Sim`](crate::Sim) and all its services share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    state: Mutex<State>,
}

/// Everything about the account that changes.
pub(crate) struct State {
    pub(crate) account: Account,
    pub(crate) credentials: Credentials,
    pub(crate) limits: Limits,
    pub(crate) flights: Flights,
    pub(crate) faults: Faults,
    pub(crate) records: Records,
    pub(crate) events: Queue,
}

impl Shared {
    pub(crate) fn new(settings: Settings, clock: Clock, state: State) -> Self {
        Self { settings, clock, state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes that make an event for the webhook. Any other change of a user makes none.
impl State {
    /// Adds a user, or replaces the user with this id.
    pub(crate) fn put_user(&mut self, id: UserId, row: UserRow) {
        let event = if self.account.user(id).is_some() { Event::Update } else { Event::Create };
        self.account.put_user(id, row);
        self.tell(event, id);
    }

    /// Removes a user. The event shows the user as it was.
    pub(crate) fn remove_user(&mut self, id: UserId) -> bool {
        self.tell(Event::Delete, id);
        self.account.remove_user(id)
    }

    /// Replaces a user by the same user with one more login in the history.
    pub(crate) fn log_in(&mut self, id: UserId, row: UserRow) {
        self.account.put_user(id, row);
        self.tell(Event::Login, id);
    }

    fn tell(&mut self, event: Event, id: UserId) {
        let Some(row) = self.account.user(id) else { return };
        self.events.push(event, |out, now| {
            let history = self.account.history(row, now);
            self.account.group_names().write_user(out, row, Some(&history));
        });
    }
}
