//! What the API needs to know to load a value for a cache.

use std::sync::Arc;

use ultracart_transport::limiter::Priority;
use ultracart_transport::{AttemptHook, EarlierAttempts, Error, ErrorKind};

/// How the call of a load is made.
#[derive(Clone, Debug)]
pub(crate) struct LoadRequest {
    pub(crate) priority: Priority,
    /// What the cache did, for the call's span: `miss`, `refresh` or `bypass`.
    pub(crate) label: &'static str,
    /// Tells the cache when the call is sent.
    pub(crate) hook: Option<Arc<dyn AttemptHook>>,
}

impl LoadRequest {
    /// Marks the load as sent, for an object that comes out of another load: it is as new as what is requested next.
    pub(crate) fn mark_sent(&self) -> Result<(), Error> {
        match &self.hook {
            Some(hook) if hook.before_attempt(EarlierAttempts::HadNoEffect).is_break() => {
                Err(Error::new(ErrorKind::Internal, "a newer load has taken the place of this one"))
            }
            _ => Ok(()),
        }
    }
}
