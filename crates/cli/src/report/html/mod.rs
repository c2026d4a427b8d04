//! Writes `audit.html`: one self-contained page to read, sort, print and archive.
//!
//! Most of its text is untrusted. maud escapes markup, and `text` makes invisible characters visible. As a
//! second line of defence, the page's Content-Security-Policy allows only its own style and script,
//! identified by their hashes.

mod findings;
mod head;
mod intro;
mod matrix;
mod page;
mod svg;
mod tables;
mod timeline;

use std::io::{self, Write};

use maud::{DOCTYPE, html};
use ultracart_client::audit::Review;

use super::stats::Stats;
use page::Page;

/// Writes the page.
pub(super) fn write(review: &Review, stats: &[Stats<'_>], out: &mut dyn Write) -> io::Result<()> {
    let page = Page::new(review, stats);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            (head::head(&page))
            body {
                a.skip href="#findings" { "Skip to the findings" }
                (intro::header(&page))
                (intro::navigation())
                main {
                    (intro::missing(&page))
                    (intro::summary(&page))
                    (findings::section(&page))
                    (matrix::section(&page))
                    (timeline::section(&page))
                    (tables::users::section(&page))
                    (tables::groups::section(&page))
                    (tables::permissions::section(&page))
                    (tables::logins::section(&page))
                    (intro::about(&page))
                }
                footer { p { "Created by " code { "ultracart audit" } ", version " (env!("CARGO_PKG_VERSION")) "." } }
                (head::script())
            }
        }
    };
    out.write_all(markup.into_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, Style};
    use super::super::stats;
    use super::*;

    fn page(users: usize, style: Style) -> String {
        let review = sample::review(users, style);
        let mut out = Vec::new();
        write(&review, &stats::of(&review), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn page_loads_nothing_and_escapes_untrusted_text() {
        let html = page(60, Style::Hostile);
        assert_eq!(html.matches("<script").count(), 1, "the page's own");
        assert_eq!(html.matches("<style").count(), 1, "the page's own");
        for forbidden in [
            "<img",
            "<svg onload",
            "<iframe",
            "<object",
            "http-equiv=\"refresh\"",
            " style=\"",
            " onclick=\"",
        ] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
        let references = html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        for reference in references {
            assert!(reference.starts_with('#') || reference == "data:,", "{reference}");
        }
        assert!(html.contains("&lt;script&gt;window.hacked=1&lt;/script&gt;"));
        let is_invisible = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert_eq!(html.chars().find(|&c| is_invisible(c)), None);
    }

    #[test]
    fn page_of_5000_users_stays_small() {
        let html = page(5_000, Style::Usual);
        for html in [&html, &page(5_000, Style::Scattered)] {
            let megabytes = html.len() / 1_000_000;
            assert!(megabytes < 8, "{megabytes} MB");
            let pictures: usize = html
                .split("<figure")
                .skip(1)
                .map(|figure| figure.split("</figure").next().unwrap().matches('<').count())
                .sum();
            assert!(pictures < 2_500, "{pictures} elements in the pictures");
        }
        let dormant = html.split("id=\"dormant\"").nth(1).unwrap().split("</article>").next().unwrap();
        assert_eq!(dormant.matches("<li>").count(), 500);
        assert!(dormant.contains(" more are in <code>audit.json"));
        let rows = html.split("id=\"users\"").nth(1).unwrap().split("</table>").next().unwrap();
        assert_eq!(rows.matches("<tr").count(), 5_001);
    }

    #[test]
    fn page_of_empty_account_is_written() {
        let html = page(0, Style::Usual);
        assert!(html.contains("0 users"), "{html}");
        assert!(!html.contains("NaN"));
    }

    #[test]
    fn missing_parts_are_listed_before_findings() {
        let html = page(60, Style::Incomplete);
        let missing = html.find("id=\"missing\"").unwrap();
        assert!(missing < html.find("id=\"findings\"").unwrap());
        assert!(html.contains("the list of groups"));
        assert!(!page(60, Style::Usual).contains("id=\"missing\""));
    }
}
