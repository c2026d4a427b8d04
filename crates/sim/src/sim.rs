//! The account with everything around it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ultracart_model::UserId;

use crate::account::{Account, UserRow};
use crate::builder::Builder;
use crate::clock::Clock;
use crate::fault::Faults;
use crate::limits::{Flights, Limits, Scope, Window};
use crate::oauth::Credentials;
use crate::record::Records;
use crate::service::SimService;
use crate::settings::Settings;
use crate::webhook::{Event, Queue, Webhook};

/// Where calls come from in process, unless they bring a [`PeerIp`](crate::PeerIp).
pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A simulated account. Clones share one state.
#[derive(Clone)]
pub struct Sim {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) account: Account,
    pub(crate) credentials: Credentials,
    pub(crate) limits: Limits,
    pub(crate) flights: Flights,
    pub(crate) faults: Faults,
    pub(crate) records: Records,
    pub(crate) events: Queue,
}

impl Sim {
    /// What an account is to be like.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(
        settings: Settings,
        clock: Clock,
        account: Account,
        credentials: Credentials,
        windows: Vec<Window>,
        webhook: Option<Webhook>,
    ) -> Self {
        let applications = credentials.applications().map(|name| Scope::Application(name.to_owned()));
        let limits = Limits::new(windows, applications.chain([Scope::Ip(LOOPBACK)]));
        let state = State {
            account,
            credentials,
            limits,
            flights: Flights::default(),
            faults: Faults::default(),
            records: Records::default(),
            events: Queue::new(webhook, clock),
        };
        Self { shared: Arc::new(Shared { settings, clock, state: Mutex::new(state) }) }
    }

    /// The account as a service, without any socket.
    pub fn service(&self) -> SimService {
        SimService::new(Arc::clone(&self.shared))
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes that the webhook is told of. What changes a user in any other way is silent.
impl State {
    /// Puts a user in the place of whoever was there.
    pub(crate) fn put_user(&mut self, id: UserId, row: UserRow) {
        let event = if self.account.user(id).is_some() { Event::Update } else { Event::Create };
        self.account.put_user(id, row);
        self.tell(event, id);
    }

    /// Takes a user away. The webhook is told how they were.
    pub(crate) fn remove_user(&mut self, id: UserId) -> bool {
        self.tell(Event::Delete, id);
        self.account.remove_user(id)
    }

    /// A user with a login more in their history.
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

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}
