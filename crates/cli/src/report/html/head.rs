//! The head of the page with its Content-Security-Policy, and the script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};
use ring::digest::{SHA256, digest};

use super::super::text::visible;
use super::page::Page;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Renders the `head` element. The Content-Security-Policy comes before the style and the script: a policy
/// applies only to the elements after it.
pub(super) fn head(page: &Page<'_>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy());
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="no-referrer";
            meta name="robots" content="noindex";
            // Without this link a browser requests an icon from the server.
            link rel="icon" href="data:,";
            title { "Access review of " (visible(&page.review.host)) }
            style { (PreEscaped(STYLE)) }
        }
    }
}

/// Renders the script, which belongs at the end of the body. The script sorts and filters the tables. In the
/// picture of users and permissions, it describes the cell under the pointer. Without the script the page
/// still has all its content.
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
    fn hash_is_as_browsers_compute_it() {
        assert_eq!(hash("doSomething();"), "sha256-RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc=");
    }

    #[test]
    fn style_and_script_close_no_tag_and_load_nothing() {
        for content in [STYLE, SCRIPT] {
            assert!(!content.contains("</") && !content.contains("<!--"));
            assert!(!content.contains("http:") && !content.contains("https:") && !content.contains("url("));
        }
    }
}
