//! The calls in flight.

use std::time::Duration;

use super::Scope;

/// The calls in flight, with their scopes.
#[derive(Debug, Default)]
pub(crate) struct CallsInFlight {
    open: Vec<Call>,
    next: u64,
}

#[derive(Debug)]
struct Call {
    id: u64,
    scopes: Vec<Scope>,
    /// The time at which the call ends, if the client disconnected before the response. Otherwise `None`: the
    /// call ends when its guard is dropped.
    until: Option<Duration>,
}

/// How many calls in flight share a scope with a new call, counted in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Others {
    /// Number of calls that share at least one scope with the new call.
    pub(crate) any: u32,
    /// The highest number of calls in any one scope of the new call. The limit applies to each scope
    /// separately, so this number decides whether the new call is rejected.
    pub(crate) busiest: u32,
}

impl CallsInFlight {
    pub(crate) fn others(&mut self, scopes: &[Scope], now: Duration) -> Others {
        self.open.retain(|call| call.until.is_none_or(|until| until > now));
        let count = |matches: &dyn Fn(&Call) -> bool| {
            u32::try_from(self.open.iter().filter(|call| matches(call)).count()).unwrap_or(u32::MAX)
        };
        Others {
            any: count(&|call| call.scopes.iter().any(|scope| scopes.contains(scope))),
            busiest: scopes.iter().map(|scope| count(&|call| call.scopes.contains(scope))).max().unwrap_or(0),
        }
    }

    /// Starts a call and returns its ID.
    pub(crate) fn start(&mut self, scopes: Vec<Scope>) -> u64 {
        self.next += 1;
        self.open.push(Call { id: self.next, scopes, until: None });
        self.next
    }

    /// Ends a call at the time `until`, or immediately if `until` is `None`.
    pub(crate) fn end(&mut self, id: u64, until: Option<Duration>) {
        if let Some(index) = self.open.iter().position(|call| call.id == id) {
            if until.is_some() {
                self.open[index].until = until;
            } else {
                self.open.swap_remove(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abandoned_call_is_in_flight_until_its_end() {
        let (key, ip) = (Scope::Application("a".into()), Scope::Ip([10, 0, 0, 1].into()));
        let mut calls = CallsInFlight::default();
        let first = calls.start(vec![key.clone(), ip.clone()]);
        let second = calls.start(vec![ip.clone()]);
        let others = |calls: &mut CallsInFlight, scope: &Scope, now| {
            calls.others(std::slice::from_ref(scope), Duration::from_secs(now)).busiest
        };
        assert_eq!((others(&mut calls, &key, 0), others(&mut calls, &ip, 0)), (1, 2));
        calls.end(first, Some(Duration::from_secs(5)));
        calls.end(second, None);
        assert_eq!((others(&mut calls, &key, 4), others(&mut calls, &key, 5)), (1, 0));
    }
}
