//! How a read goes about the cache.

/// How a read goes about what is remembered; see [`UserApi::cache_policy`](crate::UserApi::cache_policy).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CachePolicy {
    /// What is remembered while it is good, else a call; and where the server cannot be reached, what is remembered for as
    /// long as `stale_if_error` allows, unless a write or a webhook has made it invalid.
    #[default]
    Default,
    /// What is remembered while it is good, else a call; where that fails, its error.
    NeverStale,
    /// A call that begins after this was asked, and is remembered. Those who ask meanwhile share it.
    Refresh,
    /// A call of one's own, that is neither looked for nor remembered.
    Bypass,
    /// What is remembered while it is good, else [`ErrorKind::NotCached`](crate::ErrorKind::NotCached). Never a call.
    OnlyIfCached,
    /// What is remembered, also where it is too old or a write has made it invalid, and then a call in the background
    /// for the next one who asks. A call to wait for only where nothing is remembered.
    StaleAllowed,
}

impl CachePolicy {
    /// How an object is read that is to be changed: never as it was too long ago.
    pub(crate) fn for_a_change(self) -> Self {
        match self {
            Self::Default | Self::StaleAllowed => Self::NeverStale,
            Self::NeverStale | Self::Refresh | Self::Bypass | Self::OnlyIfCached => self,
        }
    }
}
