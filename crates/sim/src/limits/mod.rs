//! The account's rate limits. Each application and each IP address has its own windows.
//!
//! This code has nothing in common with the client's limiter. It does not repeat the limiter's errors, so
//! tests can find them.

mod fixed_window;
mod in_flight;
mod leaky_bucket;
mod sliding_log;
mod window;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

pub(crate) use self::in_flight::CallsInFlight;
use self::window::Meter;
pub use self::window::Window;

/// The calls that are counted together: those of an application or of an IP address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scope {
    /// All calls of the application with this name: the text `simple key`, or an OAuth client ID.
    Application(String),
    /// All calls from one IP address.
    Ip(IpAddr),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(name) => write!(f, "application {name}"),
            Self::Ip(address) => write!(f, "address {address}"),
        }
    }
}

/// The number of calls that are left in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remaining {
    /// The application or IP address whose calls the window counts.
    pub scope: Scope,
    /// The window.
    pub window: Window,
    /// Number of calls that are available now.
    pub calls: u32,
}

/// All windows of all scopes.
#[derive(Debug)]
pub(crate) struct Limits {
    windows: Vec<Window>,
    meters: BTreeMap<Scope, Vec<Meter>>,
}

impl Limits {
    pub(crate) fn new(windows: Vec<Window>, known: impl IntoIterator<Item = Scope>) -> Self {
        let meters = known.into_iter().map(|scope| (scope, meters(&windows))).collect();
        Self { windows, meters }
    }

    /// Returns the first full window of these scopes.
    pub(crate) fn first_full_window(&self, scopes: &[Scope], now: Duration) -> Option<&Window> {
        let windows = self.windows.iter().enumerate();
        scopes.iter().find_map(|scope| {
            let seen = self.meters.get(scope);
            windows.clone().find_map(|(index, window)| {
                let remaining = match seen.and_then(|meters| meters.get(index)) {
                    Some(meter) => meter.remaining(now),
                    None => window.meter().remaining(now),
                };
                (remaining == 0).then_some(window)
            })
        })
    }

    /// Counts a call in every window of these scopes.
    pub(crate) fn count(&mut self, scopes: &[Scope], now: Duration) {
        for scope in scopes {
            let meters = self.meters.entry(scope.clone()).or_insert_with(|| meters(&self.windows));
            for meter in meters {
                meter.add(now);
            }
        }
    }

    /// Returns the remaining calls in every window. Includes the scopes that were passed to `new` or to
    /// `count`, and no others.
    pub(crate) fn remaining(&self, now: Duration) -> Vec<Remaining> {
        let remaining = self.meters.iter().flat_map(|(scope, meters)| {
            self.windows.iter().zip(meters).map(move |(window, meter)| Remaining {
                scope: scope.clone(),
                window: window.clone(),
                calls: meter.remaining(now),
            })
        });
        remaining.collect()
    }

    /// Returns the default message of a scripted 429: the message of the first window. If there are no
    /// windows, it is the message of UltraCart's documented limit of 1,000 calls an hour.
    pub(crate) fn default_message(&self) -> String {
        match self.windows.first() {
            Some(window) => window.to_string(),
            None => Window::leaky_bucket(1_000, Duration::from_hours(1)).to_string(),
        }
    }
}

fn meters(windows: &[Window]) -> Vec<Meter> {
    windows.iter().map(Window::meter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_has_its_own_windows() {
        let (key, other) = (Scope::Application("a".into()), Scope::Application("b".into()));
        let ip = Scope::Ip([127, 0, 0, 1].into());
        let day = Window::leaky_bucket(3, Duration::from_hours(24));
        let hour = Window::leaky_bucket(2, Duration::from_hours(1));
        let mut limits = Limits::new(vec![hour.clone(), day.clone()], []);
        let now = Duration::ZERO;
        limits.count(&[key.clone(), ip.clone()], now);
        limits.count(std::slice::from_ref(&key), now);
        assert_eq!(limits.first_full_window(&[key.clone(), ip.clone()], now), Some(&hour));
        assert_eq!(limits.first_full_window(&[other.clone(), ip.clone()], now), None);
        limits.count(&[other.clone(), ip.clone()], now);
        assert_eq!(limits.first_full_window(&[other, ip.clone()], now), Some(&hour), "the address is full");
        let later = Duration::from_hours(1);
        limits.count(std::slice::from_ref(&ip), later);
        assert_eq!(limits.first_full_window(&[ip], later), Some(&day));
    }
}
