//! The cache of one kind of object, users or groups: the list and the single objects.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tracing::debug;
use ultracart_transport::{Error, ErrorKind, Instant};

use super::context::CacheContext;
use super::entries::Entries;
use super::entry::{Entry, Freshness, Lifetime, LoadedValue, MissingFields};
use super::failures::is_outage;
use super::loads::LoadRequest;
use super::logical_clock::{Change, LatestChange, LogicalClock, ReadStamp};
use super::policy::{CachePolicy, Read, RequiredFields};
use super::read_through::{CacheSettings, ReadThrough};
use super::response::{Cached, Served};
use super::stats::CacheStats;
use super::sync::{KeyedLocks, lock};
use crate::config::CacheRule;
use crate::list::Listing;

/// The cached list and the cached objects of one kind. They share a logical clock.
///
/// An object is served from the newer of two versions: the one in the list, or the one that came from a read
/// of this single object or from a write.
#[derive(Debug)]
pub(crate) struct Resource<L: Listing> {
    pub(super) logical_clock: Arc<LogicalClock>,
    pub(crate) list: Arc<ReadThrough<(), L>>,
    objects: Arc<ReadThrough<L::Id, L::Item>>,
    /// Which fields are missing from objects in the list, learned from the latest read of one object.
    missing_in_list: Mutex<MissingFields>,
    /// Which fields responses to writes lack, learned from the latest response that could be compared.
    missing_in_write_responses: Mutex<MissingFields>,
    locks: KeyedLocks<L::Id>,
}

/// A cached version of an object.
enum Version<L: Listing> {
    /// Read by itself, or returned by a write.
    Object(Arc<Entry<L::Item>>),
    Listed(Arc<Entry<L>>, Arc<L::Item>),
}

/// A cached list, and an object in it.
type Listed<L> = (Arc<Entry<L>>, Arc<<L as Listing>::Item>);

impl<L: Listing> Version<L> {
    fn stamp(&self) -> ReadStamp {
        match self {
            Self::Object(object) => object.stamp,
            Self::Listed(list, _) => list.stamp,
        }
    }
}

