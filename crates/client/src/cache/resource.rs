//! A kind of object with its list: users, or groups.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tracing::debug;
use ultracart_transport::{Error, ErrorKind, Instant};

use super::context::CacheContext;
use super::entries::Entries;
use super::entry::{Entry, Freshness, Lifetime, Loaded, MissingFields};
use super::failures::is_outage;
use super::generations::{Change, Generations, LatestChange, ReadStamp};
use super::loads::LoadRequest;
use super::policy::{CachePolicy, Read, RequiredFields};
use super::read_through::{ReadThrough, Rules};
use super::response::{Cached, Served};
use super::stats::CacheStats;
use super::sync::{KeyedLocks, lock};
use crate::config::CacheRule;
use crate::list::Listing;

/// The cached list and the cached objects of one kind, which share a logical clock.
///
/// An object is served from the newer of two versions: the one in the list, or the one that was read by itself or returned by
/// a write.
#[derive(Debug)]
pub(crate) struct Resource<L: Listing> {
    pub(super) generations: Arc<Generations>,
    pub(crate) list: Arc<ReadThrough<(), L>>,
    objects: Arc<ReadThrough<L::Id, L::Item>>,
    /// What listed objects lack, learned from the latest object that was read by itself.
    missing_in_list: Mutex<MissingFields>,
    /// What replies to writes lack, learned from the latest reply that could be compared.
    missing_in_replies: Mutex<MissingFields>,
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
    /// Makes the caches of the operations that return the list and one object.
    pub(super) fn new(
        [list_operation, object_operation]: [&'static str; 2],
        rule: &CacheRule,
        webhook_ttl: Option<Duration>,
        context: &Arc<CacheContext>,
    ) -> Self {
        let generations = Arc::default();
        let list = Rules {
            operation: list_operation,
            lifetime: Lifetime::new(rule),
            webhook_lifetime: Lifetime::with_webhooks(rule, webhook_ttl),
            can_lag: true,
            required: |generations, ()| generations.of_list(),
        };
        // An object that was read once may never be read again: it is not refreshed ahead of its expiry.
        let rule = &CacheRule { refresh_at: 1.0, ..rule.clone() };
        let objects = Rules {
            operation: object_operation,
            lifetime: Lifetime::new(rule),
            webhook_lifetime: Lifetime::with_webhooks(rule, webhook_ttl),
            can_lag: L::READ_WITH_LIST,
            required: |generations, id| generations.of_object(L::raw_id(id)).generation,
        };
        let entries = Entries::objects(objects.max_age());
        Self {
            list: ReadThrough::new(list, Entries::list(), &generations, context),
            objects: ReadThrough::new(objects, entries, &generations, context),
            generations,
            missing_in_list: Mutex::new(MissingFields::Unknown),
            missing_in_replies: Mutex::new(MissingFields::Unknown),
            locks: KeyedLocks::new(),
        }
    }

    /// Reads one object: from the cache, else with a reload of the list that is due anyway, else by itself.
    pub(crate) async fn get<F, G>(
        &self,
        id: L::Id,
        read: Read,
        call: impl Fn(LoadRequest) -> F,
        call_list: impl Fn(LoadRequest) -> G,
    ) -> Result<Cached<L::Item>, Error>
    where
        F: Future<Output = Result<Loaded<L::Item>, Error>> + Send + 'static,
        G: Future<Output = Result<Loaded<L>, Error>> + Send + 'static,
    {
        // With `Default` the caches below must not serve stale values: `stale_instead_of` picks the newer of both versions.
        let policy = if read.policy == CachePolicy::Default { CachePolicy::NeverStale } else { read.policy };
        let mut list_calls = 0;
        if read.policy.reads_cache() {
            if let Some((version, Freshness::Fresh | Freshness::RefreshDue)) = self.newest(id, read.fields) {
                return Ok(self.hit(&version));
            }
            if self.list_reload_serves(id, read) {
                match self.list.get((), policy.into(), call_list).await {
                    Ok(list) => {
                        if let Some(item) = self.shown_in(&list, id) {
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
                // Only if this read made the call: a remembered error is no news.
                if error.is_not_found() && error.attempts() > 0 {
                    self.invalidate_deleted(id);
                }
                let calls = list_calls + error.attempts();
                self.stale_instead_of(error.with_attempts(calls), id, read)
            }
        }
    }

    /// Returns whether nothing has changed the object since `read` was sent, as far as this client knows.
    pub(crate) fn is_current(&self, id: L::Id, read: &Cached<L::Item>) -> bool {
        read.stamp().generation >= self.change_of(id).generation
    }

    /// Locks an object for reading, changing and writing it back. Plain writes don't take this lock.
    pub(crate) async fn lock(&self, id: L::Id) -> OwnedMutexGuard<()> {
        self.locks.lock(id).await
    }

    /// Caches the object that a write returned. Fields that the cached version before it has and the reply doesn't are missing
    /// in it. Without such a version, replies are as complete as the latest one that could be compared.
    pub(super) fn put_written(&self, id: L::Id, item: Arc<L::Item>, stamp: ReadStamp) {
        let mut missing = lock(&self.missing_in_replies);
        let before = self.any_version(id).filter(|(_, missing)| *missing != MissingFields::Unknown);
        if let Some((before, missing_before)) = before {
            *missing = missing_fields::<L>(&item, &before, |_| false).max(missing_before);
        }
        let loaded = Loaded { value: item, calls: 0, pages: 1 };
        let entry = Entry::new(loaded, stamp, self.objects.rules.lifetime).missing(*missing);
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
        self.generations.of_object(L::raw_id(id))
    }

    /// Returns the newer of the cached versions of an object that are valid and have these fields, whether fresh or expired.
    fn newest(&self, id: L::Id, fields: RequiredFields) -> Option<(Version<L>, Freshness)> {
        let change = self.change_of(id);
        let object =
            self.objects.entries.get(id).filter(|object| {
                object.stamp.generation >= change.generation && object.missing.allow(fields)
            });
        let object = object.map(|object| {
            let freshness = self.objects.freshness(&object);
            (Version::Object(object), freshness)
        });
        let listed = self.listed(id, change).filter(|_| lock(&self.missing_in_list).allow(fields));
        let listed = listed.map(|(list, item)| {
            let freshness = self.list.freshness(&list);
            (Version::Listed(list, item), freshness)
        });
        let versions = listed.into_iter().chain(object);
        // The last of two equal ones: the object, which is the more complete one.
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

    /// Serves the newest version instead of an error, if the policy allows that and the error is an outage.
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

    /// Returns the object in the cached list, if the list has seen its latest change and doesn't lag behind it.
    fn listed(&self, id: L::Id, change: LatestChange) -> Option<Listed<L>> {
        let list = self.list.entries.get(())?;
        let has_seen_change =
            list.stamp.generation >= change.generation && list.stamp.at >= change.lists_lag_until;
        let item = list.value.find(id).filter(|_| has_seen_change).map(Arc::clone)?;
        Some((list, item))
    }

    /// Returns the object in a list that was just read, unless the list may lag behind a write of the object.
    fn shown_in(&self, list: &Cached<L>, id: L::Id) -> Option<Arc<L::Item>> {
        let (stamp, change) = (list.stamp(), self.change_of(id));
        let lags = stamp.generation >= change.generation && stamp.at < change.lists_lag_until;
        list.find(id).filter(|_| !lags).map(Arc::clone)
    }

    /// Returns whether to read the object with its list.
    ///
    /// The cached list must hold the object, have one page (so that a reload costs one call) and not be known to lack required
    /// fields. It must also be outdated for all its objects, so that the reload serves later reads too, and no longer lag
    /// behind writes. With `StaleAllowed` it must instead be the newest version.
    fn list_reload_serves(&self, id: L::Id, read: Read) -> bool {
        let is_allowed =
            read.policy != CachePolicy::OnlyIfCached && lock(&self.missing_in_list).allow(read.fields);
        let Some(list) = self.list.entries.get(()).filter(|_| is_allowed) else { return false };
        let LatestChange { generation, lists_lag_until } = self.change_of(id);
        let serves = if read.policy == CachePolicy::StaleAllowed {
            let is_newest = self.objects.entries.get(id).is_none_or(|object| object.stamp < list.stamp);
            is_newest && (list.stamp.generation < generation || list.stamp.at >= lists_lag_until)
        } else {
            let is_outdated = self.list.freshness(&list) == Freshness::Expired
                || list.stamp.generation < self.generations.of_all_objects().generation;
            is_outdated && self.list.context.now() >= lists_lag_until
        };
        serves && list.pages == 1 && list.value.find(id).is_some()
    }

    /// Invalidates the list if it still has an object that the server no longer has.
    fn invalidate_deleted(&self, id: L::Id) {
        let change = self.change_of(id);
        if self.listed(id, change).is_some() {
            self.generations.record(Change::Object(L::raw_id(id)), Instant::START);
        }
    }

    /// Returns any cached version of an object, however old, with what it lacks.
    fn any_version(&self, id: L::Id) -> Option<(Arc<L::Item>, MissingFields)> {
        if let Some(object) = self.objects.entries.get(id) {
            return Some((Arc::clone(&object.value), object.missing));
        }
        let list = self.list.entries.get(())?;
        let item = list.value.find(id)?;
        Some((Arc::clone(item), *lock(&self.missing_in_list)))
    }

    /// Learns from an object that was read by itself what the objects in the list lack.
    fn learn_missing_fields(&self, id: L::Id, object: &L::Item) {
        let Some((list, item)) = self.listed(id, self.change_of(id)) else { return };
        // If another listed object has the field, lists include it: this object got it since.
        let is_listed = |name: &str| {
            list.value.iter().any(|member| !L::missing_fields(member, object).any(|missing| missing == name))
        };
        let mut missing = missing_fields::<L>(&item, object, is_listed);
        // An object without read-only fields doesn't tell whether lists leave them out.
        let empty = L::Item::default();
        let tells = |name: &&str| L::missing_fields(&empty, object).any(|shown| shown == *name);
        if !L::READ_ONLY_FIELDS.iter().all(tells) {
            missing = missing.max(MissingFields::ReadOnly);
        }
        debug!(?missing, "what the objects of a list lack");
        *lock(&self.missing_in_list) = missing;
    }
}

/// Returns what `version` lacks that `other` has, without the fields for which `is_excused` returns true.
fn missing_fields<L: Listing>(
    version: &L::Item,
    other: &L::Item,
    is_excused: impl Fn(&str) -> bool,
) -> MissingFields {
    let missing = L::missing_fields(version, other).filter(|name| !is_excused(name));
    let kinds = missing.map(|name| {
        if L::READ_ONLY_FIELDS.contains(&name) { MissingFields::ReadOnly } else { MissingFields::Writable }
    });
    kinds.max().unwrap_or(MissingFields::None)
}

/// Returns whether only the list failed, so that the object alone may be read.
fn is_about_the_list(error: &Error) -> bool {
    let kinds = [ErrorKind::Decode, ErrorKind::PaginationLoop, ErrorKind::BodyTooLarge, ErrorKind::Api];
    kinds.contains(&error.kind())
}
