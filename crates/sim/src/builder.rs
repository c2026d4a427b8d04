//! The builder of a simulated account.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ultracart_model::Token;

use crate::account::{self, Population};
use crate::clock::Clock;
use crate::fault::Faults;
use crate::limits::{Flights, Limits, Scope, Window};
use crate::oauth::{Client, Credentials};
use crate::record::Records;
use crate::settings::{Count, GetGroupBody, Histories, Settings, UnknownId};
use crate::sim::Sim;
use crate::state::{LOOPBACK, Shared, State};
use crate::webhook::{Queue, Webhook};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Makes a [`Sim`]. Nothing has to be set: the default is a shop of 20 users and 12 groups with UltraCart's own limits.
///
/// ```
/// use std::time::Duration;
/// use ultracart_sim::{Sim, Window};
///
/// let sim = Sim::builder()
///     .users(200)
///     .simple_key("only-a-test")
///     .windows([Window::sliding_log(1_000, Duration::from_hours(1))])
///     .latency(Duration::from_millis(250))
///     .build();
/// assert_eq!(sim.users().len(), 200);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    population: Population,
    start_at: Option<Timestamp>,
    simple_key: Token,
    oauth: Vec<Client>,
    token_lifetime: Duration,
    windows: Vec<Window>,
    settings: Settings,
    webhook: Option<Webhook>,
}

impl Sim {
    /// Returns a builder with the defaults.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    fn new() -> Self {
        Self {
            population: Population { users: 20, groups: 12, seed: 1 },
            start_at: None,
            simple_key: "simulated-key".into(),
            oauth: Vec::new(),
            token_lifetime: HOUR,
            windows: vec![Window::leaky_bucket(1_000, HOUR), Window::leaky_bucket(10_000, DAY)],
            settings: Settings::default(),
            webhook: None,
        }
    }

    /// How many users the account has: 20 if not set. From about 40 there is some of everything that an auditor looks
    /// for: dormant users, no second factor, an address that several logins share, …
    pub fn users(mut self, users: u32) -> Self {
        self.population.users = users;
        self
    }

    /// How many groups the account has: 12 if not set. Nobody is in the last one.
    pub fn groups(mut self, groups: u32) -> Self {
        self.population.groups = groups;
        self
    }

    /// Another seed gives other people. The same seed and the same [start](Self::start_at) give the same account.
    pub fn seed(mut self, seed: u64) -> Self {
        self.population.seed = seed;
        self
    }

    /// The time of day at the start: the machine's if not set. It goes on with tokio's clock.
    pub fn start_at(mut self, time: Timestamp) -> Self {
        self.start_at = Some(time);
        self
    }

    /// The simple key to call with: `simulated-key` if not set.
    pub fn simple_key(mut self, key: &str) -> Self {
        self.simple_key = key.into();
        self
    }

    /// Adds an OAuth application with its first refresh token, for reading and writing.
    pub fn oauth(self, client_id: &str, refresh_token: &str) -> Self {
        self.oauth_with_scopes(client_id, refresh_token, "user_read user_write")
    }

    /// Adds an OAuth application that has these scopes, with spaces in between: `user_read` to read, and `user_write` for
    /// all else. A call beyond them is answered as one with bad credentials, with a 401: what UltraCart answers is not
    /// known.
    pub fn oauth_with_scopes(mut self, client_id: &str, refresh_token: &str, scopes: &str) -> Self {
        self.oauth.push(Client::new(client_id, refresh_token, scopes));
        self
    }

    /// How long an access token lives: an hour if not set.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// The limits, for each application and for each IP address: if not set, leaky buckets of 1,000 calls an hour
    /// and 10,000 a day.
    pub fn windows(mut self, windows: impl IntoIterator<Item = Window>) -> Self {
        self.windows = windows.into_iter().collect();
        self
    }

    /// No windows, and any number of calls in flight.
    pub fn unlimited(self) -> Self {
        self.windows([]).max_in_flight(u32::MAX)
    }

    /// How many calls of an application or an address may be in flight: 1 if not set.
    pub fn max_in_flight(mut self, calls: u32) -> Self {
        self.settings.max_in_flight = calls;
        self
    }

    /// What a 429 for too many calls in flight says: UltraCart's own text is not known.
    pub fn concurrency_message(mut self, message: &str) -> Self {
        message.clone_into(&mut self.settings.concurrency_message);
        self
    }

    /// Whether a call that a limit refused is counted: no, if not set.
    pub fn count_rejected(mut self, count: Count) -> Self {
        self.settings.count_rejected = count;
        self
    }

    /// Whether a call to `/oauth/token` is counted, for its address and for the application that it names, and may not
    /// be in flight beside another: no, if not set.
    pub fn count_tokens(mut self, count: Count) -> Self {
        self.settings.count_tokens = count;
        self
    }

    /// Lists come in pages of this many objects: whole if not set. `_limit` asks for smaller pages.
    pub fn page_size(mut self, objects: impl Into<Option<usize>>) -> Self {
        self.settings.page_size = objects.into();
        self
    }

    /// What `getGroup` answers with: the group, if not set.
    pub fn get_group_body(mut self, body: GetGroupBody) -> Self {
        self.settings.get_group_body = body;
        self
    }

    /// Whether the users of a list bring their `login_histories`: none, if not set.
    pub fn histories_in_list(mut self, histories: Histories) -> Self {
        self.settings.histories_in_list = histories;
        self
    }

    /// The status for an identifier that nobody has: 400, if not set.
    pub fn unknown_id(mut self, status: UnknownId) -> Self {
        self.settings.unknown_id = status;
        self
    }

    /// How long the account works on each call: no time at all, if not set. What a call does, it does when it arrives;
    /// the answer comes this much later. The account goes on working when the client has gone away.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.settings.latency = latency;
        self
    }

    /// The merchant id in the errors: `DEMO`, if not set.
    pub fn merchant_id(mut self, merchant_id: &str) -> Self {
        merchant_id.clone_into(&mut self.settings.merchant_id);
        self
    }

    /// How many of the latest requests [`Sim::requests`] remembers: 20,000, if not set; and never more than 32 MiB of
    /// paths, headers and bodies. With 0 it remembers none: for an account that is served for long.
    pub fn keep_requests(mut self, requests: usize) -> Self {
        self.settings.keep_requests = requests;
        self
    }

    /// The account's webhook, in the place of one that was set before: it has none if not set, and nothing is told then.
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        self.webhook = Some(webhook);
        self
    }

    /// The account. It opens no socket and starts no task.
    pub fn build(self) -> Sim {
        let clock = Clock::start(self.start_at);
        let account = account::seed(self.population, clock.started_at());
        let credentials =
            Credentials::new(self.simple_key, self.oauth, self.token_lifetime, self.population.seed);
        let applications = credentials.applications().map(|name| Scope::Application(name.to_owned()));
        let limits = Limits::new(self.windows, applications.chain([Scope::Ip(LOOPBACK)]));
        let state = State {
            account,
            credentials,
            limits,
            flights: Flights::default(),
            faults: Faults::default(),
            records: Records::default(),
            events: Queue::new(self.webhook, clock),
        };
        Sim { shared: Arc::new(Shared::new(self.settings, clock, state)) }
    }
}
