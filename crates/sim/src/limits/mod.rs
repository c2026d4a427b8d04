//! What the account allows: so many calls in each window, for the application and for the IP address, each on its own.
//!
//! These are plain models, written apart from any client's limiter, so that one can be held against the other.

mod fixed;
mod flights;
mod leaky;
mod log;
mod window;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

pub(crate) use self::flights::Flights;
use self::window::Meter;
pub use self::window::Window;

/// Whose calls are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scope {
    /// All that call with one credential: `simple key`, or an OAuth client's id.
    Application(String),
    /// All that call from one address.
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

/// How many calls a window has room for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remaining {
    /// Whose calls the window counts.
    pub scope: Scope,
    /// The window.
    pub window: Window,
    /// How many calls fit in now.
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

    /// The first window that has no room for a call of these scopes.
    pub(crate) fn full(&self, scopes: &[Scope], now: Duration) -> Option<&Window> {
        let windows = self.windows.iter().enumerate();
        scopes.iter().find_map(|scope| {
            let seen = self.meters.get(scope);
            windows.clone().find_map(|(place, window)| {
                let remaining = match seen.and_then(|meters| meters.get(place)) {
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

    /// How much room there is in every window of every scope that has called.
    pub(crate) fn remaining(&self, now: Duration) -> Vec<Remaining> {
        let rooms = self.meters.iter().flat_map(|(scope, meters)| {
            self.windows.iter().zip(meters).map(move |(window, meter)| Remaining {
                scope: scope.clone(),
                window: window.clone(),
                calls: meter.remaining(now),
            })
        });
        rooms.collect()
    }

    /// What a scripted 429 says that was given no text.
    pub(crate) fn any_message(&self) -> String {
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
    fn each_scope_has_windows_of_its_own_and_the_first_full_one_is_named() {
        let (key, other) = (Scope::Application("a".into()), Scope::Application("b".into()));
        let ip = Scope::Ip([127, 0, 0, 1].into());
        let day = Window::leaky_bucket(3, Duration::from_hours(24));
        let hour = Window::leaky_bucket(2, Duration::from_hours(1));
        let mut limits = Limits::new(vec![hour.clone(), day.clone()], []);
        let now = Duration::ZERO;
        limits.count(&[key.clone(), ip.clone()], now);
        limits.count(std::slice::from_ref(&key), now);
        assert_eq!(limits.full(&[key.clone(), ip.clone()], now), Some(&hour));
        assert_eq!(limits.full(&[other.clone(), ip.clone()], now), None);
        limits.count(&[other.clone(), ip.clone()], now);
        assert_eq!(limits.full(&[other, ip.clone()], now), Some(&hour), "the address is full");
        let later = Duration::from_hours(1);
        limits.count(std::slice::from_ref(&ip), later);
        assert_eq!(limits.full(&[ip], later), Some(&day));
    }
}
