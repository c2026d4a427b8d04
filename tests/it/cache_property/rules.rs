//! What the cache promises, as seen from outside: by its readers and by the server.

use std::time::Duration;

use http::StatusCode;
use ultracart_client::{CachePolicy, CacheStats, Error, ErrorKind, Served, Stale};

use super::account::{Author, Event, Key, Target, USERS, VersionedAccount, Versions};
use super::world::{Answer, Reader, STALE_IF_ERROR, TTL};

/// The part of the time to live after which a list is refreshed ahead.
const REFRESH_AT: f64 = 0.8;

/// The shortest time that a failure is cached.
const BACK_OFF: Duration = Duration::from_secs(5);

/// The longest time after a write that a list is not trusted to show it.
const LAG: Duration = Duration::from_secs(15);

/// A load from when it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Its place among all calls.
    place: u64,
    sent_at: Duration,
    /// What was known of its key then.
    counts: Counts,
    pub(super) versions: Versions,
}

/// A load that failed.
#[derive(Clone, Copy, Debug)]
struct Failure {
    /// Its place among all calls.
    place: u64,
    status: StatusCode,
    counts: Counts,
    /// No load is sent before this time for the same reason.
    until: Duration,
}

/// What has happened to a key.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// Changes that have invalidated it.
    invalidations: u64,
    /// With those that may have: an event that tells what this client has written.
    changes: u64,
    /// With refreshes that were asked: the reasons to load.
    reasons: u64,
}

/// What is known of a key.
#[derive(Debug, Default)]
struct Known {
    counts: Counts,
    /// The load that was sent last of those that have succeeded.
    loaded: Option<Load>,
    failed: Option<Failure>,
}

/// What has happened so far, and what follows from it for reads and calls to come.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) account: VersionedAccount,
    users: [Known; USERS],
    list: Known,
    /// All lists that were loaded.
    lists: Vec<Load>,
    /// The versions that every read from now on shows, or later ones.
    settled: Versions,
    /// The versions that the account had when the cache was cleared.
    pub(super) cleared: Versions,
    /// When the latest write of each user has ended.
    written_at: [Option<Duration>; USERS],
    calls: Calls,
}

/// Calls by who has to account for them.
#[derive(Debug, Default)]
struct Calls {
    sent: u64,
    loads: u64,
    /// What readers have been told that they cost.
    told: u64,
    /// Readers that were dropped, and that cannot be told.
    dropped: u64,
    /// Stale answers that may have begun a load in the background.
    background: u64,
}

impl Rules {
    pub(super) fn new(account: VersionedAccount) -> Self {
        Self {
            account,
            users: Default::default(),
            list: Known::default(),
            lists: Vec::new(),
            settled: [0; USERS],
            cleared: [0; USERS],
            written_at: [None; USERS],
            calls: Calls::default(),
        }
    }

    fn known(&self, key: Key) -> &Known {
        match key {
            Key::User(user) => &self.users[user],
            Key::List => &self.list,
        }
    }

    fn known_mut(&mut self, key: Key) -> &mut Known {
        match key {
            Key::User(user) => &mut self.users[user],
            Key::List => &mut self.list,
        }
    }

    /// Number of calls that were sent.
    pub(super) fn sent(&self) -> u64 {
        self.calls.sent
    }

    pub(super) fn reader_dropped(&mut self) {
        self.calls.dropped += 1;
    }

    /// The oldest versions that a read may show that begins now.
    pub(super) fn oldest(&self, policy: CachePolicy) -> Versions {
        if policy == CachePolicy::Refresh { self.account.versions() } else { self.settled }
    }

    /// A read begins.
    pub(super) fn asked(&mut self, key: Key, policy: CachePolicy) {
        if policy == CachePolicy::Refresh {
            self.known_mut(key).counts.reasons += 1;
        }
    }

    /// A user changes, as far as the client can know.
    fn changed(&mut self, user: usize) {
        self.may_have_changed(user);
        self.users[user].counts.invalidations += 1;
        self.list.counts.invalidations += 1;
    }

    fn may_have_changed(&mut self, user: usize) {
        for counts in [&mut self.users[user].counts, &mut self.list.counts] {
            counts.changes += 1;
            counts.reasons += 1;
        }
    }

    /// An event was received.
    pub(super) fn told(&mut self, event: Event) {
        let Event { user, version, author } = event;
        match author {
            Author::Elsewhere => self.changed(user),
            Author::ThisClient => self.may_have_changed(user),
        }
        self.settled[user] = self.settled[user].max(version);
    }

