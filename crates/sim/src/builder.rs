//! The builder of a simulated account.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ultracart_model::Token;

use crate::account::{self, Population};
use crate::clock::Clock;
use crate::fault::Faults;
use crate::limits::{CallsInFlight, Limits, Scope, Window};
use crate::oauth::{Client, Credentials};
use crate::record::Records;
use crate::settings::{Count, GetGroupBody, Histories, Settings, UnknownIdStatus};
use crate::sim::Sim;
use crate::state::{LOOPBACK, Shared, State};
use crate::webhook::{EventQueue, Webhook};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Builds a [`Sim`]. Every setting is optional.
///
/// By default, the account has 20 users, 12 groups and the limits that UltraCart documents.
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
pub struct SimBuilder {
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
    pub fn builder() -> SimBuilder {
        SimBuilder::new()
    }
}

impl SimBuilder {
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

    /// Sets the number of users, 20 by default.
    ///
    /// With 40 or more, every kind of audit finding occurs: dormant users, users without a second factor, IP
    /// addresses that several users share, and so on.
    pub fn users(mut self, users: u32) -> Self {
        self.population.users = users;
        self
    }

    /// Sets the number of groups, 12 by default. With three or more, the last group has no members.
    pub fn groups(mut self, groups: u32) -> Self {
        self.population.groups = groups;
        self
    }

    /// Sets the seed of the generated users, 1 by default. Two accounts are the same if their seeds, their
    /// [start times](Self::start_at), and their numbers of users and of groups are the same.
    pub fn seed(mut self, seed: u64) -> Self {
        self.population.seed = seed;
        self
    }

    /// Sets the date and time that the account's clock shows at the start. By default, this is the system's
    /// current time. The account's clock then advances with tokio's clock.
    pub fn start_at(mut self, time: Timestamp) -> Self {
        self.start_at = Some(time);
        self
    }

    /// Sets the simple key, `simulated-key` by default.
    pub fn simple_key(mut self, key: &str) -> Self {
        self.simple_key = key.into();
        self
    }

    /// Adds an OAuth application with its first refresh token and the scopes `user_read` and `user_write`.
    pub fn oauth(self, client_id: &str, refresh_token: &str) -> Self {
        self.oauth_with_scopes(client_id, refresh_token, "user_read user_write")
    }

    /// Adds an OAuth application with these scopes, separated by spaces.
    ///
    /// `GET` requests need `user_read`, and all others need `user_write`. If the application does not have
    /// the needed scope, the account responds with a 401, as for invalid credentials. UltraCart's real
    /// response is not known.
    pub fn oauth_with_scopes(mut self, client_id: &str, refresh_token: &str, scopes: &str) -> Self {
        self.oauth.push(Client::new(client_id, refresh_token, scopes));
        self
    }

    /// Sets the lifetime of access tokens, one hour by default.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// Sets the rate limits. They apply to each application and to each IP address separately.
    ///
    /// The default is two leaky buckets: 1,000 calls an hour and 10,000 calls a day.
    pub fn windows(mut self, windows: impl IntoIterator<Item = Window>) -> Self {
        self.windows = windows.into_iter().collect();
        self
    }

    /// Removes all limits: no windows, and any number of calls in flight.
    pub fn unlimited(self) -> Self {
        self.windows([]).max_in_flight(u32::MAX)
    }

    /// Sets how many calls an application or an IP address may have in flight, 1 by default.
    pub fn max_in_flight(mut self, calls: u32) -> Self {
        self.settings.max_in_flight = calls;
        self
    }

    /// Sets the message of a 429 for too many calls in flight. UltraCart's real text is not known.
    pub fn concurrency_message(mut self, message: &str) -> Self {
        message.clone_into(&mut self.settings.concurrency_message);
        self
    }

    /// Sets whether a rejected call counts against the windows. By default it does not.
    pub fn count_rejected(mut self, count: Count) -> Self {
        self.settings.count_rejected = count;
        self
    }

    /// Sets whether a call to `/oauth/token` counts against the windows and as a call in flight. By default,
    /// the limits ignore such calls.
    pub fn count_token_calls(mut self, count: Count) -> Self {
        self.settings.count_token_calls = count;
        self
    }

    /// Sets the maximum number of objects in one page of a list. A request can ask for smaller pages with the
    /// query parameter `_limit`.
    ///
    /// By default, and with `None`, a list is one page, and `_limit` and `_offset` are ignored.
    pub fn page_size(mut self, objects: impl Into<Option<usize>>) -> Self {
        self.settings.page_size = objects.into();
        self
    }

    /// Sets what the body of a `getGroup` response contains. By default it contains the group.
    pub fn get_group_body(mut self, body: GetGroupBody) -> Self {
        self.settings.get_group_body = body;
        self
    }

    /// Sets whether `getUsers` returns the users' `login_histories`. By default it does not.
    pub fn histories_in_list(mut self, histories: Histories) -> Self {
        self.settings.histories_in_list = histories;
        self
    }

    /// Sets the response status for an unknown identifier, 400 by default.
    pub fn unknown_id(mut self, status: UnknownIdStatus) -> Self {
        self.settings.unknown_id = status;
        self
    }

    /// Sets the time between a request's arrival and its response, zero by default.
    ///
    /// A write takes effect when its request arrives. If the client disconnects before the response, the call
    /// stays in flight until this time has passed.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.settings.latency = latency;
        self
    }

    /// Sets the merchant ID in error responses, `DEMO` by default.
    pub fn merchant_id(mut self, merchant_id: &str) -> Self {
        merchant_id.clone_into(&mut self.settings.merchant_id);
        self
    }

    /// Sets how many of the latest requests [`Sim::requests`] returns, 20,000 by default.
    ///
    /// Independently of this number, at most 32 MiB of paths, headers and bodies are retained. Use 0 for an
    /// account that is served for a long time.
    pub fn record_requests(mut self, requests: usize) -> Self {
        self.settings.record_requests = requests;
        self
    }

    /// Sets the account's webhook, replacing any earlier one. By default there is none.
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        self.webhook = Some(webhook);
        self
    }

    /// Builds the account. Opens no socket and starts no task.
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
            calls_in_flight: CallsInFlight::default(),
            faults: Faults::default(),
            records: Records::default(),
            events: EventQueue::new(self.webhook, clock),
        };
        Sim { shared: Arc::new(Shared::new(self.settings, clock, state)) }
    }
}
