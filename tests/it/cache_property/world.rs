//! Runs the steps of a test on a client and its server, and reports them to the rules.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::task::JoinHandle;
use ultracart_client::model::User;
use ultracart_client::webhook::Receiver;
use ultracart_client::{CachePolicy, Cached, Client, Config, Error, ErrorKind, Served};

use super::account::{self, Author, Event, Key, ListFields, Target, USERS, VersionedAccount, Versions};
use super::held::{HeldRequest, HeldService};
use super::manual_clock::ManualClock;
use super::rules::{Load, Rules};
use super::{Step, client, run_until_idle, unlimited};

pub(super) const TTL: Duration = Duration::from_mins(5);
pub(super) const STALE_IF_ERROR: Duration = Duration::from_mins(20);

/// A configuration with two calls at a time, in which webhook events do not extend the time to live.
fn config() -> Config {
    let mut config = unlimited(2);
    config.cache.users.ttl = TTL;
    config.cache.users.stale_if_error = STALE_IF_ERROR;
    config.cache.webhook_ttl = Duration::ZERO;
    config
}

/// A request at the server.
struct Call {
    target: Target,
    load: Load,
    is_served: bool,
    held: HeldRequest,
}

/// A read in progress, and the oldest versions that it may return.
pub(super) struct PendingRead {
    pub(super) key: Key,
    pub(super) policy: CachePolicy,
    /// The oldest versions that the read may show if its value is fresh.
    pub(super) oldest: Versions,
    /// The oldest versions that the read may show if its value is marked as invalidated.
    pub(super) cleared: Versions,
    /// `None` if the read may make a call. Otherwise the read must be a hit and must show these versions or
    /// newer ones.
    pub(super) hit: Option<Versions>,
    /// Whether the read has just started: the clock has not advanced since.
    pub(super) is_new: bool,
    task: JoinHandle<Result<ReadValue, Error>>,
}

/// The value that a read returned.
pub(super) struct ReadValue {
    /// The index and the version of each user.
    pub(super) versions: Vec<(usize, u64)>,
    pub(super) served: Served,
    pub(super) age: Duration,
    pub(super) calls: u32,
}

impl ReadValue {
    fn new<'a, T: ?Sized>(cached: &Cached<T>, users: impl Iterator<Item = &'a User>) -> Self {
        let versions = users.map(account::index_and_version).collect();
        Self { versions, served: cached.served(), age: cached.age(), calls: cached.calls() }
    }
}

/// A write of this client that has started.
struct PendingWrite {
    task: JoinHandle<Result<User, Error>>,
    /// The version that the write has made, or `None` if the server has not processed the write yet.
    made: Option<u64>,
}

/// The client, its server, and all reads, writes and requests that have not ended.
pub(super) struct World {
    clock: Arc<ManualClock>,
    service: HeldService,
    client: Client,
    receiver: Receiver,
    rules: Rules,
    calls: Vec<Call>,
    readers: Vec<PendingRead>,
    writers: [Option<PendingWrite>; USERS],
    /// Events that have not been received.
    events: Vec<Event>,
}

impl World {
    pub(super) fn new(lists: ListFields) -> Self {
        let (clock, service) = (ManualClock::new(), HeldService::default());
        let client = client(config(), &clock, service.clone());
        let receiver = client.webhook().no_auth();
        let rules = Rules::new(VersionedAccount::new(lists));
        Self {
            clock,
            service,
            client,
            receiver,
            rules,
            calls: Vec::new(),
            readers: Vec::new(),
            writers: [const { None }; USERS],
            events: Vec::new(),
        }
    }

    pub(super) async fn run(&mut self, step: Step) {
        let sent = self.rules.sent();
        self.apply(step);
        self.observe().await;
        if matches!(step, Step::Read(_, CachePolicy::OnlyIfCached)) {
            assert_eq!(self.rules.sent(), sent, "OnlyIfCached made a call");
        }
        self.readers.iter_mut().for_each(|reader| reader.is_new = false);
        // Each step has its own time, so that a burst of events ends after some steps.
        self.clock.advance(Duration::from_millis(100));
        self.observe().await;
    }