    /// A write has returned that has made this version.
    pub(super) fn written(&mut self, user: usize, made: Option<u64>, now: Duration) {
        self.changed(user);
        self.settled[user] = self.settled[user].max(made.unwrap_or_default());
        self.written_at[user] = Some(now);
    }

    /// The cache was cleared: whatever is read from now on was sent after it.
    pub(super) fn cleared(&mut self) {
        (0..USERS).for_each(|user| self.changed(user));
        (self.settled, self.cleared) = (self.account.versions(), self.account.versions());
    }

    /// Whether a list that was sent then may show this client's latest write in place of a later change.
    fn may_lag(&self, user: usize, sent_at: Duration) -> bool {
        self.written_at[user].is_some_and(|written_at| sent_at < written_at + LAG)
    }

    /// What a read shows at least that begins now, if the cache has to answer it.
    pub(super) fn hit(&self, key: Key, policy: CachePolicy, now: Duration) -> Option<Versions> {
        let known = self.known(key);
        let load = known.loaded.filter(|load| load.counts.changes == known.counts.changes)?;
        let may_lag = |load: &Load| (0..USERS).any(|user| self.may_lag(user, load.sent_at));
        if policy == CachePolicy::Refresh || now >= load.sent_at + TTL || (key == Key::List && may_lag(&load))
        {
            return None;
        }
        // A later list may take the place of the user.
        let later: Vec<_> = self.lists.iter().filter(|list| list.sent_at >= load.sent_at).collect();
        if later.iter().any(|list| may_lag(list)) {
            return Some([0; USERS]);
        }
        Some(later.iter().fold(load.versions, |least, list| {
            std::array::from_fn(|user| least[user].min(list.versions[user]))
        }))
    }

