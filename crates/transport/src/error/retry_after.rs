//! `Retry-After`: undocumented by UltraCart, honoured by its PHP client, and read with distrust.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// No server gets us to wait longer than the longest window of the documents.
const CAP: Duration = Duration::from_hours(24);

/// How long the server asks to wait: whole seconds, or a date by the server's own clock where it tells it.
pub(crate) fn parse(headers: &HeaderMap, wall: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too long for a number is too long to wait, too.
        return Some(value.parse().map_or(CAP, Duration::from_secs).min(CAP));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let until = date(value)?;
    let now = headers.get(DATE).and_then(|value| date(value.to_str().ok()?)).unwrap_or(wall);
    Some(until.duration_since(now).unwrap_or_default().min(CAP))
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
    fn seconds_and_dates_are_read_and_garbage_is_not() {
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
