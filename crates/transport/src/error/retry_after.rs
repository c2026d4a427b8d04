//! Parses the header `Retry-After`. UltraCart does not document it, but UltraCart's PHP client obeys it.
//!
//! The value comes from the network, so it is limited to one day.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// The longest wait that is returned: the length of the longest window that UltraCart documents.
const MAX_WAIT: Duration = Duration::from_hours(24);

/// Returns how long the server asks to wait; `None` if the header is missing or invalid.
///
/// The header contains seconds or a date. A wait until a date is measured from the response's header `Date`.
/// If there is no valid `Date`, it is measured from `wall`.
pub(crate) fn parse(headers: &HeaderMap, wall: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that overflow a `u64` are a long wait, too.
        return Some(value.parse().map_or(MAX_WAIT, Duration::from_secs).min(MAX_WAIT));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let until = date(value)?;
    let now = headers.get(DATE).and_then(|value| date(value.to_str().ok()?)).unwrap_or(wall);
    Some(until.duration_since(now).unwrap_or_default().min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(retry_after: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        parse(&headers, SystemTime::UNIX_EPOCH + Duration::from_mins(1))
    }

    #[test]
    fn retry_after_takes_seconds_or_date() {
        for (retry_after, date, expected) in [
            ("7", None, Some(7)),
            (" 7 ", None, Some(7)),
            ("0", None, Some(0)),
            ("86401", None, Some(86_400)),
            ("99999999999999999999999", None, Some(86_400)),
            ("Thu, 01 Jan 1970 00:01:07 GMT", None, Some(7)),
            ("Thu, 01 Jan 1970 00:00:59 GMT", None, Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some("Sun, 06 Nov 1994 08:49:07 GMT"), Some(30)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some("garbage"), Some(86_400)),
            ("", None, None),
            ("-7", None, None),
            ("7.5", None, None),
            ("soon", None, None),
            ("\t", None, None),
        ] {
            assert_eq!(
                parsed(retry_after, date),
                expected.map(Duration::from_secs),
                "{retry_after:?} {date:?}"
            );
        }
    }
}