impl<L: Listing> Resource<L> {
    /// Creates the caches of two operations: the one that returns the list, and the one that returns one
    /// object.
    pub(super) fn new(
        [list_operation, object_operation]: [&'static str; 2],
        rule: &CacheRule,
        webhook_ttl: Option<Duration>,
        context: &Arc<CacheContext>,
    ) -> Self {
        let logical_clock = Arc::default();
        let list = CacheSettings {
            operation: list_operation,
            lifetime: Lifetime::new(rule),
            webhook_lifetime: Lifetime::with_webhooks(rule, webhook_ttl),
            can_lag: true,
            required: |logical_clock, ()| logical_clock.latest_change_of_any(),
        };
        // Objects are not refreshed ahead: an object that was read once may never be read again.
        let rule = &CacheRule { refresh_at: 1.0, ..rule.clone() };
        let objects = CacheSettings {
            operation: object_operation,
            lifetime: Lifetime::new(rule),
            webhook_lifetime: Lifetime::with_webhooks(rule, webhook_ttl),
            can_lag: L::ITEM_MAY_COME_FROM_LIST,
            required: |logical_clock, id| logical_clock.latest_change_of(L::raw_id(id)).generation,
        };
        let entries = Entries::objects(objects.max_age());
        Self {
            list: ReadThrough::new(list, Entries::list(), &logical_clock, context),
            objects: ReadThrough::new(objects, entries, &logical_clock, context),
            logical_clock,
            missing_in_list: Mutex::new(MissingFields::Unknown),
            missing_in_write_responses: Mutex::new(MissingFields::Unknown),
            locks: KeyedLocks::new(),
        }
    }

    /// Reads one object: from the cache, from a reload of an outdated list, or with a call for the object
    /// alone.
    pub(crate) async fn get<F, G>(
        &self,
        id: L::Id,
        read: Read,
        call: impl Fn(LoadRequest) -> F,
        call_list: impl Fn(LoadRequest) -> G,
    ) -> Result<Cached<L::Item>, Error>
    where
        F: Future<Output = Result<LoadedValue<L::Item>, Error>> + Send + 'static,
        G: Future<Output = Result<LoadedValue<L>, Error>> + Send + 'static,
    {
        // With `Default` the two caches must not serve stale values: `stale_instead_of` serves the newer of
        // their versions.
        let policy = if read.policy == CachePolicy::Default { CachePolicy::NeverStale } else { read.policy };
        let mut list_calls = 0;
        if read.policy.reads_cache() {
            if let Some((version, Freshness::Fresh | Freshness::RefreshDue)) = self.newest(id, read.fields) {
                return Ok(self.hit(&version));
            }
            if self.should_read_with_list(id, read) {
                match self.list.get((), policy.into(), call_list).await {
                    Ok(list) => {
                        if let Some(item) = self.current_in(&list, id) {
                            return Ok(list.part(item));
                        }
                        list_calls = list.calls();
                    }
                    Err(error) if is_about_the_list(&error) => list_calls = error.attempts(),
                    Err(error) => return self.stale_instead_of(error, id, read),
                }
            }
        }
        match self.objects.get(id, Read { policy, ..read }, call).await {
            Ok(object) => {
                if object.calls() > 0 {
                    self.learn_missing_fields(id, &object);
                }
                Ok(object.after_calls(list_calls))
            }
            Err(error) => {
                // A cached failure (0 attempts) has done this before.
                if error.is_not_found() && error.attempts() > 0 {
                    self.invalidate_deleted(id);
                }
                let calls = list_calls + error.attempts();
                self.stale_instead_of(error.with_attempts(calls), id, read)
            }
        }
    }

    /// Returns false if this client knows of a change of the object since `read` was sent.
    pub(crate) fn is_current(&self, id: L::Id, read: &Cached<L::Item>) -> bool {
        read.stamp().generation >= self.change_of(id).generation
    }

    /// Locks an object while it is read, changed and written back. Plain writes don't use this lock.
    pub(crate) async fn lock(&self, id: L::Id) -> OwnedMutexGuard<()> {
        self.locks.lock(id).await
    }

    /// Caches the object that a write returned. A field counts as missing if the previous cached version has
    /// it and the returned object does not. If there is no version to compare with, the result of the latest
    /// comparison is used.
    pub(super) fn cache_written(&self, id: L::Id, item: Arc<L::Item>, stamp: ReadStamp) {
        let mut missing = lock(&self.missing_in_write_responses);
        let before = self.latest_cached(id).filter(|(_, missing)| *missing != MissingFields::Unknown);
        if let Some((before, missing_before)) = before {
            *missing = missing_fields::<L>(&item, &before, |_| false).max(missing_before);
        }
        let loaded = LoadedValue { value: item, calls: 0, pages: 1 };
        let entry = Entry::new(loaded, stamp, self.objects.settings.lifetime).missing(*missing);
        self.objects.put(id, entry);
    }

    pub(super) fn clear(&self) {
        self.list.clear();
        self.objects.clear();
    }

    pub(super) fn stats(&self) -> CacheStats {
        let mut stats = self.list.stats();
        stats += self.objects.stats();
        stats
    }

    fn change_of(&self, id: L::Id) -> LatestChange {
        self.logical_clock.latest_change_of(L::raw_id(id))
    }

    /// Returns the newer of an object's two cached versions. Ignores versions that are invalidated or too
    /// old, or that lack one of these fields.
    fn newest(&self, id: L::Id, fields: RequiredFields) -> Option<(Version<L>, Freshness)> {
        let change = self.change_of(id);
        let object = self.objects.entries.get(id).filter(|object| {
            object.stamp.generation >= change.generation && object.missing.satisfies(fields)
        });
        let object = object.map(|object| {
            let freshness = self.objects.freshness(&object);
            (Version::Object(object), freshness)
        });
        let listed = self.listed(id, change).filter(|_| lock(&self.missing_in_list).satisfies(fields));
        let listed = listed.map(|(list, item)| {
            let freshness = self.list.freshness(&list);
            (Version::Listed(list, item), freshness)
        });
        let versions = listed.into_iter().chain(object);
        // Of two equal stamps, the last wins: the object, which is more complete.
        versions
            .filter(|(_, freshness)| *freshness != Freshness::TooOld)
            .max_by_key(|(version, _)| version.stamp())
    }

    fn hit(&self, version: &Version<L>) -> Cached<L::Item> {
        match version {
            Version::Object(object) => self.objects.hit(object),
            Version::Listed(list, item) => {
                self.objects.counters.hit(1);
                list.serve(Served::Fresh, self.list.context.now(), 0).part(Arc::clone(item))
            }
        }
    }

    /// Serves the newest cached version instead of the error of an outage, if the policy allows it.
    fn stale_instead_of(&self, error: Error, id: L::Id, read: Read) -> Result<Cached<L::Item>, Error> {
        let is_allowed = read.policy == CachePolicy::Default && is_outage(&error);
        match self.newest(id, read.fields).filter(|_| is_allowed) {
            Some((Version::Object(object), _)) => Ok(self.objects.serve_instead_of(&error, &object)),
            Some((Version::Listed(list, item), _)) => {
                Ok(self.list.serve_instead_of(&error, &list).part(item))
            }
            None => Err(error),
        }
    }

    /// Returns the object in the cached list. Returns `None` if the list may lack `change`, the object's
    /// latest change.
    fn listed(&self, id: L::Id, change: LatestChange) -> Option<Listed<L>> {
        let list = self.list.entries.get(())?;
        let has_seen_change =
            list.stamp.generation >= change.generation && list.stamp.at >= change.lists_lag_until;
        let item = list.value.find(id).filter(|_| has_seen_change).map(Arc::clone)?;
        Some((list, item))
    }

    /// Returns the object in a list that was just read, unless the list may lag behind a write of the object.
    fn current_in(&self, list: &Cached<L>, id: L::Id) -> Option<Arc<L::Item>> {
        let (stamp, change) = (list.stamp(), self.change_of(id));
        let lags = stamp.generation >= change.generation && stamp.at < change.lists_lag_until;
        list.find(id).filter(|_| !lags).map(Arc::clone)
    }

    /// Returns whether to read the object by reloading its list.
    ///
    /// These conditions must always hold:
    ///
    /// - The policy is not `OnlyIfCached`.
    /// - Lists are known to have the required fields.
    /// - The cached list contains the object.
    /// - The cached list has one page, so that a reload costs one call.
    ///
    /// With `StaleAllowed`, these must hold, too:
    ///
    /// - The list has the newest cached version of the object.
    /// - That version does not lag behind a write.
    ///
    /// With any other policy, these must hold, too:
    ///
    /// - The list is outdated for all its objects, so that the reload also serves later reads.
    /// - Lists no longer lag behind a write of the object.
    fn should_read_with_list(&self, id: L::Id, read: Read) -> bool {
        let is_allowed =
            read.policy != CachePolicy::OnlyIfCached && lock(&self.missing_in_list).satisfies(read.fields);
        let Some(list) = self.list.entries.get(()).filter(|_| is_allowed) else { return false };
        let LatestChange { generation, lists_lag_until } = self.change_of(id);
        let serves = if read.policy == CachePolicy::StaleAllowed {
            let is_newest = self.objects.entries.get(id).is_none_or(|object| object.stamp < list.stamp);
            is_newest && (list.stamp.generation < generation || list.stamp.at >= lists_lag_until)
        } else {
            let is_outdated = self.list.freshness(&list) == Freshness::Expired
                || list.stamp.generation < self.logical_clock.latest_change_of_all().generation;
            is_outdated && self.list.context.now() >= lists_lag_until
        };
        serves && list.pages == 1 && list.value.find(id).is_some()
    }

    /// Invalidates the list if it still contains this object, which the server no longer has.
    fn invalidate_deleted(&self, id: L::Id) {
        let change = self.change_of(id);
        if self.listed(id, change).is_some() {
            self.logical_clock.record(Change::Object(L::raw_id(id)), Instant::START);
        }
    }

    /// Returns a cached version of an object, whatever its age, and which fields that version lacks. Uses the
    /// version in the list only if no other version is cached.
    fn latest_cached(&self, id: L::Id) -> Option<(Arc<L::Item>, MissingFields)> {
        if let Some(object) = self.objects.entries.get(id) {
            return Some((Arc::clone(&object.value), object.missing));
        }
        let list = self.list.entries.get(())?;
        let item = list.value.find(id)?;
        Some((Arc::clone(item), *lock(&self.missing_in_list)))
    }

    /// Compares an object from a single read with its listed version, to learn which fields lists lack.
    fn learn_missing_fields(&self, id: L::Id, object: &L::Item) {
        let Some((list, item)) = self.listed(id, self.change_of(id)) else { return };
        // If another listed object has the field, lists include it, and this object got it since the list was
        // read.
        let is_listed = |name: &str| {
            list.value.iter().any(|member| !L::missing_fields(member, object).any(|missing| missing == name))
        };
        let mut missing = missing_fields::<L>(&item, object, is_listed);
        // An object without read-only fields does not show whether lists omit them.
        let empty = L::Item::default();
        let tells = |name: &&str| L::missing_fields(&empty, object).any(|shown| shown == *name);
        if !L::READ_ONLY_FIELDS.iter().all(tells) {
            missing = missing.max(MissingFields::ReadOnly);
        }
        debug!(?missing, "what the objects of a list lack");
        *lock(&self.missing_in_list) = missing;
    }
}

/// Returns which fields `version` lacks and `other` has, except those for which `is_excused` returns true.
fn missing_fields<L: Listing>(
    version: &L::Item,
    other: &L::Item,
    is_excused: impl Fn(&str) -> bool,
) -> MissingFields {
    let missing = L::missing_fields(version, other).filter(|name| !is_excused(name));
    let kinds = missing.map(|name| {
        if L::READ_ONLY_FIELDS.contains(&name) { MissingFields::ReadOnly } else { MissingFields::Writable }
    });
    kinds.max().unwrap_or(MissingFields::Nothing)
}

/// Returns whether an error concerns the list only, so that the object can still be read by itself.
fn is_about_the_list(error: &Error) -> bool {
    let kinds = [ErrorKind::Decode, ErrorKind::PaginationLoop, ErrorKind::BodyTooLarge, ErrorKind::Api];
    kinds.contains(&error.kind())
}
