//! Parses the times of logins, and formats dates and durations for the reader of a review.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ultracart_model::UserLogin;

const DAY: u64 = 86_400;

/// Time for which UltraCart keeps login histories.
pub(crate) const RETENTION: Duration = Duration::from_hours(90 * 24);

/// Returns the duration as text, without fractions of a second. The form is `90 days` for whole days, and
/// `1day 1h` for all other durations.
pub(crate) fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds / DAY {
        1 if seconds == DAY => "1 day".to_owned(),
        days if days > 0 && seconds == days * DAY => format!("{days} days"),
        _ => humantime::format_duration(Duration::from_secs(seconds)).to_string(),
    }
}

/// Returns the date of a login in the UTC offset of its `login_dts`, or `None` if the time cannot be parsed.
pub(crate) fn login_date(login: &UserLogin) -> Option<String> {
    let dts = login.login_dts.as_ref()?;
    Some(dts.offset()?.to_datetime(dts.timestamp()?).date().to_string())
}

/// Returns the time `duration` before `at`, or the earliest possible time if that is out of range.
pub(crate) fn before(at: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| at.checked_sub(duration).ok())
        .unwrap_or(Timestamp::MIN)
}

/// Returns the latest of the logins whose time can be parsed.
pub(crate) fn latest(logins: &[UserLogin]) -> Option<&UserLogin> {
    logins.iter().filter(|login| login_time(login).is_some()).max_by_key(|login| login_time(login))
}

/// Returns the time of a login, or `None` if its `login_dts` is absent or cannot be parsed.
pub(crate) fn login_time(login: &UserLogin) -> Option<Timestamp> {
    login.login_dts.as_ref()?.timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_of_whole_days_is_shown_in_days() {
        assert_eq!(duration_text(RETENTION), "90 days");
        assert_eq!(duration_text(Duration::from_secs(DAY)), "1 day");
        assert_eq!(duration_text(Duration::from_secs(DAY + 3_600)), "1day 1h");
        assert_eq!(duration_text(Duration::from_mins(1)), "1m");
    }

    #[test]
    fn before_out_of_range_is_earliest_time() {
        assert_eq!(before(Timestamp::UNIX_EPOCH, Duration::MAX), Timestamp::MIN);
        assert_eq!(before(Timestamp::UNIX_EPOCH, Duration::from_secs(5)).as_second(), -5);
    }

    #[test]
    fn latest_login_keeps_date_of_its_own_offset() {
        let logins = ["?", "2025-03-01T23:30:00-05:00", "2025-03-02T02:00:00+00:00"]
            .map(|dts| UserLogin::new().login_dts(dts));
        let last = latest(&logins).unwrap();
        assert_eq!(login_date(last).as_deref(), Some("2025-03-01"));
        assert_eq!(latest(&logins[..1]), None);
    }
}
