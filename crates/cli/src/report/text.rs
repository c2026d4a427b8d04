//! Formats untrusted text and numbers for people.

use std::borrow::Cow;

use jiff::Timestamp;
use maud::{Markup, html};

/// Makes control characters and invisible characters visible. HTML escaping alone is not enough for untrusted
/// text: `\u{202e}` reverses the text after it, so that `\u{202e}gpj.exe` is shown as `exe.jpg`.
pub(super) use crate::text::terminal as visible;

/// Maximum number of characters that [`untrusted`] shows of a name or another text. `audit.json` has the
/// complete text.
const MAX_TEXT: usize = 120;

/// Makes hidden characters visible with [`visible`], and shortens the text. A text of more than `longest`
/// characters is cut, and followed by its full length: `ab… (10,000 characters)`.
pub(super) fn short(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        None => visible(text),
        Some((end, _)) => {
            let length = text.chars().count();
            Cow::Owned(format!("{}… ({} characters)", visible(&text[..end]), number(length)))
        }
    }
}

/// Renders untrusted text, isolated so that right-to-left text does not reorder the text around it.
pub(super) fn untrusted(text: &str) -> Markup {
    html! { bdi { (short(text, MAX_TEXT)) } }
}

/// Renders untrusted text, or a dash if it is absent or blank.
pub(super) fn untrusted_or_dash(text: Option<&str>) -> Markup {
    match text {
        Some(text) if !text.trim().is_empty() => untrusted(text),
        _ => html! { span.none { "–" } },
    }
}

/// Formats a number with separators: `5231` as `5,231`.
pub(super) fn number(n: usize) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Formats a count with its noun: `1 user` or `5,231 users`.
pub(super) fn count(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
}

/// Formats a share such as `17%`. `0%` always means none, and `100%` always means all. Other shares that
/// would be rounded to 0 or 100 are shown as `<1%` or `>99%`.
pub(super) fn percent(part: usize, whole: usize) -> String {
    match (part, whole) {
        (0, _) | (_, 0) => "0%".to_owned(),
        _ if part >= whole => "100%".to_owned(),
        _ => {
            let rounded = (200 * part + whole) / (2 * whole);
            match rounded {
                0 => "<1%".to_owned(),
                100 => ">99%".to_owned(),
                n => format!("{n}%"),
            }
        }
    }
}

/// Formats a time like `30 June 2025, 12:00 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_cuts_long_text_and_adds_its_length() {
        assert_eq!(short("äöü", 3), "äöü");
        assert_eq!(short(&"ä".repeat(10_000), 2), "ää… (10,000 characters)");
        assert_eq!(untrusted("<b>&").into_string(), "<bdi>&lt;b&gt;&amp;</bdi>");
    }

    #[test]
    fn numbers_have_separators_and_shares_are_rounded() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(count(1, "user"), "1 user");
        assert_eq!(count(2_000, "user"), "2,000 users");
        let shares = [(0, 5), (1, 1_000), (1, 3), (999, 1_000), (5, 5), (1, 0)];
        assert_eq!(
            shares.map(|(part, whole)| percent(part, whole)),
            ["0%", "<1%", "33%", ">99%", "100%", "0%"]
        );
    }
}
