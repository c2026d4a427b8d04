//! A model of the cache. Checks its promises against the results of reads and the requests at the server.

use std::time::Duration;

use http::StatusCode;
use ultracart_client::{CachePolicy, CacheStats, Error, ErrorKind, Served, Stale};

use super::account::{Author, Event, Key, Target, USERS, VersionedAccount, Versions};
use super::world::{PendingRead, ReadValue, STALE_IF_ERROR, TTL};

/// The fraction of the time to live after which a list is refreshed ahead.
const REFRESH_AT: f64 = 0.8;
/// The shortest time for which a failure is cached.
const BACK_OFF: Duration = Duration::from_secs(5);
/// How long lists may lag behind a write whose outcome is unknown. After other writes, the time is shorter.
const LAG: Duration = Duration::from_secs(15);

/// A load, or an update, that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Sequence number among all calls.
    sequence: u64,
    sent_at: Duration,
    /// The counts of the key when the load was sent.
    counts: Counts,
    pub(super) versions: Versions,
}

/// A load that failed.
#[derive(Clone, Copy, Debug)]
struct Failure {
    /// Sequence number among all calls.
    sequence: u64,
    status: StatusCode,
    counts: Counts,
    /// Time before which the key must not be loaded again, unless there is a new reason.
    until: Duration,
}

/// Counts of the reasons to load a key. Each count includes the count before it.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// Number of changes that have invalidated the key.
    invalidations: u64,
    /// `invalidations`, plus the number of webhook events of this client's own writes. The cache may ignore
    /// such an event, or may invalidate the key.
    changes: u64,
    /// `changes`, plus the number of reads with the policy `Refresh`. Only one reason for a load is not
    /// counted: the age of the value.
    reasons: u64,
}

/// The state of a key.
#[derive(Debug, Default)]
struct KeyState {
    counts: Counts,
    /// The successful load that was sent last.
    loaded: Option<Load>,
    failed: Option<Failure>,
}

/// Records what has happened so far, and checks later reads and calls against it.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) account: VersionedAccount,
    users: [KeyState; USERS],
    list: KeyState,
    /// All lists that were loaded.
    lists: Vec<Load>,
    /// The oldest versions that a read may show if it starts now with a policy other than `Refresh`.
    required: Versions,
    /// The account's versions when the cache was last cleared, or 0 if it has never been cleared.
    pub(super) cleared: Versions,
    /// The time at which the latest write of each user ended.
    written_at: [Option<Duration>; USERS],
    calls: Calls,
}

/// Counts of calls, and of reads that may have made calls without reporting them.
#[derive(Debug, Default)]
struct Calls {
    sent: u64,
    loads: u64,
    /// Number of calls that were reported to readers.
    reported: u64,
    /// Number of dropped readers, to whom no calls can be reported.
    dropped: u64,
    /// Number of reads with the policy `StaleAllowed` that returned a stale value. Each may have started a
    /// load in the background.
    stale_reads: u64,
}

impl Rules {
    pub(super) fn new(account: VersionedAccount) -> Self {
        Self {
            account,
            users: Default::default(),
            list: KeyState::default(),
            lists: Vec::new(),
            required: [0; USERS],
            cleared: [0; USERS],
            written_at: [None; USERS],
            calls: Calls::default(),
        }
    }

    fn state(&self, key: Key) -> &KeyState {
        match key {
            Key::User(user) => &self.users[user],
            Key::List => &self.list,
        }
    }

    fn state_mut(&mut self, key: Key) -> &mut KeyState {
        match key {
            Key::User(user) => &mut self.users[user],
            Key::List => &mut self.list,
        }
    }

    /// Returns the number of calls that were sent.
    pub(super) fn sent(&self) -> u64 {
        self.calls.sent
    }

    pub(super) fn reader_dropped(&mut self) {
        self.calls.dropped += 1;
    }

    /// Returns the oldest versions that a read with this policy may show if it starts now.
    pub(super) fn oldest(&self, policy: CachePolicy) -> Versions {
        if policy == CachePolicy::Refresh { self.account.versions() } else { self.required }
    }

    /// Records that a read has started.
    pub(super) fn read_started(&mut self, key: Key, policy: CachePolicy) {
        if policy == CachePolicy::Refresh {
            self.state_mut(key).counts.reasons += 1;
        }
    }

    /// Records a change that the client knows about.
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

    /// Records that the client has received a webhook event.
    pub(super) fn event_received(&mut self, event: Event) {
        let Event { user, version, author } = event;
        match author {
            Author::Elsewhere => self.changed(user),
            Author::ThisClient => self.may_have_changed(user),
        }
        self.required[user] = self.required[user].max(version);
    }

    /// Records that a write has returned. `made` is the version that the write has made, or `None` if the
    /// server has not processed the write.
    pub(super) fn written(&mut self, user: usize, made: Option<u64>, now: Duration) {
        self.changed(user);
        self.required[user] = self.required[user].max(made.unwrap_or_default());
        self.written_at[user] = Some(now);
    }

