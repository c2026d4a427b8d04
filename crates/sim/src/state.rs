//! The state of a simulated account and its lock.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ultracart_model::UserId;

use crate::account::{Account, UserRow};
use crate::clock::Clock;
use crate::fault::Faults;
use crate::limits::{CallsInFlight, Limits};
use crate::oauth::Credentials;
use crate::record::Records;
use crate::settings::Settings;
use crate::webhook::{Event, EventQueue};

/// The IP address of requests without a [`PeerIp`](crate::PeerIp) extension.
pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The settings and the state that a [`Sim`](crate::Sim), its clones and its services share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    state: Mutex<State>,
}

/// The mutable state of an account.
pub(crate) struct State {
    pub(crate) account: Account,
    pub(crate) credentials: Credentials,
    pub(crate) limits: Limits,
    pub(crate) calls_in_flight: CallsInFlight,
    pub(crate) faults: Faults,
    pub(crate) records: Records,
    pub(crate) events: EventQueue,
}

impl Shared {
    pub(crate) fn new(settings: Settings, clock: Clock, state: State) -> Self {
        Self { settings, clock, state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes that queue a webhook event. Changes made directly to `account` queue none.
impl State {
    /// Adds a user, or replaces the user with this ID.
    pub(crate) fn put_user(&mut self, id: UserId, row: UserRow) {
        let event = if self.account.user(id).is_some() { Event::Update } else { Event::Create };
        self.account.put_user(id, row);
        self.queue_event(event, id);
    }

    /// Removes a user. The event contains the user as it was before. Returns `false`, and queues no event, if
    /// the user does not exist.
    pub(crate) fn remove_user(&mut self, id: UserId) -> bool {
        self.queue_event(Event::Delete, id);
        self.account.remove_user(id)
    }

    /// Stores a user after a login. The caller has already added the login to the user's history.
    pub(crate) fn log_in(&mut self, id: UserId, row: UserRow) {
        self.account.put_user(id, row);
        self.queue_event(Event::Login, id);
    }

    fn queue_event(&mut self, event: Event, id: UserId) {
        let Some(row) = self.account.user(id) else { return };
        self.events.push(event, |out, now| {
            let history = self.account.history(row, now);
            self.account.user_writer().write_user(out, row, Some(&history));
        });
    }
}