    /// A request arrives at the server, while these loads are under way for the same and these readers wait.
    pub(super) fn arrived<'a>(
        &mut self,
        target: Target,
        mut under_way: impl Iterator<Item = &'a Load>,
        readers: &[Reader],
        now: Duration,
    ) -> Load {
        self.calls.sent += 1;
        let place = self.calls.sent;
        let key = match target {
            Target::Load(key) => key,
            Target::Update(user) => {
                self.changed(user);
                Key::User(user)
            }
        };
        let known = self.known(key);
        let counts = known.counts;
        let is_for_same = |other: Counts| other.reasons == counts.reasons;
        if target == Target::Load(key) {
            assert!(
                !under_way.any(|load| is_for_same(load.counts)),
                "{key:?} is loaded twice at the same time"
            );
            // A refresh takes no failure for an answer.
            let is_refresh =
                readers.iter().any(|reader| reader.key == key && reader.policy == CachePolicy::Refresh);
            let failed = known.failed.filter(|failure| is_for_same(failure.counts) && !is_refresh);
            if let Some(failure) = failed {
                assert!(now >= failure.until, "{key:?} is loaded again right after {}", failure.status);
            }
            if let Some(load) = known.loaded.filter(|load| is_for_same(load.counts)) {
                let needed_at = if key == Key::List { TTL.mul_f64(REFRESH_AT) } else { TTL };
                let is_trusted = key != Key::List || (0..USERS).all(|user| !self.may_lag(user, load.sent_at));
                let age = now.saturating_sub(load.sent_at);
                assert!(age >= needed_at || !is_trusted, "{key:?} is loaded again after {age:?}");
            }
            self.calls.loads += 1;
        }
        Load { place, sent_at: now, counts, versions: [0; USERS] }
    }

    /// A request succeeds.
    pub(super) fn succeeded(&mut self, target: Target, load: Load) {
        match target {
            Target::Load(key) => {
                if key == Key::List {
                    self.lists.push(load);
                }
                let loaded = &mut self.known_mut(key).loaded;
                *loaded = loaded.filter(|other| other.place > load.place).or(Some(load));
            }
            // The server answers again: what failed because of an outage may be tried.
            Target::Update(_) => {
                let is_refusal = |failure: &Failure| failure.status == StatusCode::UNAUTHORIZED;
                for known in self.users.iter_mut().chain([&mut self.list]) {
                    known.failed = known.failed.filter(is_refusal);
                }
            }
        }
    }

    /// A request fails.
    pub(super) fn failed(&mut self, target: Target, load: Load, status: StatusCode, now: Duration) {
        if let Target::Load(key) = target {
            let Load { place, counts, .. } = load;
            let failure = Failure { place, status, counts, until: now + BACK_OFF };
            let failed = &mut self.known_mut(key).failed;
            *failed = failed.filter(|other| other.place > place).or(Some(failure));
        }
    }

    /// A read ends.
    pub(super) fn answered(&mut self, reader: &Reader, result: &Result<Answer, Error>, now: Duration) {
        match result {
            Ok(answer) => {
                self.calls.told += u64::from(answer.calls);
                self.check_answer(reader, answer, now);
                let is_stale = answer.served != Served::Fresh;
                self.calls.background += u64::from(is_stale && reader.policy == CachePolicy::StaleAllowed);
            }
            Err(error) => {
                self.calls.told += u64::from(error.attempts());
                self.check_error(reader, error);
            }
        }
    }

    fn check_answer(&self, reader: &Reader, answer: &Answer, now: Duration) {
        let Reader { key, policy, .. } = *reader;
        let expected: Vec<_> = match key {
            Key::User(user) => vec![user],
            Key::List => (0..USERS).collect(),
        };
        assert!(answer.shown.iter().map(|(user, _)| *user).eq(expected), "{key:?}: {:?}", answer.shown);

        let may_be = match answer.served {
            Served::Fresh => true,
            Served::Stale(Stale::Failed(ErrorKind::Server)) => {
                matches!(policy, CachePolicy::Default | CachePolicy::StaleAllowed)
            }
            _ => policy == CachePolicy::StaleAllowed,
        };
        assert!(may_be, "{policy:?} was served {:?}", answer.served);
        if let Some(least) = reader.hit {
            assert_eq!((answer.served, answer.calls), (Served::Fresh, 0), "{key:?} is cached");
            self.check_versions(reader, answer, least, "it was loaded", now);
        }

        let (least, why) = match answer.served {
            Served::Fresh => (reader.oldest, "it is settled"),
            Served::Stale(Stale::Invalidated) => (reader.cleared, "the cache was cleared"),
            // Changes while it waited count, too.
            _ => (self.settled, "it is settled"),
        };
        self.check_versions(reader, answer, least, why, now);
        if answer.served != Served::Fresh {
            assert!(answer.age < TTL + STALE_IF_ERROR, "stale at the age of {:?}", answer.age);
        } else if reader.is_new {
            // An answer that was waited for may have been on its way for long.
            assert!(answer.age < TTL, "fresh at the age of {:?}", answer.age);
            assert!(policy != CachePolicy::Refresh, "a refresh was not sent");
        }

        // The age is not too low: no version is shown that was replaced before the server was asked.
        for (user, version) in &answer.shown {
            let asked_at = now.saturating_sub(answer.age);
            let replaced_at = self.account.replaced_at(*user, *version);
            let was_current = replaced_at.is_none_or(|replaced_at| replaced_at >= asked_at);
            assert!(was_current || self.may_lag(*user, asked_at), "{key:?} is older than {:?}", answer.age);
        }
    }

    fn check_versions(&self, reader: &Reader, answer: &Answer, least: Versions, why: &str, now: Duration) {
        let is_refresh = reader.policy == CachePolicy::Refresh && reader.key == Key::List;
        for (user, version) in &answer.shown {
            let least = match least[*user] {
                least if is_refresh && self.may_lag(*user, now.saturating_sub(answer.age)) => {
                    least.min(self.settled[*user])
                }
                least => least,
            };
            assert!(*version >= least, "{:?} shows version {version} where {why}: {least}", reader.key);
        }
    }

    fn check_error(&self, reader: &Reader, error: &Error) {
        let Reader { key, policy, is_new, .. } = *reader;
        assert!(reader.hit.is_none(), "{key:?} is cached: {error}");
        let is_repeated = error.attempts() == 0 && is_new;
        let was = |status: StatusCode| {
            let keys = [self.known(key), &self.list].into_iter();
            keys.filter_map(|known| Some((known.failed?, known.counts))).any(|(failure, counts)| {
                failure.status == status && failure.counts.invalidations == counts.invalidations
            })
        };
        match error.kind() {
            ErrorKind::NotCached => assert_eq!((policy, error.attempts()), (CachePolicy::OnlyIfCached, 0)),
            // What the server said before a change it may not say after it.
            ErrorKind::Unauthorized => assert!(!is_repeated || was(StatusCode::UNAUTHORIZED)),
            kind => assert_eq!(kind, ErrorKind::Server),
        }
    }

    /// Every load is accounted for, and none twice: by a reader, by a refresh ahead, or by what cannot be told.
    pub(super) fn check_calls(&self, stats: CacheStats) {
        let Calls { loads, told, dropped, background, .. } = self.calls;
        let counted = told + stats.refreshes;
        let calls = format!("{:?}, {stats:?}", self.calls);
        assert!(counted <= loads && loads <= counted + dropped + background, "{calls}");
    }
}