    fn apply(&mut self, step: Step) {
        let now = self.clock.time();
        match step {
            Step::Read(key, policy) => self.read(key, policy),
            Step::Drop(index) => {
                if let Some(index) = index.checked_rem(self.readers.len()) {
                    self.readers.swap_remove(index).task.abort();
                    self.rules.reader_dropped();
                }
            }
            Step::Write(user) => self.write(user),
            Step::Serve(index) => self.serve(index),
            Step::Respond(index) => {
                self.serve(index);
                self.apply(Step::Complete(index));
            }
            Step::Complete(index) => {
                if let Some(index) = index.checked_rem(self.calls.len())
                    && self.calls[index].is_served
                {
                    let Call { target, load, held, .. } = self.calls.swap_remove(index);
                    held.respond(self.rules.account.response(target, load.versions));
                    self.rules.succeeded(target, load);
                }
            }
            Step::Fail(index, status) => {
                if let Some(index) = index.checked_rem(self.calls.len()) {
                    let Call { target, load, is_served, held } = self.calls.swap_remove(index);
                    // A 401 would mean that the write had no effect, so a write that took effect gets a 500.
                    let is_written = is_served && matches!(target, Target::Update(_));
                    let status = if is_written { StatusCode::INTERNAL_SERVER_ERROR } else { status };
                    held.respond(account::failure(status));
                    self.rules.failed(target, load, status, now);
                }
            }
            Step::ChangeElsewhere(user) => {
                self.events.push(self.rules.account.change(user, Author::Elsewhere, now));
            }
            Step::Event(index) => {
                if self.events.is_empty() {
                    self.apply(Step::ChangeElsewhere(index % USERS));
                }
                let event = self.events.swap_remove(index % self.events.len());
                self.receiver.receive(None, event.delivery().as_bytes()).unwrap();
                self.rules.event_received(event);
            }
            Step::Advance(time) => self.clock.advance(time),
            Step::ClearCache => {
                self.client.clear_cache();
                self.rules.cleared();
            }
        }
    }

    fn read(&mut self, key: Key, policy: CachePolicy) {
        let api = self.client.user_api().cache_policy(policy);
        let task = tokio::spawn(async move {
            match key {
                Key::List => {
                    let users = api.get_users().await?;
                    Ok(ReadValue::new(&users, users.iter().map(|user| &**user)))
                }
                Key::User(user) => {
                    let user = api.get_user(account::id(user)).await?;
                    Ok(ReadValue::new(&user, std::iter::once(&*user)))
                }
            }
        });
        let oldest = self.rules.oldest(policy);
        let (cleared, hit) = (self.rules.cleared, self.rules.hit(key, policy, self.clock.time()));
        self.rules.read_started(key, policy);
        self.readers.push(PendingRead { key, policy, oldest, cleared, hit, is_new: true, task });
    }

    fn write(&mut self, user: usize) {
        if self.writers[user].is_none() {
            let api = self.client.user_api();
            let change = User::new().full_name("the next version");
            let task = tokio::spawn(async move { api.update_user(account::id(user), &change).await });
            self.writers[user] = Some(PendingWrite { task, made: None });
        }
    }

    fn serve(&mut self, index: usize) {
        let Some(index) = index.checked_rem(self.calls.len()) else { return };
        let call = &mut self.calls[index];
        if call.is_served {
            return;
        }
        if let Target::Update(user) = call.target {
            let event = self.rules.account.change(user, Author::ThisClient, self.clock.time());
            self.events.push(event);
            self.writers[user].as_mut().unwrap().made = Some(event.version);
        }
        (call.is_served, call.load.versions) = (true, self.rules.account.versions());
    }

    /// Reports new requests and the results of ended reads and writes to the rules.
    async fn observe(&mut self) {
        run_until_idle().await;
        let now = self.clock.time();
        while let Some(held) = self.service.next() {
            let target = Target::of(&held.request);
            let in_flight = self.calls.iter().filter(|call| call.target == target).map(|call| &call.load);
            let load = self.rules.arrived(target, in_flight, &self.readers, now);
            self.calls.push(Call { target, load, is_served: false, held });
        }
        let readers = std::mem::take(&mut self.readers);
        for mut reader in readers {
            if reader.task.is_finished() {
                let result = (&mut reader.task).await.unwrap();
                self.rules.read_ended(&reader, &result, now);
            } else {
                assert!(reader.hit.is_none(), "a read of {:?} waits although it is cached", reader.key);
                assert!(reader.policy != CachePolicy::OnlyIfCached, "OnlyIfCached waits");
                self.readers.push(reader);
            }
        }
        for (user, writer) in self.writers.iter_mut().enumerate() {
            if let Some(PendingWrite { task, made }) = writer.take_if(|writer| writer.task.is_finished()) {
                match task.await.unwrap() {
                    Ok(stored) => {
                        assert_eq!(Some(account::index_and_version(&stored)), made.map(|made| (user, made)));
                    }
                    Err(error) => {
                        assert!(matches!(error.kind(), ErrorKind::Server | ErrorKind::Unauthorized));
                    }
                }
                self.rules.written(user, made, now);
            }
        }
    }

    /// Responds to all requests, and checks that nothing waits any more and that all calls are accounted for.
    pub(super) async fn finish(mut self) {
        for _ in 0..20 {
            self.clock.advance(Duration::from_secs(1));
            self.observe().await;
            while !self.calls.is_empty() {
                self.apply(Step::Respond(0));
                self.observe().await;
            }
        }
        assert!(self.readers.is_empty(), "{} readers still wait", self.readers.len());
        assert!(self.writers.iter().all(Option::is_none), "a writer still waits");
        assert_eq!(self.client.calls_spent(), self.rules.sent());
        self.rules.check_calls(self.client.cache_snapshot().users);
    }
}