    /// Records that the cache was cleared. Reads that start later must not show older versions than the
    /// account has now.
    pub(super) fn cleared(&mut self) {
        (0..USERS).for_each(|user| self.changed(user));
        (self.required, self.cleared) = (self.account.versions(), self.account.versions());
    }

    /// Returns whether a list that was requested at `sent_at` may lag behind this client's latest write of
    /// the user.
    fn may_lag(&self, user: usize, sent_at: Duration) -> bool {
        self.written_at[user].is_some_and(|written_at| sent_at < written_at + LAG)
    }

    /// If a read that starts now must be a hit, returns the oldest versions that the read may show. Returns
    /// `None` if the read may make a call.
    pub(super) fn hit(&self, key: Key, policy: CachePolicy, now: Duration) -> Option<Versions> {
        let state = self.state(key);
        let load = state.loaded.filter(|load| load.counts.changes == state.counts.changes)?;
        let may_lag = |load: &Load| (0..USERS).any(|user| self.may_lag(user, load.sent_at));
        if policy == CachePolicy::Refresh || now >= load.sent_at + TTL || (key == Key::List && may_lag(&load))
        {
            return None;
        }
        // A later list may serve the user.
        let later: Vec<_> = self.lists.iter().filter(|list| list.sent_at >= load.sent_at).collect();
        if later.iter().any(|list| may_lag(list)) {
            return Some([0; USERS]);
        }
        Some(later.iter().fold(load.versions, |least, list| {
            std::array::from_fn(|user| least[user].min(list.versions[user]))
        }))
    }

