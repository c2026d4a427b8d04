//! What the handles of one client share.

use std::sync::Arc;

use tokio::sync::OnceCell;
use ultracart_transport::Transport;

use crate::cache::Caches;
use crate::config;

/// What all clones of a client and of its APIs share.
pub(crate) struct Inner {
    pub(crate) transport: Transport,
    pub(crate) caches: Arc<Caches>,
    /// Whether `getGroup` returns no body, as UltraCart documents it. The first call for a group tells.
    pub(crate) get_group_returns_nothing: OnceCell<bool>,
    pub(crate) audit: config::Audit,
    pub(crate) base_url: String,
}
