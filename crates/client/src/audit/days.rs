//! Times and spans as a reader of the review says them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ultracart_model::UserLogin;

const DAY: u64 = 86_400;

/// UltraCart keeps logins this long.
pub(crate) const KEPT: Duration = Duration::from_hours(90 * 24);

/// `90 days`, or finer where it does not come out even.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds / DAY {
        1 if seconds == DAY => "1 day".to_owned(),
        days if days > 0 && seconds == days * DAY => format!("{days} days"),
        _ => humantime::format_duration(Duration::from_secs(seconds)).to_string(),
    }
}

/// The calendar day, by the clock that wrote the time down.
pub(crate) fn day(login: &UserLogin) -> Option<String> {
    let dts = login.login_dts.as_ref()?;
    Some(dts.offset()?.to_datetime(dts.timestamp()?).date().to_string())
}

/// `duration` before `at`, or the beginning of time.
pub(crate) fn before(at: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| at.checked_sub(duration).ok())
        .unwrap_or(Timestamp::MIN)
}

/// The latest login whose time can be read.
pub(crate) fn latest(logins: &[UserLogin]) -> Option<&UserLogin> {
    logins.iter().filter(|login| instant(login).is_some()).max_by_key(|login| instant(login))
}

/// When it happened, if that can be read.
pub(crate) fn instant(login: &UserLogin) -> Option<Timestamp> {
    login.login_dts.as_ref()?.timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_days_where_they_come_out_even() {
        assert_eq!(span(KEPT), "90 days");
        assert_eq!(span(Duration::from_secs(DAY)), "1 day");
        assert_eq!(span(Duration::from_secs(DAY + 3_600)), "1day 1h");
        assert_eq!(span(Duration::from_mins(1)), "1m");
    }

    #[test]
    fn a_span_longer_than_time_goes_back_to_its_beginning() {
        assert_eq!(before(Timestamp::UNIX_EPOCH, Duration::MAX), Timestamp::MIN);
        assert_eq!(before(Timestamp::UNIX_EPOCH, Duration::from_secs(5)).as_second(), -5);
    }

    #[test]
    fn the_latest_login_is_by_instant_and_its_day_by_its_own_clock() {
        let logins = ["?", "2025-03-01T23:30:00-05:00", "2025-03-02T02:00:00+00:00"]
            .map(|dts| UserLogin::new().login_dts(dts));
        let last = latest(&logins).unwrap();
        assert_eq!(day(last).as_deref(), Some("2025-03-01"));
        assert_eq!(latest(&logins[..1]), None);
    }
}
