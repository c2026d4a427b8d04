//! A client, its server, its readers and writers, and what happens to them.

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
use super::{Step, client, settle, unlimited};

pub(super) const TTL: Duration = Duration::from_mins(5);
pub(super) const STALE_IF_ERROR: Duration = Duration::from_mins(20);

/// Two calls at a time; events make nothing live longer.
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

/// A read that has begun.
pub(super) struct Reader {
    pub(super) key: Key,
    pub(super) policy: CachePolicy,
    /// The oldest versions that it may show.
    pub(super) oldest: Versions,
    /// The oldest versions that it may show even if they are invalidated.
    pub(super) cleared: Versions,
    /// What it shows at least, if the cache has to answer it.
    pub(super) hit: Option<Versions>,
    /// Whether nothing has happened since it began.
    pub(super) is_new: bool,
    task: JoinHandle<Result<Answer, Error>>,
}

/// What a read returned.
pub(super) struct Answer {
    pub(super) shown: Vec<(usize, u64)>,
    pub(super) served: Served,
    pub(super) age: Duration,
    pub(super) calls: u32,
}

impl Answer {
    fn new<'a, T: ?Sized>(cached: &Cached<T>, users: impl Iterator<Item = &'a User>) -> Self {
        let shown = users.map(account::shown).collect();
        Self { shown, served: cached.served(), age: cached.age(), calls: cached.calls() }
    }
}

/// A write of this client that has begun.
struct Writer {
    task: JoinHandle<Result<User, Error>>,
    /// The version that it has made.
    made: Option<u64>,
}

pub(super) struct World {
    clock: Arc<ManualClock>,
    service: HeldService,
    client: Client,
    receiver: Receiver,
    rules: Rules,
    calls: Vec<Call>,
    readers: Vec<Reader>,
    writers: [Option<Writer>; USERS],
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

    pub(super) async fn take(&mut self, step: Step) {
        let sent = self.rules.sent();
        self.act(step);
        self.look().await;
        if matches!(step, Step::Read(_, CachePolicy::OnlyIfCached)) {
            assert_eq!(self.rules.sent(), sent, "OnlyIfCached made a call");
        }
        self.readers.iter_mut().for_each(|reader| reader.is_new = false);
        // No two steps happen at the same time, and some steps after an event its burst is over.
        self.clock.advance(Duration::from_millis(100));
        self.look().await;
    }

    fn act(&mut self, step: Step) {
        let now = self.clock.time();
        match step {
            Step::Read(key, policy) => self.read(key, policy),
            Step::Drop(place) => {
                if let Some(place) = place.checked_rem(self.readers.len()) {
                    self.readers.swap_remove(place).task.abort();
                    self.rules.reader_dropped();
                }
            }
            Step::Write(user) => self.write(user),
            Step::Serve(place) => self.serve(place),
            Step::Answer(place) => {
                self.serve(place);
                self.act(Step::Complete(place));
            }
            Step::Complete(place) => {
                if let Some(place) = place.checked_rem(self.calls.len())
                    && self.calls[place].is_served
                {
                    let Call { target, load, held, .. } = self.calls.swap_remove(place);
                    held.respond(self.rules.account.response(target, load.versions));
                    self.rules.succeeded(target, load);
                }
            }
            Step::Fail(place, status) => {
                if let Some(place) = place.checked_rem(self.calls.len()) {
                    let Call { target, load, is_served, held } = self.calls.swap_remove(place);
                    // A server that refuses a write does not do it.
                    let is_done = is_served && matches!(target, Target::Update(_));
                    let status = if is_done { StatusCode::INTERNAL_SERVER_ERROR } else { status };
                    held.respond(account::failure(status));
                    self.rules.failed(target, load, status, now);
                }
            }
            Step::ChangeElsewhere(user) => {
                self.events.push(self.rules.account.change(user, Author::Elsewhere, now));
            }
            Step::Event(place) => {
                if self.events.is_empty() {
                    self.act(Step::ChangeElsewhere(place % USERS));
                }
                let event = self.events.swap_remove(place % self.events.len());
                self.receiver.receive(None, event.delivery().as_bytes()).unwrap();
                self.rules.told(event);
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
                    Ok(Answer::new(&users, users.iter().map(|user| &**user)))
                }
                Key::User(user) => {
                    let user = api.get_user(account::id(user)).await?;
                    Ok(Answer::new(&user, std::iter::once(&*user)))
                }
            }
        });
        let oldest = self.rules.oldest(policy);
        let (cleared, hit) = (self.rules.cleared, self.rules.hit(key, policy, self.clock.time()));
        self.rules.asked(key, policy);
        self.readers.push(Reader { key, policy, oldest, cleared, hit, is_new: true, task });
    }

    fn write(&mut self, user: usize) {
        if self.writers[user].is_none() {
            let api = self.client.user_api();
            let change = User::new().full_name("the next version");
            let task = tokio::spawn(async move { api.update_user(account::id(user), &change).await });
            self.writers[user] = Some(Writer { task, made: None });
        }
    }

    fn serve(&mut self, place: usize) {
        let Some(place) = place.checked_rem(self.calls.len()) else { return };
        let call = &mut self.calls[place];
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

    /// Takes in new requests, and looks at what readers and writers got.
    async fn look(&mut self) {
        settle().await;
        let now = self.clock.time();
        while let Some(held) = self.service.next() {
            let target = Target::of(&held.request);
            let under_way = self.calls.iter().filter(|call| call.target == target).map(|call| &call.load);
            let load = self.rules.arrived(target, under_way, &self.readers, now);
            self.calls.push(Call { target, load, is_served: false, held });
        }
        let readers = std::mem::take(&mut self.readers);
        for mut reader in readers {
            if reader.task.is_finished() {
                let result = (&mut reader.task).await.unwrap();
                self.rules.answered(&reader, &result, now);
            } else {
                assert!(reader.hit.is_none(), "{:?} of what is cached waits", reader.key);
                assert!(reader.policy != CachePolicy::OnlyIfCached, "OnlyIfCached waits");
                self.readers.push(reader);
            }
        }
        for (user, writer) in self.writers.iter_mut().enumerate() {
            if let Some(Writer { task, made }) = writer.take_if(|writer| writer.task.is_finished()) {
                match task.await.unwrap() {
                    Ok(stored) => assert_eq!(Some(account::shown(&stored)), made.map(|made| (user, made))),
                    Err(error) => {
                        assert!(matches!(error.kind(), ErrorKind::Server | ErrorKind::Unauthorized));
                    }
                }
                self.rules.written(user, made, now);
            }
        }
    }

    /// Answers everything that is left: then nobody waits, and all calls are accounted for.
    pub(super) async fn end(mut self) {
        for _ in 0..20 {
            self.clock.advance(Duration::from_secs(1));
            self.look().await;
            while !self.calls.is_empty() {
                self.act(Step::Answer(0));
                self.look().await;
            }
        }
        assert!(self.readers.is_empty(), "{} readers wait for nothing", self.readers.len());
        assert!(self.writers.iter().all(Option::is_none), "a writer waits for nothing");
        assert_eq!(self.client.calls_spent(), self.rules.sent());
        self.rules.check_calls(self.client.cache_snapshot().users);
    }
}
