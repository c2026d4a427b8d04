//! How a read uses the cache.

/// How a read uses the cache; see [`UserApi::cache_policy`](crate::UserApi::cache_policy).
///
/// ```no_run
/// # async fn example(api: ultracart_client::UserApi) -> Result<(), ultracart_client::Error> {
/// use ultracart_client::CachePolicy;
///
/// let users = api.cache_policy(CachePolicy::Refresh).get_users().await?; // one call, whatever is cached
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CachePolicy {
    /// Returns a fresh cached value, or makes a call. In an outage (such as no connection, a timeout or a
    /// 5xx), returns an expired value for as long as `stale_if_error` allows, but never one that a write or a
    /// webhook invalidated.
    #[default]
    Default,
    /// Returns a fresh cached value, or makes a call and returns its error if it fails.
    NeverStale,
    /// Makes a call that is sent after this read was requested, and caches its result. Concurrent refreshes
    /// share the call.
    Refresh,
    /// Makes a call of its own. The cache is neither read nor filled.
    Bypass,
    /// Returns a fresh cached value, or fails with [`ErrorKind::NotCached`](crate::ErrorKind::NotCached).
    /// Never makes a call.
    OnlyIfCached,
    /// Returns any cached value at once, unless the value is older than its time to live plus
    /// `stale_if_error`. Waits for a call only if no value can be returned.
    ///
    /// An expired or invalidated value is refreshed in the background. A refresh can fail with an error that
    /// is not an outage, such as a 403. For a short time after that, reads return this error instead of the
    /// value.
    StaleAllowed,
}

impl CachePolicy {
    /// Returns the policy for reading an object that is then changed and written back. It never allows a
    /// stale value.
    pub(crate) fn for_change(self) -> Self {
        match self {
            Self::Default | Self::StaleAllowed => Self::NeverStale,
            Self::NeverStale | Self::Refresh | Self::Bypass | Self::OnlyIfCached => self,
        }
    }

    /// Returns whether a fresh cached value may be served.
    pub(super) fn reads_cache(self) -> bool {
        !matches!(self, Self::Refresh | Self::Bypass)
    }
}

/// The fields of an object that a caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequiredFields {
    All,
    /// Those that can be written back. Fields that only the server fills in may be missing.
    Writable,
}

/// How one read uses the cache, and which fields it needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub(crate) policy: CachePolicy,
    pub(crate) fields: RequiredFields,
}

impl From<CachePolicy> for Read {
    fn from(policy: CachePolicy) -> Self {
        Self { policy, fields: RequiredFields::All }
    }
}
