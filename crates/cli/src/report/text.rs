//! Strings that strangers chose, and numbers, for readers.

use std::borrow::Cow;

use jiff::Timestamp;
use maud::{Markup, html};

/// Escaping is not enough against strangers: `\u{202e}` makes `gpj.exe` of `exe.jpg` without any markup.
pub(super) use crate::text::terminal as visible;

/// A name in the page is no longer than this; the whole of it is in `audit.json`.
const LONGEST: usize = 120;

/// [`visible`], and no longer than a page can bear.
pub(super) fn short(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        None => visible(text),
        Some((end, _)) => {
            let length = text.chars().count();
            Cow::Owned(format!("{}… ({} characters)", visible(&text[..end]), number(length)))
        }
    }
}

/// A stranger's text in the page: kept apart from what stands around it, whichever way it runs.
pub(super) fn name(text: &str) -> Markup {
    html! { bdi { (short(text, LONGEST)) } }
}

/// A stranger's text, or a dash where there is none.
pub(super) fn name_or_dash(text: Option<&str>) -> Markup {
    match text {
        Some(text) if !text.trim().is_empty() => name(text),
        _ => html! { span.none { "–" } },
    }
}

/// `5231` as `5,231`.
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

/// `1 user`, `5,231 users`.
pub(super) fn count(n: usize, one: &str) -> String {
    format!("{} {one}{}", number(n), if n == 1 { "" } else { "s" })
}

/// `17%`, and neither nothing nor all where that is not so.
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

/// `30 June 2025, 12:00 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_says_how_long_it_is() {
        assert_eq!(short("äöü", 3), "äöü");
        assert_eq!(short(&"ä".repeat(10_000), 2), "ää… (10,000 characters)");
        assert_eq!(name("<b>&").into_string(), "<bdi>&lt;b&gt;&amp;</bdi>");
    }

    #[test]
    fn numbers_are_grouped_and_shares_do_not_exaggerate() {
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
