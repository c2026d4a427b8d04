//! Statistics of each user's logins.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use ultracart_client::audit::{Review, ReviewedUser};
use ultracart_model::UserLogin;

/// Hour at which office hours start, from Monday to Friday, in the UTC offset of the login.
pub(super) const OFFICE_HOURS_START: i8 = 7;
/// Hour at which office hours end: a login at 19:00 is outside them.
pub(super) const OFFICE_HOURS_END: i8 = 19;

/// Statistics of the logins of one user.
#[derive(Debug, Default)]
pub(super) struct Stats<'a> {
    /// Whether the login history could be read.
    pub(super) is_history_read: bool,
    /// Number of logins.
    pub(super) logins: usize,
    /// Time of the first login, in UTC and as the login's local time. `None` if there is no login whose time
    /// can be parsed.
    pub(super) first: Option<(Timestamp, DateTime)>,
    /// Time of the last login, in UTC and as the login's local time. `None` if there is no login whose time
    /// can be parsed.
    pub(super) last: Option<(Timestamp, DateTime)>,
    /// Number of logins outside office hours, of those whose time can be parsed.
    pub(super) off_hours: usize,
    /// Number of logins from each IP address.
    pub(super) addresses: BTreeMap<&'a str, usize>,
    /// Number of logins with each user agent.
    pub(super) agents: BTreeMap<&'a str, usize>,
}

/// Returns the statistics of every user, in the order of the review.
pub(super) fn of(review: &Review) -> Vec<Stats<'_>> {
    review.users.iter().map(user).collect()
}

fn user(user: &ReviewedUser) -> Stats<'_> {
    let Some(logins) = user.logins() else { return Stats::default() };
    let mut stats = Stats { is_history_read: true, logins: logins.len(), ..Stats::default() };
    for login in logins {
        if let Some(at) = local(login) {
            stats.off_hours += usize::from(is_off_hours(at.1));
            stats.first = Some(stats.first.map_or(at, |first| first.min(at)));
            stats.last = Some(stats.last.map_or(at, |last| last.max(at)));
        }
        for (text, counts) in
            [(&login.ip_address, &mut stats.addresses), (&login.user_agent, &mut stats.agents)]
        {
            if let Some(text) = text.as_deref().filter(|text| !text.trim().is_empty()) {
                *counts.entry(text).or_default() += 1;
            }
        }
    }
    stats
}

/// Returns the time of a login, in UTC and as local time. The local time has the UTC offset of `login_dts`.
/// Returns `None` if `login_dts` is absent or cannot be parsed.
pub(super) fn local(login: &UserLogin) -> Option<(Timestamp, DateTime)> {
    let dts = login.login_dts.as_ref()?;
    let at = dts.timestamp()?;
    Some((at, dts.offset()?.to_datetime(at)))
}

/// Returns whether a local time is outside office hours.
pub(super) fn is_off_hours(at: DateTime) -> bool {
    is_weekend(at.weekday()) || !(OFFICE_HOURS_START..OFFICE_HOURS_END).contains(&at.hour())
}

/// Returns whether a weekday is a Saturday or a Sunday.
pub(super) fn is_weekend(day: Weekday) -> bool {
    matches!(day, Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn office_hours_are_in_offset_of_login() {
        let off = |dts: &str| is_off_hours(local(&UserLogin::new().login_dts(dts)).unwrap().1);
        assert!(!off("2025-06-27T18:59:59-04:00"), "a Friday");
        assert!(off("2025-06-27T19:00:00-04:00"));
        assert!(!off("2025-06-27T07:00:00+09:00"));
        assert!(off("2025-06-28T12:00:00-04:00"), "a Saturday");
    }
}
