//! Parses 429 responses. Their texts come from the network, so every value is checked.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::retry_after;

/// The longest window that is accepted from a 429, in seconds: a leap year.
const MAX_WINDOW_SECONDS: u64 = 366 * 86_400;

/// The parsed contents of a 429 response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// How long the server asks to wait. `None` if the header `Retry-After` is missing or invalid.
    pub(crate) retry_after: Option<Duration>,
    /// The window whose limit was exceeded. `None` if the response names no valid window, for example if the
    /// reason is concurrent calls or suspected abuse.
    pub(crate) window: Option<RejectedWindow>,
}

/// A window of the quota, as a 429 describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RejectedWindow {
    /// Calls that the server allows in the window.
    pub(crate) calls: u32,
    /// Length of the window.
    pub(crate) per: Duration,
}

impl Rejection {
    /// Parses the headers, and the body if the headers do not name a window.
    pub(crate) fn parse(headers: &HeaderMap, body: &[u8], wall: SystemTime) -> Self {
        let header = headers.get("uc-rest-error").map(http::HeaderValue::as_bytes).unwrap_or_default();
        Self {
            retry_after: retry_after::parse(headers, wall),
            window: window(header).or_else(|| window(body)),
        }
    }
}

/// Finds a window in a text such as `rate of 10000 per 86400 second(s) exceeded.`
fn window(text: &[u8]) -> Option<RejectedWindow> {
    /// Maximum length of the text that is searched, in bytes. The rest is ignored.
    const MAX_TEXT: usize = 64 * 1024;
    let text = text.get(..MAX_TEXT).unwrap_or(text);
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    text.match_indices("rate of ").find_map(|(at, found)| {
        let (calls, rest) = leading_number(&text[at + found.len()..])?;
        let (seconds, rest) = leading_number(rest.strip_prefix(" per ")?)?;
        let calls = u32::try_from(calls).ok().filter(|calls| *calls > 0)?;
        let is_window = rest.starts_with(" second") && (1..=MAX_WINDOW_SECONDS).contains(&seconds);
        is_window.then(|| RejectedWindow { calls, per: Duration::from_secs(seconds) })
    })
}

/// Splits a text into the number that it starts with and the rest.
fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(u32, u64)> {
        window(text.as_bytes()).map(|window| (window.calls, window.per.as_secs()))
    }

    #[test]
    fn window_is_parsed_from_text() {
        for (text, expected) in [
            ("rate of 10000 per 86400 second(s) exceeded.", Some((10_000, 86_400))),
            ("Rate of 1000 Per 3600 seconds exceeded", Some((1_000, 3_600))),
            ("the rate of things; rate of 5 per 1 second", Some((5, 1))),
            ("rate of 0 per 3600 second(s) exceeded", None),
            ("rate of 5 per 0 second(s) exceeded", None),
            ("rate of -5 per 3600 second(s)", None),
            ("rate of 5 per 3600 minutes", None),
            ("rate of 5 per 99999999999 second(s)", None),
            ("rate of 4294967296 per 3600 second(s)", None),
            ("rate of 99999999999999999999999 per 3600 second(s)", None),
            ("rate of 5 per ", None),
            ("rate of ", None),
            ("concurrent requests are not allowed.", None),
            ("", None),
        ] {
            assert_eq!(parsed(text), expected, "{text:?}");
        }
        let per = Duration::from_mins(1);
        assert_eq!(window(b"\xff rate of 7 per 60 second(s)"), Some(RejectedWindow { calls: 7, per }));
    }

    #[test]
    fn window_in_body_is_used_without_header() {
        let mut headers = HeaderMap::new();
        let body = br#"{"error":{"developer_message":"rate of 10000 per 86400 second(s) exceeded."}}"#;
        let parse = |headers: &HeaderMap| Rejection::parse(headers, body, SystemTime::UNIX_EPOCH);
        assert_eq!(
            parse(&headers).window,
            Some(RejectedWindow { calls: 10_000, per: Duration::from_hours(24) })
        );
        headers.insert("uc-rest-error", "rate of 1000 per 3600 second(s) exceeded.".parse().unwrap());
        headers.insert(http::header::RETRY_AFTER, "7".parse().unwrap());
        let rejection = parse(&headers);
        let per = Duration::from_hours(1);
        assert_eq!(rejection.window, Some(RejectedWindow { calls: 1_000, per }));
        assert_eq!(rejection.retry_after, Some(Duration::from_secs(7)));
    }
}
