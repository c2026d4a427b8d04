//! The head of the page, and what the page allows itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};
use ring::digest::{SHA256, digest};

use super::super::text::visible;
use super::page::Page;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The head, the policy first so that it holds for all the rest.
pub(super) fn head(page: &Page<'_>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy());
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="no-referrer";
            meta name="robots" content="noindex";
            // Without this a browser asks the server for one.
            link rel="icon" href="data:,";
            title { "Access review of " (visible(&page.review.host)) }
            style { (PreEscaped(STYLE)) }
        }
    }
}

/// The script, at the end of the body. The page is whole without it.
pub(super) fn script() -> Markup {
    html! { script { (PreEscaped(SCRIPT)) } }
}

fn policy() -> String {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn hash(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, content.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_that_browsers_make() {
        assert_eq!(hash("doSomething();"), "sha256-RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc=");
    }

    #[test]
    fn style_and_script_end_where_they_should_and_load_nothing() {
        for content in [STYLE, SCRIPT] {
            assert!(!content.contains("</") && !content.contains("<!--"));
            assert!(!content.contains("http:") && !content.contains("https:") && !content.contains("url("));
        }
    }
}
