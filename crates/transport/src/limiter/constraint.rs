//! What can hold a call back.

use serde::Serialize;

use crate::config::Window;

/// Whom UltraCart counts a call for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scope {
    /// The credential.
    Application,
    /// The IP address, whatever the credential.
    Address,
}

/// What decides when a call may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Constraint {
    /// A window of the quota.
    Window {
        /// Whom the window counts calls for.
        scope: Scope,
        /// The window.
        window: Window,
    },
    /// The calls before it, which are sent one after the other.
    Pace,
    /// As many calls are in flight as may be.
    InFlight,
    /// The pause after each call.
    GuardGap,
    /// The pause after a call whose outcome was not seen.
    Quarantine,
    /// The pause after a 429.
    Hold,
}
