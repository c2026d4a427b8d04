//! State shared by a client and its APIs.

use std::sync::Arc;

use tokio::sync::OnceCell;
use ultracart_transport::Transport;

use crate::cache::Caches;
use crate::config;

/// State shared by all clones of a [`Client`](crate::Client) and its [`UserApi`](crate::UserApi)s.
pub(crate) struct Inner {
    pub(crate) transport: Transport,
    pub(crate) caches: Arc<Caches>,
    /// Whether `getGroup` returns an empty response. UltraCart's documentation says that it does. The first
    /// `getGroup` call shows whether that is true, and sets this value.
    pub(crate) get_group_returns_nothing: OnceCell<bool>,
    pub(crate) audit: config::Audit,
    pub(crate) base_url: String,
}
