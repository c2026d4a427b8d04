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

/// Builds a [`Sim`]. Every setting is optional; the default is a shop of 20 users and 12 groups with UltraCart's own limits.
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

    /// Sets the number of users, 20 by default. With 40 or more there is an example of everything that an auditor looks
    /// for: dormant users, no second factor, an address that several logins share, …
    pub fn users(mut self, users: u32) -> Self {
        self.population.users = users;
        self
    }

    /// Sets the number of groups, 12 by default. The last one has no members.
    pub fn groups(mut self, groups: u32) -> Self {
        self.population.groups = groups;
        self
    }

    /// Sets the seed of the made-up people. The same seed and [start](Self::start_at) give the same account.
    pub fn seed(mut self, seed: u64) -> Self {
        self.population.seed = seed;
        self
    }

    /// Sets the time of day at the start, by default the machine's. It advances with tokio's clock.
    pub fn start_at(mut self, time: Timestamp) -> Self {
        self.start_at = Some(time);
        self
    }

    /// Sets the simple key, `simulated-key` by default.
    pub fn simple_key(mut self, key: &str) -> Self {
        self.simple_key = key.into();
        self
    }

    /// Adds an OAuth application with its first refresh token and the scopes to read and to write.
    pub fn oauth(self, client_id: &str, refresh_token: &str) -> Self {
        self.oauth_with_scopes(client_id, refresh_token, "user_read user_write")
    }

    /// Adds an OAuth application with these scopes, separated by spaces: `user_read` to read, `user_write` for everything
    /// else. A call beyond them is answered with a 401, as for bad credentials: UltraCart's own answer is not known.
    pub fn oauth_with_scopes(mut self, client_id: &str, refresh_token: &str, scopes: &str) -> Self {
        self.oauth.push(Client::new(client_id, refresh_token, scopes));
        self
    }

    /// Sets the lifetime of an access token, an hour by default.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// Sets the limits of each application and each IP address, by default leaky buckets of 1,000 calls an hour and 10,000
    /// a day.
    pub fn windows(mut self, windows: impl IntoIterator<Item = Window>) -> Self {
        self.windows = windows.into_iter().collect();
        self
    }

    /// Removes all limits: no windows, and any number of calls in flight.
    pub fn unlimited(self) -> Self {
        self.windows([]).max_in_flight(u32::MAX)
    }

    /// Sets how many calls of an application or an address may be in flight, 1 by default.
    pub fn max_in_flight(mut self, calls: u32) -> Self {
        self.settings.max_in_flight = calls;
        self
    }

    /// Sets the message of a 429 for too many calls in flight. UltraCart's own text is not known.
    pub fn concurrency_message(mut self, message: &str) -> Self {
        message.clone_into(&mut self.settings.concurrency_message);
        self
    }

    /// Sets whether a call that a limit refused counts, by default not.
    pub fn count_rejected(mut self, count: Count) -> Self {
        self.settings.count_rejected = count;
        self
    }

    /// Sets whether a call to `/oauth/token` counts for its address and its application, and may not overlap another call;
    /// by default not.
    pub fn count_tokens(mut self, count: Count) -> Self {
        self.settings.count_tokens = count;
        self
    }

    /// Sets the largest page of a list; by default lists are not paged. `_limit` asks for smaller pages.
    pub fn page_size(mut self, objects: impl Into<Option<usize>>) -> Self {
        self.settings.page_size = objects.into();
        self
    }

    /// Sets the body of a `getGroup` answer, by default the group.
    pub fn get_group_body(mut self, body: GetGroupBody) -> Self {
        self.settings.get_group_body = body;
        self
    }

    /// Sets whether the users of a list have `login_histories`, by default not.
    pub fn histories_in_list(mut self, histories: Histories) -> Self {
        self.settings.histories_in_list = histories;
        self
    }

    /// Sets the status for an unknown identifier, 400 by default.
    pub fn unknown_id(mut self, status: UnknownId) -> Self {
        self.settings.unknown_id = status;
        self
    }

    /// Sets the time that the account works on each call, zero by default. A call takes effect when it arrives; the answer
    /// comes this much later. The account keeps working when the client has disconnected.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.settings.latency = latency;
        self
    }

    /// Sets the merchant id in errors, `DEMO` by default.
    pub fn merchant_id(mut self, merchant_id: &str) -> Self {
        merchant_id.clone_into(&mut self.settings.merchant_id);
        self
    }

    /// Sets how many of the latest requests [`Sim::requests`] returns, 20,000 by default, and never more than 32 MiB of
    /// paths, headers and bodies. Use 0 for an account that is served for a long time.
    pub fn keep_requests(mut self, requests: usize) -> Self {
        self.settings.keep_requests = requests;
        self
    }

    /// Sets the account's webhook, by default none. A second call replaces the first one's.
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        self.webhook = Some(webhook);
        self
    }

    /// Builds the account. It opens no socket and starts no task.
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
