//! Entries and whether they are valid: by age on the client's clock, and by the generation at which they were read.

use std::sync::Arc;
use std::time::Duration;

use ultracart_transport::Instant;

use super::context::CacheContext;
use super::entry::{Entry, Freshness, Lifetime, Lifetimes, Loaded};
use super::generations::{Generation, Generations, ReadStamp};
use super::policy::RequiredFields;
use super::store::EntryStore;

/// The entries of one operation, and the rules for them.
pub(crate) struct Entries<S: EntryStore> {
    pub(super) settings: Settings<S::Key>,
    pub(super) store: S,
    pub(super) generations: Arc<Generations>,
    pub(super) context: Arc<CacheContext>,
}

/// What tells one cache from another.
pub(super) struct Settings<K> {
    pub(super) operation: &'static str,
    pub(super) lifetimes: Lifetimes,
    /// How long an entry lives that may not show a write of this client yet, if that can be so: a list may lag.
    pub(super) lagging_ttl: Option<Duration>,
    /// Returns the generation that an entry must have seen to be valid.
    pub(super) required: fn(&Generations, K) -> Generation,
}

/// The state of an entry.
pub(super) enum Found<V: ?Sized> {
    Fresh(Arc<Entry<V>>),
    RefreshDue(Arc<Entry<V>>),
    Expired(Arc<Entry<V>>),
    Invalidated(Arc<Entry<V>>),
}

impl<S: EntryStore> Entries<S> {
    pub(super) fn new(
        settings: Settings<S::Key>,
        store: S,
        generations: &Arc<Generations>,
        context: &Arc<CacheContext>,
    ) -> Self {
        Self { settings, store, generations: Arc::clone(generations), context: Arc::clone(context) }
    }

    /// Returns whether caching is switched off.
    pub(super) fn is_off(&self) -> bool {
        self.settings.lifetimes.usual.ttl.is_zero()
    }

    /// Returns the generation that an entry must have seen to be valid.
    #[inline]
    pub(super) fn required(&self, key: S::Key) -> Generation {
        (self.settings.required)(&self.generations, key)
    }

    /// Finds an entry that has these fields, and judges it by age and generation.
    pub(super) fn find(
        &self,
        key: S::Key,
        fields: RequiredFields,
        required: Generation,
    ) -> Option<Found<S::Value>> {
        let entry = self.store.get(key)?;
        let now = self.context.now();
        let freshness = entry.freshness(now, self.lifetime(&entry, now));
        if freshness == Freshness::TooOld {
            // Personal data leaves memory when its time is up.
            self.store.remove(key, &entry);
            return None;
        }
        if !entry.missing.allow(fields) {
            return None;
        }
        if entry.stamp.generation < required {
            return Some(Found::Invalidated(entry));
        }
        let is_expired = entry.expires_by.is_some_and(|instant| now >= instant);
        Some(match freshness {
            Freshness::Fresh if !is_expired => Found::Fresh(entry),
            Freshness::RefreshDue if !is_expired => Found::RefreshDue(entry),
            _ => Found::Expired(entry),
        })
    }

    /// Returns the entry of a key if it is fresh and has these fields.
    pub(super) fn fresh(
        &self,
        key: S::Key,
        fields: RequiredFields,
        required: Generation,
    ) -> Option<Arc<Entry<S::Value>>> {
        match self.find(key, fields, required)? {
            Found::Fresh(entry) | Found::RefreshDue(entry) => Some(entry),
            Found::Expired(_) | Found::Invalidated(_) => None,
        }
    }

    /// Returns how fresh an entry is by its age alone.
    pub(super) fn freshness(&self, entry: &Entry<S::Value>) -> Freshness {
        let now = self.context.now();
        entry.freshness(now, self.lifetime(entry, now))
    }

    #[inline]
    pub(super) fn lifetime(&self, entry: &Entry<S::Value>, now: Instant) -> Lifetime {
        match self.settings.lifetimes.with_webhooks {
            Some(lifetime) if self.context.webhooks.cover(entry.stamp.at, now) => lifetime,
            _ => self.settings.lifetimes.usual,
        }
    }

    /// Makes an entry of what a load brought.
    pub(super) fn entry(&self, loaded: Loaded<S::Value>, stamp: ReadStamp) -> Entry<S::Value> {
        let entry = Entry::new(loaded, stamp, self.settings.lifetimes.usual);
        match self.settings.lagging_ttl {
            Some(ttl) if stamp.at < self.generations.lists_lag_until() => entry.expire_by(stamp.at + ttl),
            _ => entry,
        }
    }
}
