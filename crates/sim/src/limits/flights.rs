//! Which calls are in flight.

use std::time::Duration;

use super::Scope;

#[derive(Debug, Default)]
pub(crate) struct Flights {
    open: Vec<Flight>,
    next: u64,
}

#[derive(Debug)]
struct Flight {
    id: u64,
    scopes: Vec<Scope>,
    /// Set where the client went away while the server was working: when that ends.
    until: Option<Duration>,
}

/// How many calls are in flight that share a scope with a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Others {
    /// Sharing any scope.
    pub(crate) any: u32,
    /// Sharing the busiest scope: what the limit is about.
    pub(crate) busiest: u32,
}

impl Flights {
    pub(crate) fn others(&mut self, scopes: &[Scope], now: Duration) -> Others {
        self.open.retain(|flight| flight.until.is_none_or(|until| until > now));
        let count = |matches: &dyn Fn(&Flight) -> bool| {
            u32::try_from(self.open.iter().filter(|flight| matches(flight)).count()).unwrap_or(u32::MAX)
        };
        Others {
            any: count(&|flight| flight.scopes.iter().any(|scope| scopes.contains(scope))),
            busiest: scopes
                .iter()
                .map(|scope| count(&|flight| flight.scopes.contains(scope)))
                .max()
                .unwrap_or(0),
        }
    }

    /// A call starts; the answer is what to end it with.
    pub(crate) fn start(&mut self, scopes: Vec<Scope>) -> u64 {
        self.next += 1;
        self.open.push(Flight { id: self.next, scopes, until: None });
        self.next
    }

    /// A call ends, at once or when the server is done with it.
    pub(crate) fn end(&mut self, id: u64, until: Option<Duration>) {
        if let Some(place) = self.open.iter().position(|flight| flight.id == id) {
            if until.is_some() {
                self.open[place].until = until;
            } else {
                self.open.swap_remove(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_given_up_stays_until_the_server_is_done() {
        let (key, ip) = (Scope::Application("a".into()), Scope::Ip([10, 0, 0, 1].into()));
        let mut flights = Flights::default();
        let first = flights.start(vec![key.clone(), ip.clone()]);
        let second = flights.start(vec![ip.clone()]);
        let others = |flights: &mut Flights, scope: &Scope, now| {
            flights.others(std::slice::from_ref(scope), Duration::from_secs(now)).busiest
        };
        assert_eq!((others(&mut flights, &key, 0), others(&mut flights, &ip, 0)), (1, 2));
        flights.end(first, Some(Duration::from_secs(5)));
        flights.end(second, None);
        assert_eq!((others(&mut flights, &key, 4), others(&mut flights, &key, 5)), (1, 0));
    }
}