    /// Records that a request has arrived at the server. If the request is a load, checks that it was needed.
    ///
    /// `in_flight` are the other loads of the same target.
    pub(super) fn arrived<'a>(
        &mut self,
        target: Target,
        mut in_flight: impl Iterator<Item = &'a Load>,
        readers: &[PendingRead],
        now: Duration,
    ) -> Load {
        self.calls.sent += 1;
        let sequence = self.calls.sent;
        let key = match target {
            Target::Load(key) => key,
            Target::Update(user) => {
                self.changed(user);
                Key::User(user)
            }
        };
        let state = self.state(key);
        let counts = state.counts;
        let is_for_same = |other: Counts| other.reasons == counts.reasons;
        if target == Target::Load(key) {
            assert!(
                !in_flight.any(|load| is_for_same(load.counts)),
                "{key:?} is loaded twice at the same time"
            );
            // A read with the policy `Refresh` ignores cached failures.
            let is_refresh =
                readers.iter().any(|reader| reader.key == key && reader.policy == CachePolicy::Refresh);
            let failed = state.failed.filter(|failure| is_for_same(failure.counts) && !is_refresh);
            if let Some(failure) = failed {
                assert!(now >= failure.until, "{key:?} is loaded again right after {}", failure.status);
            }
            if let Some(load) = state.loaded.filter(|load| is_for_same(load.counts)) {
                let needed_at = if key == Key::List { TTL.mul_f64(REFRESH_AT) } else { TTL };
                let is_trusted = key != Key::List || (0..USERS).all(|user| !self.may_lag(user, load.sent_at));
                let age = now.saturating_sub(load.sent_at);
                assert!(age >= needed_at || !is_trusted, "{key:?} is loaded again after {age:?}");
            }
            self.calls.loads += 1;
        }
        Load { sequence, sent_at: now, counts, versions: [0; USERS] }
    }

    /// Records the success of a request.
    pub(super) fn succeeded(&mut self, target: Target, load: Load) {
        match target {
            Target::Load(key) => {
                if key == Key::List {
                    self.lists.push(load);
                }
                let loaded = &mut self.state_mut(key).loaded;
                *loaded = loaded.filter(|other| other.sequence > load.sequence).or(Some(load));
            }
            // The outage is over, so loads that failed because of it may be tried again.
            Target::Update(_) => {
                let is_client_error = |failure: &Failure| failure.status == StatusCode::UNAUTHORIZED;
                for state in self.users.iter_mut().chain([&mut self.list]) {
                    state.failed = state.failed.filter(is_client_error);
                }
            }
        }
    }

    /// Records the failure of a request.
    pub(super) fn failed(&mut self, target: Target, load: Load, status: StatusCode, now: Duration) {
        if let Target::Load(key) = target {
            let Load { sequence, counts, .. } = load;
            let failure = Failure { sequence, status, counts, until: now + BACK_OFF };
            let failed = &mut self.state_mut(key).failed;
            *failed = failed.filter(|other| other.sequence > sequence).or(Some(failure));
        }
    }

    /// Checks the result of a read.
    pub(super) fn read_ended(
        &mut self,
        reader: &PendingRead,
        result: &Result<ReadValue, Error>,
        now: Duration,
    ) {
        match result {
            Ok(value) => {
                self.calls.reported += u64::from(value.calls);
                self.check_value(reader, value, now);
                let is_stale = value.served != Served::Fresh;
                self.calls.stale_reads += u64::from(is_stale && reader.policy == CachePolicy::StaleAllowed);
            }
            Err(error) => {
                self.calls.reported += u64::from(error.attempts());
                self.check_error(reader, error);
            }
        }
    }

    fn check_value(&self, reader: &PendingRead, value: &ReadValue, now: Duration) {
        let PendingRead { key, policy, .. } = *reader;
        let expected: Vec<_> = match key {
            Key::User(user) => vec![user],
            Key::List => (0..USERS).collect(),
        };
        assert!(value.versions.iter().map(|(user, _)| *user).eq(expected), "{key:?}: {:?}", value.versions);

        let is_allowed = match value.served {
            Served::Fresh => true,
            Served::Stale(Stale::Failed(ErrorKind::Server)) => {
                matches!(policy, CachePolicy::Default | CachePolicy::StaleAllowed)
            }
            _ => policy == CachePolicy::StaleAllowed,
        };
        assert!(is_allowed, "{policy:?} was served {:?}", value.served);
        if let Some(oldest) = reader.hit {
            assert_eq!((value.served, value.calls), (Served::Fresh, 0), "{key:?} is cached");
            self.check_versions(reader, value, oldest, "a later version was loaded", now);
        }

        let (oldest, why) = match value.served {
            Served::Fresh => (reader.oldest, "a later version was known before the read"),
            Served::Stale(Stale::Invalidated) => (reader.cleared, "the cache was cleared since"),
            // Changes during the read count, too.
            _ => (self.required, "a later version is known"),
        };
        self.check_versions(reader, value, oldest, why, now);
        if value.served != Served::Fresh {
            assert!(value.age < TTL + STALE_IF_ERROR, "stale at the age of {:?}", value.age);
        } else if reader.is_new {
            // A load that took long may return a value that is older than its time to live.
            assert!(value.age < TTL, "fresh at the age of {:?}", value.age);
            assert!(policy != CachePolicy::Refresh, "a refresh was not sent");
        }

        // The age is not too low: every version was current when the request was sent, or later.
        for (user, version) in &value.versions {
            let sent_at = now.saturating_sub(value.age);
            let replaced_at = self.account.replaced_at(*user, *version);
            let was_current = replaced_at.is_none_or(|replaced_at| replaced_at >= sent_at);
            assert!(was_current || self.may_lag(*user, sent_at), "{key:?} is older than {:?}", value.age);
        }
    }

    fn check_versions(
        &self,
        reader: &PendingRead,
        value: &ReadValue,
        oldest: Versions,
        why: &str,
        now: Duration,
    ) {
        let is_refresh = reader.policy == CachePolicy::Refresh && reader.key == Key::List;
        for (user, version) in &value.versions {
            let oldest = match oldest[*user] {
                oldest if is_refresh && self.may_lag(*user, now.saturating_sub(value.age)) => {
                    oldest.min(self.required[*user])
                }
                oldest => oldest,
            };
            assert!(
                *version >= oldest,
                "{:?} shows version {version} instead of {oldest} or later: {why}",
                reader.key
            );
        }
    }

    fn check_error(&self, reader: &PendingRead, error: &Error) {
        let PendingRead { key, policy, is_new, .. } = *reader;
        assert!(reader.hit.is_none(), "{key:?} is cached: {error}");
        let is_repeated = error.attempts() == 0 && is_new;
        let has_failed_with = |status: StatusCode| {
            let states = [self.state(key), &self.list].into_iter();
            states.filter_map(|state| Some((state.failed?, state.counts))).any(|(failure, counts)| {
                failure.status == status && failure.counts.invalidations == counts.invalidations
            })
        };
        match error.kind() {
            ErrorKind::NotCached => assert_eq!((policy, error.attempts()), (CachePolicy::OnlyIfCached, 0)),
            // A 401 from before a change must not be repeated after it.
            ErrorKind::Unauthorized => {
                assert!(!is_repeated || has_failed_with(StatusCode::UNAUTHORIZED));
            }
            kind => assert_eq!(kind, ErrorKind::Server),
        }
    }

    /// Checks that every load was reported to a reader or was a refresh-ahead. One more load is allowed for
    /// each reader that was dropped or got a stale value.
    pub(super) fn check_calls(&self, stats: CacheStats) {
        let Calls { loads, reported, dropped, stale_reads, .. } = self.calls;
        let counted = reported + stats.refreshes;
        let calls = format!("{:?}, {stats:?}", self.calls);
        assert!(counted <= loads && loads <= counted + dropped + stale_reads, "{calls}");
    }
}
