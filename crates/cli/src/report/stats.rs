//! What a user's logins come to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use ultracart_client::audit::{Review, ReviewedUser};
use ultracart_model::UserLogin;

/// A login on a weekday from this hour on and before [`CLOSES`] is in office hours, by the clock that wrote the time.
pub(super) const OPENS: i8 = 7;
/// See [`OPENS`].
pub(super) const CLOSES: i8 = 19;

/// What the logins of one user come to.
#[derive(Debug, Default)]
pub(super) struct Stats<'a> {
    /// Whether they could be read.
    pub(super) read: bool,
    /// How many there are.
    pub(super) logins: usize,
    /// The first and the last one whose time can be read.
    pub(super) first: Option<(Timestamp, DateTime)>,
    pub(super) last: Option<(Timestamp, DateTime)>,
    /// Those at a readable time outside office hours.
    pub(super) off_hours: usize,
    /// How often from where.
    pub(super) addresses: BTreeMap<&'a str, usize>,
    /// How often with what.
    pub(super) agents: BTreeMap<&'a str, usize>,
}

/// The statistics of every user, in the order of the review.
pub(super) fn of(review: &Review) -> Vec<Stats<'_>> {
    review.users.iter().map(user).collect()
}

fn user(user: &ReviewedUser) -> Stats<'_> {
    let Some(logins) = user.logins() else { return Stats::default() };
    let mut stats = Stats { read: true, logins: logins.len(), ..Stats::default() };
    for login in logins {
        if let Some(at) = local(login) {
            stats.off_hours += usize::from(is_off_hours(at.1));
            stats.first = Some(stats.first.map_or(at, |first| first.min(at)));
            stats.last = Some(stats.last.map_or(at, |last| last.max(at)));
        }
        for (text, seen) in
            [(&login.ip_address, &mut stats.addresses), (&login.user_agent, &mut stats.agents)]
        {
            if let Some(text) = text.as_deref().filter(|text| !text.trim().is_empty()) {
                *seen.entry(text).or_default() += 1;
            }
        }
    }
    stats
}

/// When a login was, and what the clock said that wrote it down.
pub(super) fn local(login: &UserLogin) -> Option<(Timestamp, DateTime)> {
    let dts = login.login_dts.as_ref()?;
    let at = dts.timestamp()?;
    Some((at, dts.offset()?.to_datetime(at)))
}

/// Whether it is outside office hours.
pub(super) fn is_off_hours(at: DateTime) -> bool {
    is_weekend(at.weekday()) || !(OPENS..CLOSES).contains(&at.hour())
}

/// Whether it is a Saturday or a Sunday.
pub(super) fn is_weekend(day: Weekday) -> bool {
    matches!(day, Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn office_hours_are_by_the_clock_that_wrote_the_time() {
        let off = |dts: &str| is_off_hours(local(&UserLogin::new().login_dts(dts)).unwrap().1);
        assert!(!off("2025-06-27T18:59:59-04:00"), "a Friday");
        assert!(off("2025-06-27T19:00:00-04:00"));
        assert!(!off("2025-06-27T07:00:00+09:00"));
        assert!(off("2025-06-28T12:00:00-04:00"), "a Saturday");
    }
}
